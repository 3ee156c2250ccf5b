import { expect, test } from "vitest";
import { growthOf, sizeCurve } from "./storage";

const HOUR_US = 3_600e6;

test("growth is told by the day, from two hours on", () => {
  const sizes = { time_us: [0, HOUR_US, 12 * HOUR_US], bytes: [1e6, 2e6, 11e6] };
  expect(growthOf(sizes)).toEqual({ fromS: 0, toS: 12 * 3600, bytesADay: 20e6 });
  expect(sizeCurve(sizes).value).toEqual([1, 2, 11]);
  expect(growthOf({ time_us: [0], bytes: [1e6] })).toBeNull();
  expect(growthOf({ time_us: [], bytes: [] })).toBeNull();
});
