import type { Schemas } from "../api/client";
import { formatValue } from "../lib/numbers";
import { sparkOf } from "../lib/spark";

interface SparklineProps {
  readings?: Schemas["Readings"];
  fromUs: number;
  toUs: number;
  stepUs: number;
}

const WIDTH = 120;
const HEIGHT = 26;

/** How a series went over some hours, small enough for a row of a table. */
export function Sparkline({ readings, fromUs, toUs, stepUs }: SparklineProps) {
  const frame = { fromUs, toUs, width: WIDTH, height: HEIGHT };
  const spark = readings && "mean" in readings.columns ? sparkOf(readings.columns, stepUs, frame) : null;
  if (!spark) return <span className="spark" />;
  return (
    <svg
      className="spark"
      viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
      role="img"
      aria-label={`Between ${formatValue(spark.min)} and ${formatValue(spark.max)}`}
    >
      <path d={spark.band} fill="currentColor" opacity={0.2} />
      <path d={spark.line} fill="none" stroke="currentColor" strokeWidth={1.5} strokeLinecap="round" />
    </svg>
  );
}
