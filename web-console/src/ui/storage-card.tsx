import { Box, Progress, Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useMemo } from "react";
import type { Schemas } from "../api/client";
import { overviewQuery } from "../api/queries";
import { formatBytes, formatShare } from "../lib/numbers";
import { growthOf, sizeCurve } from "../lib/storage";
import { curveColor } from "../theme";
import { Chart } from "./chart";
import { Card } from "./page";

type Sizes = Schemas["SizeColumns"];

/** How large the database and the log are, and how the database grew. Who sees one tenant only is not told. */
export function StorageCard() {
  const { database: sizes, log } = useQuery(overviewQuery).data ?? {};
  const bytes = sizes?.bytes.at(-1);
  if (!sizes || bytes === undefined) return null;
  return (
    <Card title="Storage" aside={<Text size="sm">The database has {formatBytes(bytes)}</Text>}>
      <Growth sizes={sizes} />
      {log && <Log size={log} />}
    </Card>
  );
}

/** The log takes no more when it is full: how near that is, is to be seen. */
function Log({ size: { bytes, max_bytes } }: { size: Schemas["LogSize"] }) {
  if (max_bytes <= 0) return <Text size="sm">The log has {formatBytes(bytes)}, without a limit.</Text>;
  const told = `The log has ${formatBytes(bytes)} of ${formatBytes(max_bytes)}, ${formatShare(bytes, max_bytes)}`;
  const tone = bytes / max_bytes > NEARLY_FULL ? "bad" : "good";
  return (
    <Box mt="sm">
      <Text size="sm" mb={4}>
        {told}.
      </Text>
      <Progress aria-label={told} value={(100 * bytes) / max_bytes} color={`var(--${tone})`} />
    </Box>
  );
}

const NEARLY_FULL = 0.9;

function Growth({ sizes }: { sizes: Sizes }) {
  const drawn = useMemo(
    () => [{ label: "size", unit: "MB", color: curveColor(4), curve: sizeCurve(sizes) }],
    [sizes],
  );
  const growth = growthOf(sizes);
  if (growth === null)
    return (
      <Text size="sm" c="dimmed">
        Its growth is drawn from the second hour on.
      </Text>
    );
  const told = `${growth.bytesADay < 0 ? "It shrinks by" : "It grows by"} ${formatBytes(Math.abs(growth.bytesADay))} a day`;
  return (
    <>
      <Chart label={told} drawn={drawn} fromS={growth.fromS} toS={growth.toS} height={160} />
      <Text size="sm">{told}.</Text>
    </>
  );
}
