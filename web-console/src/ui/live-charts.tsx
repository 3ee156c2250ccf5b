import { Group, Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useMemo } from "react";
import type { Schemas } from "../api/client";
import type { LiveReading } from "../api/live";
import { readingsQuery } from "../api/queries";
import { formatReading, seriesName } from "../lib/names";
import { type Curve, curveOf } from "../lib/plot";
import { type BySeries, extended, NO_READINGS } from "../lib/window";
import { curveColor } from "../theme";
import { Chart } from "./chart";
import { LinkAnchor } from "./links";
import { Empty, Loaded } from "./states";
import { useNow } from "./when";

type Series = Schemas["Series"];

const MAX_CHARTS = 12;
const WINDOW_S = 900;
const WINDOW = { from: `now-${WINDOW_S}s`, to: "now" };
const REFRESH_MS = 60_000;

/** The last quarter of an hour of each series, to which live readings are added as they come. */
export function LiveCharts({ series, live }: { series: Series[]; live: BySeries }) {
  const drawn = series.slice(0, MAX_CHARTS);
  const ids = drawn.map(({ id }) => id);
  const readings = useQuery(readingsQuery(ids, WINDOW, REFRESH_MS));
  const nowS = useNow(2000) / 1000;
  const curves = useMemo(
    () => new Map(readings.data?.series.map((each) => [each.series_id, curveOf(each) ?? NOTHING])),
    [readings.data],
  );
  if (drawn.length === 0) return null;
  return (
    <Loaded query={readings} rows={6}>
      {() => (
        <>
          <div className="cards">
            {drawn.map((each, index) => (
              <LiveChart
                key={each.id}
                series={each}
                stored={curves.get(each.id) ?? NOTHING}
                live={live.get(each.id) ?? NO_READINGS}
                color={curveColor(index)}
                nowS={nowS}
              />
            ))}
          </div>
          {series.length > MAX_CHARTS && (
            <Text size="sm" c="dimmed">
              Charts of the first {MAX_CHARTS} of {series.length} series; choose others in Explore.
            </Text>
          )}
        </>
      )}
    </Loaded>
  );
}

const NOTHING: Curve = { time: [], value: [] };

interface LiveChartProps {
  series: Series;
  stored: Curve;
  live: readonly LiveReading[];
  color: string;
  nowS: number;
}

function LiveChart({ series, stored, live, color, nowS }: LiveChartProps) {
  const curve = useMemo(() => extended(stored, live, nowS - WINDOW_S), [stored, live, nowS]);
  const name = seriesName(series);
  const drawn = useMemo(
    () => [{ label: name, unit: series.unit, color, curve }],
    [curve, name, series.unit, color],
  );
  const last = formatReading(curve.value.at(-1), series);
  return (
    <section className="card" aria-label={name}>
      <Group justify="space-between" mb={4} wrap="nowrap">
        <LinkAnchor to="/explore" search={{ series: String(series.id), from: "now-24h" }} fw={600}>
          {name}
        </LinkAnchor>
        <Text className="nowrap" style={{ fontVariantNumeric: "tabular-nums" }}>
          {last}
        </Text>
      </Group>
      {curve.time.length > 0 ? (
        <Chart
          label={`${name} over the last quarter of an hour, now ${last}`}
          drawn={drawn}
          fromS={nowS - WINDOW_S}
          toS={nowS}
          height={170}
        />
      ) : (
        <Empty title="Nothing in the last quarter of an hour" />
      )}
    </section>
  );
}
