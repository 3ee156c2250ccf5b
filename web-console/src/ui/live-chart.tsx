import { Group, Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useMemo } from "react";
import type { Schemas } from "../api/client";
import type { LiveReading } from "../api/live";
import { readingsQuery } from "../api/queries";
import { formatValue } from "../lib/numbers";
import { curveOf } from "../lib/plot";
import { extended } from "../lib/window";
import { curveColor } from "../theme";
import { Chart } from "./chart";
import { LinkAnchor } from "./links";
import { Empty, Loaded } from "./states";

const WINDOW_S = 900;
const REFRESH_MS = 60_000;

/** The last quarter of an hour of a series, to which live readings are added as they come. */
export function LiveChart({
  series,
  live,
  color,
  nowMs,
}: {
  series: Schemas["Series"];
  live: readonly LiveReading[];
  color: number;
  nowMs: number;
}) {
  const readings = useQuery(readingsQuery(series.id, `now-${WINDOW_S}s`, "now", REFRESH_MS));
  const nowS = nowMs / 1000;
  const stored = useMemo(() => (readings.data ? curveOf(readings.data) : null), [readings.data]);
  const curve = useMemo(() => stored && extended(stored, live, nowS - WINDOW_S), [stored, live, nowS]);
  const drawn = useMemo(
    () => (curve ? [{ label: series.metric, unit: series.unit, color: curveColor(color), curve }] : []),
    [curve, series, color],
  );
  const last = curve?.value.at(-1);
  return (
    <section className="card" aria-label={series.metric}>
      <Group justify="space-between" mb={4} wrap="nowrap">
        <LinkAnchor to="/explore" search={{ series: String(series.id), from: "now-24h" }} fw={600}>
          {series.metric}
        </LinkAnchor>
        <Text className="nowrap" style={{ fontVariantNumeric: "tabular-nums" }}>
          {formatValue(last)} {series.unit}
        </Text>
      </Group>
      <Loaded query={readings} rows={4}>
        {() =>
          curve && curve.time.length > 0 ? (
            <Chart
              label={`${series.metric} over the last quarter of an hour, now ${formatValue(last)} ${series.unit}`}
              drawn={drawn}
              fromS={nowS - WINDOW_S}
              toS={nowS}
              height={170}
            />
          ) : (
            <Empty title="Nothing in the last quarter of an hour" />
          )
        }
      </Loaded>
    </section>
  );
}
