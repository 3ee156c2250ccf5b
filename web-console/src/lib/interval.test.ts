import { expect, test } from "vitest";
import { formatInterval, intervalOf, secondsOf } from "./interval";

test("an interval is told in words, in the largest unit that fits, and is read back", () => {
  expect([1, 45, 60, 300, 5400, 3600, 86_400, 604_800].map(formatInterval)).toEqual([
    "every second",
    "every 45 seconds",
    "every minute",
    "every 5 minutes",
    "every 90 minutes",
    "every hour",
    "every day",
    "every 7 days",
  ]);
  for (const seconds of [1, 59, 3600, 7201, 172_800]) expect(secondsOf(intervalOf(seconds))).toBe(seconds);
});
