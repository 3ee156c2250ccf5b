import { Box, Progress, Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useMemo } from "react";
import type { Schemas } from "../api/client";
import { overviewQuery } from "../api/queries";
import { formatBytes, formatCount, formatShare } from "../lib/numbers";
import { growthOf, logGrowthOf, logWillHave, sizeCurve } from "../lib/storage";
import { curveColor } from "../theme";
import { Chart } from "./chart";
import { Card } from "./page";

type Sizes = Schemas["SizeColumns"];
type LogSize = Schemas["LogSize"];

/** How large the database and the log are, and how they grew. Who sees one tenant only is not told. */
export function StorageCard() {
  const { database: sizes, log } = useQuery(overviewQuery).data ?? {};
  const bytes = sizes?.bytes.at(-1);
  if (!sizes || bytes === undefined) return null;
  return (
    <Card title="Storage" aside={<Text size="sm">The database has {formatBytes(bytes)}</Text>}>
      <Growth sizes={sizes} />
      {log && <Log size={log} sizes={sizes} />}
    </Card>
  );
}

/** The log takes no more when it is full: how near that is, and will be, is to be seen. */
function Log({ size, sizes }: { size: LogSize; sizes: Sizes }) {
  const { bytes, max_bytes } = size;
  const growth = logGrowthOf(sizes);
  const willHave = growth && logWillHave(size, growth);
  const later = willHave !== null && willHave > bytes && ` ${forecast(size, willHave)}`;
  if (max_bytes <= 0)
    return (
      <Text size="sm">
        The log has {formatBytes(bytes)}, without a limit.{later}
      </Text>
    );
  const told = `The log has ${formatBytes(bytes)} of ${formatBytes(max_bytes)}, ${formatShare(bytes, max_bytes)}`;
  const tone = bytes / max_bytes > NEARLY_FULL ? "bad" : "good";
  return (
    <Box mt="sm">
      <Text size="sm" mb={4}>
        {told}.{later}
      </Text>
      <Progress aria-label={told} value={(100 * bytes) / max_bytes} color={`var(--${tone})`} />
    </Box>
  );
}

const NEARLY_FULL = 0.9;
/** Above this part of its size, what is stored leaves the log before its replay window ends. */
const LEAVES_EARLY = 0.8;

function forecast({ max_bytes, replay_window_s }: LogSize, willHave: number): string {
  const pace = "At the pace of its last day it will have";
  const days = formatCount(replay_window_s / 86_400);
  if (max_bytes <= 0 || willHave < LEAVES_EARLY * max_bytes)
    return `${pace} about ${formatBytes(willHave)} when messages leave it, after ${days} days.`;
  return `${pace} ${formatShare(LEAVES_EARLY, 1)} before messages are ${days} days old: they will leave it earlier.`;
}

function Growth({ sizes }: { sizes: Sizes }) {
  const drawn = useMemo(() => {
    const { time_us, bytes, log_bytes } = sizes;
    return [
      { label: "database", unit: "MB", color: curveColor(4), curve: sizeCurve(time_us, bytes) },
      { label: "log", unit: "MB", color: curveColor(1), curve: sizeCurve(time_us, log_bytes), dashed: true },
    ];
  }, [sizes]);
  const growth = growthOf(sizes.time_us, sizes.bytes);
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
      <Text size="sm">{told}; the dashed line is the log.</Text>
    </>
  );
}
