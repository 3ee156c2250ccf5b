import { expect, test } from "vitest";
import { rateNow, ratesOf } from "./intake";

const minutes = (...at: number[]) => ({ time_us: at.map((m) => m * 60e6), messages: [], readings: [] });

test("counts of ten minutes are rates, and zero where nothing came", () => {
  const curve = ratesOf(minutes(0, 10, 50), [600, 1200, 60], 3600 * 24);
  expect(curve.time.map((s) => s / 60)).toEqual([0, 10, 20, 40, 50]);
  expect(curve.value).toEqual([1, 2, 0, 0, 0.1]);
});

test("the last ten minutes count as far as they have gone", () => {
  expect(ratesOf(minutes(0), [120], 120).value).toEqual([1]);
});

test("the rate now is that of the last ten minutes, and zero when nothing came for longer", () => {
  const intake = { time_us: [600e6, 1200e6], messages: [600, 300], readings: [600, 300] };
  expect(rateNow(intake, intake.messages, 1500)).toBe(1);
  expect(rateNow(intake, intake.messages, 3000)).toBe(0);
  expect(rateNow({ time_us: [], messages: [], readings: [] }, [], 3000)).toBe(0);
});
