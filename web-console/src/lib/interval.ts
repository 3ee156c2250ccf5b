/** An interval as a person says it: a whole number of a unit. */
export interface Interval {
  count: number;
  unit: IntervalUnit;
}

export type IntervalUnit = "seconds" | "minutes" | "hours" | "days";

const SECONDS: Record<IntervalUnit, number> = { days: 86_400, hours: 3600, minutes: 60, seconds: 1 };
export const INTERVAL_UNITS = (Object.keys(SECONDS) as IntervalUnit[]).reverse();

/** In the largest unit that it is a whole number of. */
export function intervalOf(seconds: number): Interval {
  const unit = (Object.keys(SECONDS) as IntervalUnit[]).find((each) => seconds % SECONDS[each] === 0);
  return { count: seconds / SECONDS[unit ?? "seconds"], unit: unit ?? "seconds" };
}

export function secondsOf({ count, unit }: Interval): number {
  return count * SECONDS[unit];
}

/** `every 5 minutes`, `every hour`. */
export function formatInterval(seconds: number): string {
  const { count, unit } = intervalOf(seconds);
  return count === 1 ? `every ${unit.slice(0, -1)}` : `every ${count} ${unit}`;
}
