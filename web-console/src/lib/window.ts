import type { LiveReading } from "../api/live";
import type { Curve } from "./plot";

/** Live readings by series, each in the order in which they came. */
export type BySeries = ReadonlyMap<number, readonly LiveReading[]>;

export const NO_READINGS: readonly LiveReading[] = [];
/** Of one series; what is older is asked for again before so many have come. */
const MAX_KEPT = 2000;

/** With what came since; of each series the newest few thousand. */
export function added(before: BySeries, readings: readonly LiveReading[]): BySeries {
  const came = new Map<number, LiveReading[]>();
  for (const reading of readings) {
    const own = came.get(reading.series_id);
    if (own) own.push(reading);
    else came.set(reading.series_id, [reading]);
  }
  const after = new Map(before);
  for (const [id, own] of came) after.set(id, [...(before.get(id) ?? NO_READINGS), ...own].slice(-MAX_KEPT));
  return after;
}

/** The curve with newer readings at its end, and without what is older than `sinceS`; the same one if nothing changed. */
export function extended(curve: Curve, readings: readonly LiveReading[], sinceS: number): Curve {
  const last = curve.time.at(-1) ?? Number.NEGATIVE_INFINITY;
  const newer = ascending(readings, last);
  const from = firstSince(curve.time, sinceS);
  if (from === 0 && newer.length === 0) return curve;
  return {
    time: [...curve.time.slice(from), ...newer.map(({ at }) => at)],
    value: [...curve.value.slice(from), ...newer.map(({ value }) => value)],
  };
}

function ascending(readings: readonly LiveReading[], afterS: number): { at: number; value: number }[] {
  const found: { at: number; value: number }[] = [];
  let last = afterS;
  for (const { time_us, value } of readings) {
    const at = time_us / 1e6;
    if (typeof value !== "number" || at <= last) continue;
    last = at;
    found.push({ at, value });
  }
  return found;
}

function firstSince(time: readonly number[], sinceS: number): number {
  const first = time.findIndex((at) => at >= sinceS);
  return first === -1 ? time.length : first;
}
