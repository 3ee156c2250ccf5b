import type { Schemas } from "../api/client";

export type Readings = Schemas["Readings"];

/** What is drawn of a series. Times in seconds since 1970 UTC, ascending; null breaks the line. */
export interface Curve {
  time: number[];
  value: (number | null)[];
  band?: { min: (number | null)[]; max: (number | null)[] };
}

/** Buckets end where the next begins; raw readings that are this many usual steps apart have a gap between. */
const GAP_STEPS = 5;
const BUCKET_S: Record<string, number> = { "10s": 10, "1m": 60, "10m": 600, "1h": 3600, "1d": 86_400 };

/** The curve of readings, with nulls where nothing was sent; null for text, which cannot be drawn. */
export function curveOf(readings: Readings): Curve | null {
  const { columns } = readings;
  if ("text" in columns) return null;
  const time = columns.time_us.map((us) => us / 1e6);
  if ("value" in columns) {
    return broken({ time, value: [...columns.value] }, usualStep(time) * GAP_STEPS);
  }
  const bucket = BUCKET_S[readings.resolution] ?? usualStep(time);
  const step = usualStep(time);
  // A day of 25 hours is no gap, nor is an empty bucket of what sends more seldom than once in each.
  const limit = step > bucket * 1.5 && time.length > 2 ? step * GAP_STEPS : bucket * 1.5;
  return broken({ time, value: [...columns.mean], band: { min: columns.min, max: columns.max } }, limit);
}

/** The median distance of neighbours; infinite where there are none. */
export function usualStep(time: readonly number[]): number {
  if (time.length < 3) return Number.POSITIVE_INFINITY;
  const steps = time.slice(1).map((at, index) => at - (time[index] ?? at));
  steps.sort((a, b) => a - b);
  return steps[steps.length >> 1] ?? Number.POSITIVE_INFINITY;
}

function broken(curve: Curve, limit: number): Curve {
  const result: Curve = { time: [], value: [], band: curve.band && { min: [], max: [] } };
  const put = (at: number, value: number | null, min?: number | null, max?: number | null) => {
    result.time.push(at);
    result.value.push(value);
    result.band?.min.push(min ?? null);
    result.band?.max.push(max ?? null);
  };
  curve.time.forEach((at, index) => {
    const before = curve.time[index - 1];
    if (before !== undefined && at - before > limit) put(before + (at - before) / 2, null);
    put(at, curve.value[index] ?? null, curve.band?.min[index], curve.band?.max[index]);
  });
  return result;
}

/** The curve as if it had been later by so many seconds. */
export function later(curve: Curve, seconds: number): Curve {
  return { ...curve, time: curve.time.map((at) => at + seconds) };
}

export interface Extremes {
  min: number;
  max: number;
  mean: number;
  last: number;
}

/** Over all that is drawn; null where nothing is. The mean is of the points, each weighing the same. */
export function extremesOf(curve: Curve): Extremes | null {
  const values = curve.value.filter((value) => value !== null);
  const last = values.at(-1);
  if (last === undefined) return null;
  const all = (more: (number | null)[] | undefined) => [...values, ...(more ?? []).filter((v) => v !== null)];
  return {
    min: all(curve.band?.min).reduce((a, b) => Math.min(a, b)),
    max: all(curve.band?.max).reduce((a, b) => Math.max(a, b)),
    mean: values.reduce((a, b) => a + b, 0) / values.length,
    last,
  };
}

/** Index of the point nearest to a time, -1 where there is none. `time` is ascending. */
export function nearest(time: readonly number[], at: number): number {
  let [low, high] = [0, time.length - 1];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((time[middle] ?? 0) < at) low = middle + 1;
    else high = middle;
  }
  const [before, after] = [time[low - 1], time[low]];
  return before !== undefined && after !== undefined && at - before < after - at
    ? low - 1
    : low < time.length
      ? low
      : -1;
}
