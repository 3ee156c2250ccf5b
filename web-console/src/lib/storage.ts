import type { Schemas } from "../api/client";
import type { Curve } from "./plot";

type Sizes = Schemas["SizeColumns"];

/** Sizes in MB, hour by hour; null where one was not noted. */
export function sizeCurve(time_us: readonly number[], bytes: readonly (number | null)[]): Curve {
  return {
    time: time_us.map((us) => us / 1e6),
    value: bytes.map((each) => (each === null ? null : each / 1e6)),
  };
}

export interface Growth {
  fromS: number;
  toS: number;
  bytesADay: number;
}

/** From the first hour of which a size is known to the last; null for fewer than two. */
export function growthOf(time_us: readonly number[], bytes: readonly (number | null)[]): Growth | null {
  const known = time_us.flatMap((us, index) => {
    const size = bytes[index] ?? null;
    return size === null ? [] : [{ us, size }];
  });
  const [first, last] = [known[0], known.at(-1)];
  if (first === undefined || last === undefined || first === last) return null;
  const days = (last.us - first.us) / 86_400e6;
  return { fromS: first.us / 1e6, toS: last.us / 1e6, bytesADay: (last.size - first.size) / days };
}

/** The same of the log, over its last day: what left it after its replay window is long no part of its pace. */
export function logGrowthOf({ time_us, log_bytes }: Sizes): Growth | null {
  const since = (time_us.at(-1) ?? 0) - 86_400e6;
  const first = time_us.findIndex((us) => us >= since);
  return growthOf(time_us.slice(first), log_bytes.slice(first));
}

/**
 * What the log will have at the pace of its last day: a replay window's worth of it, since then as much leaves as
 * comes. One that does not grow any more has that already.
 */
export function logWillHave(log: Schemas["LogSize"], growth: Growth): number {
  return Math.max(log.bytes, growth.bytesADay * (log.replay_window_s / 86_400));
}
