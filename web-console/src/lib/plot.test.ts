import { expect, test } from "vitest";
import { curveOf, extremesOf, nearest, type Readings } from "./plot";

const readings = (resolution: string, columns: Readings["columns"]) =>
  ({ series_id: 1, kind: "number", resolution, columns, next_from: null }) as Readings;

const seconds = (...times: number[]) => times.map((time) => time * 1e6);

test("a line is broken where nothing was sent for much longer than usual", () => {
  const curve = curveOf(readings("raw", { time_us: seconds(0, 1, 2, 3, 60, 61), value: [1, 2, 3, 4, 5, 6] }));
  expect(curve?.value).toEqual([1, 2, 3, 4, null, 5, 6]);
  expect(curve?.time).toHaveLength(7);
});

const buckets = (...times: number[]) => {
  const column = times.map((_, index) => index);
  return {
    time_us: seconds(...times),
    count: column,
    min: column,
    max: column,
    mean: column,
    first: column,
    last: column,
  };
};

test("an empty bucket is a gap of the line and of its band", () => {
  const curve = curveOf(readings("10m", buckets(0, 600, 1200, 2400)));
  expect(curve?.value).toEqual([0, 1, 2, null, 3]);
  expect(curve?.band?.max).toEqual([0, 1, 2, null, 3]);
});

test("empty buckets of a series that sends seldom are no gaps", () => {
  const curve = curveOf(readings("1h", buckets(0, 10_800, 21_600, 32_400)));
  expect(curve?.value).toEqual([0, 1, 2, 3]);
});

test("a day of 25 hours is no gap", () => {
  expect(curveOf(readings("1d", buckets(0, 86_400, 176_400)))?.value).toEqual([0, 1, 2]);
});

test("text has no curve", () => {
  expect(curveOf(readings("raw", { time_us: [0], text: ["on"] }))).toBeNull();
});

test("extremes are those of the band, so that peaks stay visible", () => {
  const curve = { time: [0, 1], value: [2, 4], band: { min: [-7, 3], max: [3, 99] } };
  expect(extremesOf(curve)).toEqual({ min: -7, max: 99, mean: 3, last: 4 });
  expect(extremesOf({ time: [0], value: [null] })).toBeNull();
});

test("the nearest point is found, at the ends too", () => {
  expect([-5, 0, 4, 6, 90].map((at) => nearest([0, 5, 10], at))).toEqual([0, 0, 1, 1, 2]);
  expect(nearest([], 3)).toBe(-1);
});
