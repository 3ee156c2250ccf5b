import type { Schemas } from "../api/client";
import { seriesName } from "../lib/names";
import { type Curve, curveOf, later, type Readings } from "../lib/plot";
import { type BySeries, extended } from "../lib/window";
import { curveColor } from "../theme";
import type { Drawn } from "./chart";

type Series = Schemas["Series"];
type ManyReadings = Schemas["ManyReadings"];

/** A series and what is drawn of it. */
export interface Plotted extends Drawn {
  series: Series;
  /** Whether its points are readings, not buckets. */
  raw: boolean;
  /** Of the period before, moved under this one. */
  earlier?: Curve;
}

const NOTHING: Curve = { time: [], value: [] };

/** What is known of each series; `before` is of the period before, so many seconds earlier. */
export function plottedOf(
  several: readonly Series[],
  shown: ManyReadings | undefined,
  before: ManyReadings | undefined,
  lengthS: number,
): Plotted[] {
  const [now, then] = [byId(shown), byId(before)];
  return several.map((series, index) => {
    const readings = now.get(series.id);
    const earlier = curve(then.get(series.id));
    return {
      series,
      label: `${series.device} ${seriesName(series)}`,
      unit: series.unit,
      color: curveColor(index),
      curve: curve(readings) ?? NOTHING,
      raw: readings?.resolution === "raw",
      earlier: earlier && later(earlier, lengthS),
    };
  });
}

function byId(many: ManyReadings | undefined): ReadonlyMap<number, Readings> {
  return new Map(many?.series.map((each) => [each.series_id, each]));
}

function curve(readings: Readings | undefined): Curve | undefined {
  return (readings && curveOf(readings)) ?? undefined;
}

/** With live readings at the ends of the curves of readings, and without what is older than `sinceS`. */
export function withTail(plotted: readonly Plotted[], tail: BySeries, sinceS: number): Plotted[] {
  return plotted.map((each) => {
    const came = tail.get(each.series.id);
    return each.raw && came ? { ...each, curve: extended(each.curve, came, sinceS) } : each;
  });
}

/** What a chart draws: each curve, and dashed the one before. */
export function drawnOf(plotted: readonly Plotted[]): Drawn[] {
  return plotted.flatMap(({ label, unit, color, curve, earlier }): Drawn[] => {
    const own = { label, unit, color, curve };
    if (!earlier) return [own];
    // Without its band: two bands on one another cannot be told apart.
    const before = { ...earlier, band: undefined };
    return [own, { ...own, label: `${label}, before`, curve: before, dashed: true }];
  });
}
