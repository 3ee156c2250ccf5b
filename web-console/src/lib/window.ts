import type { LiveReading } from "../api/live";
import type { Curve } from "./plot";

/** The curve with newer readings at its end, and without what is older than `sinceS`; the same one if nothing changed. */
export function extended(curve: Curve, readings: readonly LiveReading[], sinceS: number): Curve {
  const time = [...curve.time];
  const value = [...curve.value];
  for (const reading of readings) {
    const at = reading.time_us / 1e6;
    if (typeof reading.value !== "number" || at <= (time.at(-1) ?? Number.NEGATIVE_INFINITY)) continue;
    time.push(at);
    value.push(reading.value);
  }
  const first = time.findIndex((at) => at >= sinceS);
  const from = first === -1 ? time.length : first;
  return from === 0 && time.length === curve.time.length
    ? curve
    : { time: time.slice(from), value: value.slice(from) };
}
