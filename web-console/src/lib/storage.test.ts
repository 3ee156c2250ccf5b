import { expect, test } from "vitest";
import { growthOf, logGrowthOf, logWillHave, sizeCurve } from "./storage";

const HOUR_US = 3_600e6;
const WEEK_S = 7 * 86_400;

test("growth is told by the day, from two hours on", () => {
  const [time, bytes] = [
    [0, HOUR_US, 12 * HOUR_US],
    [1e6, 2e6, 11e6],
  ];
  expect(growthOf(time, bytes)).toEqual({ fromS: 0, toS: 12 * 3600, bytesADay: 20e6 });
  expect(sizeCurve(time, bytes).value).toEqual([1, 2, 11]);
  expect(growthOf([0], [1e6])).toBeNull();
  expect(growthOf([], [])).toBeNull();
});

test("hours of which a size is not known do not count", () => {
  const [time, bytes] = [
    [0, HOUR_US, 13 * HOUR_US],
    [null, 1e6, 11e6],
  ];
  expect(growthOf(time, bytes)).toEqual({ fromS: 3600, toS: 13 * 3600, bytesADay: 20e6 });
  expect(growthOf(time, [null, null, 1e6])).toBeNull();
  expect(sizeCurve(time, bytes).value).toEqual([null, 1, 11]);
});

test("the log's pace is that of its last day, and it will have a replay window's worth of it", () => {
  const time_us = [0, 200, 212, 224].map((hour) => hour * HOUR_US);
  const growth = logGrowthOf({ time_us, bytes: [1, 1, 1, 1], log_bytes: [0, 1e6, 3e6, 3e6] });
  expect(growth).toEqual({ fromS: 200 * 3600, toS: 224 * 3600, bytesADay: 2e6 });
  const log = { bytes: 3e6, max_bytes: 1e9, replay_window_s: WEEK_S };
  expect(logWillHave(log, { fromS: 0, toS: 1, bytesADay: 2e6 })).toBe(14e6);
  expect(logWillHave(log, { fromS: 0, toS: 1, bytesADay: -2e6 })).toBe(3e6);
});
