import type { Schemas } from "../api/client";

type Buckets = Schemas["AggregateColumns"];

/** A small picture of a series: its mean as a line, and round it from the least to the most. Paths of SVG. */
export interface Spark {
  line: string;
  band: string;
  min: number;
  max: number;
}

interface Frame {
  fromUs: number;
  toUs: number;
  width: number;
  height: number;
}

/** Null where there is nothing to draw. Buckets that are further apart than `stepUs` have a gap between. */
export function sparkOf(buckets: Buckets, stepUs: number, frame: Frame): Spark | null {
  const [min, max] = [least(buckets.min), -least(buckets.max.map((each) => -each))];
  if (!Number.isFinite(min)) return null;
  // Half a pixel and more is left free, so that a line at the edge is whole.
  const room = frame.height - 3;
  const x = (us: number) => round(((us - frame.fromUs) / (frame.toUs - frame.fromUs)) * frame.width);
  const y = (value: number) => round(1.5 + (max > min ? (max - value) / (max - min) : 0.5) * room);
  const point = (index: number, column: readonly (number | null)[]) =>
    `${x((buckets.time_us[index] ?? 0) + stepUs / 2)} ${y(column[index] ?? buckets.min[index] ?? 0)}`;
  const runs = runsOf(buckets.time_us, stepUs);
  const along = (run: number[], column: readonly (number | null)[]) =>
    run.map((index) => point(index, column));
  return {
    line: runs.map((run) => lineOf(along(run, buckets.mean))).join(""),
    band: runs
      .map((run) => `M${[...along(run, buckets.max), ...along(run, buckets.min).reverse()].join("L")}Z`)
      .join(""),
    min,
    max,
  };
}

/** A single point is drawn as a dot: a line of no length with round ends. */
function lineOf(points: string[]): string {
  return points.length === 1 ? `M${points[0]}h0` : `M${points.join("L")}`;
}

/** Indexes of buckets that follow one another. */
function runsOf(time: readonly number[], stepUs: number): number[][] {
  const runs: number[][] = [];
  time.forEach((at, index) => {
    const before = time[index - 1];
    const follows = before !== undefined && at - before < 1.5 * stepUs;
    if (follows) runs.at(-1)?.push(index);
    else runs.push([index]);
  });
  return runs;
}

function least(values: readonly number[]): number {
  return values.reduce((a, b) => Math.min(a, b), Number.POSITIVE_INFINITY);
}

function round(pixels: number): number {
  return Math.round(pixels * 10) / 10;
}
