import { Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useMemo } from "react";
import type { Schemas } from "../api/client";
import { overviewQuery } from "../api/queries";
import { formatBytes } from "../lib/numbers";
import { growthOf, sizeCurve } from "../lib/storage";
import { curveColor } from "../theme";
import { Chart } from "./chart";
import { Card } from "./page";

type Sizes = Schemas["SizeColumns"];

/** How large the database is, and how it grew over the last month. Who sees one tenant only is not told. */
export function StorageCard() {
  const sizes = useQuery(overviewQuery).data?.database;
  const bytes = sizes?.bytes.at(-1);
  if (!sizes || bytes === undefined) return null;
  return (
    <Card title="Storage" aside={<Text size="sm">The database has {formatBytes(bytes)}</Text>}>
      <Growth sizes={sizes} />
    </Card>
  );
}

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
