import { expect, test } from "vitest";
import { ratesOf } from "./intake";

const minutes = (...at: number[]) => ({ time_us: at.map((m) => m * 60e6), messages: [], readings: [] });

test("counts of ten minutes are rates, and zero where nothing came", () => {
  const curve = ratesOf(minutes(0, 10, 50), [600, 1200, 60], 3600 * 24);
  expect(curve.time.map((s) => s / 60)).toEqual([0, 10, 20, 40, 50]);
  expect(curve.value).toEqual([1, 2, 0, 0, 0.1]);
});

test("the last ten minutes count as far as they have gone", () => {
  expect(ratesOf(minutes(0), [120], 120).value).toEqual([1]);
});
