import type { Schemas } from "../api/client";
import type { Curve } from "./plot";

type Sizes = Schemas["SizeColumns"];

/** The database's size in MB, hour by hour. */
export function sizeCurve({ time_us, bytes }: Sizes): Curve {
  return { time: time_us.map((us) => us / 1e6), value: bytes.map((each) => each / 1e6) };
}

export interface Growth {
  fromS: number;
  toS: number;
  bytesADay: number;
}

/** From the first hour that is known to the last; null for fewer than two. */
export function growthOf({ time_us, bytes }: Sizes): Growth | null {
  const [first, last] = [time_us[0], time_us.at(-1)];
  if (first === undefined || last === undefined || first === last) return null;
  const days = (last - first) / 86_400e6;
  return {
    fromS: first / 1e6,
    toS: last / 1e6,
    bytesADay: ((bytes.at(-1) ?? 0) - (bytes[0] ?? 0)) / days,
  };
}
