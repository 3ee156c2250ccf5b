import type { Schemas } from "../api/client";
import type { Curve } from "./plot";

const BUCKET_S = 600;

/** Counts of ten minutes as rates; zero where nothing came, the last ten minutes as far as they have gone. */
export function ratesOf(intake: Schemas["IntakeColumns"], counts: readonly number[], nowS: number): Curve {
  const curve: Curve = { time: [], value: [] };
  const put = (at: number, value: number) => {
    curve.time.push(at);
    curve.value.push(value);
  };
  intake.time_us.forEach((us, index) => {
    const at = us / 1e6;
    const before = curve.time.at(-1);
    if (before !== undefined && at - before > BUCKET_S) {
      put(before + BUCKET_S, 0);
      if (at - BUCKET_S > before + BUCKET_S) put(at - BUCKET_S, 0);
    }
    const lasted = Math.min(Math.max(nowS - at, 60), BUCKET_S);
    put(at, (counts[index] ?? 0) / lasted);
  });
  return curve;
}
