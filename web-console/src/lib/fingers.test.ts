import { expect, test } from "vitest";
import { spanAfterKey, spanUnder } from "./fingers";

const shown = { min: 1000, max: 1100 };

test("one finger moves what it holds along", () => {
  expect(spanUnder([{ heldS: 1050, x: 100 }], shown, 200)).toEqual({ min: 1000, max: 1100 });
  expect(spanUnder([{ heldS: 1050, x: 60 }], shown, 200)).toEqual({ min: 1020, max: 1120 });
});

test("two fingers keep what each holds under it, in whatever order they came", () => {
  const apart = [
    { heldS: 1075, x: 200 },
    { heldS: 1025, x: 0 },
  ];
  expect(spanUnder(apart, shown, 200)).toEqual({ min: 1025, max: 1075 });
  const together = [
    { heldS: 1025, x: 80 },
    { heldS: 1075, x: 120 },
  ];
  expect(spanUnder(together, shown, 200)).toEqual({ min: 925, max: 1175 });
});

test("fingers on one another, or past one another, do not turn the time round", () => {
  const crossed = spanUnder(
    [
      { heldS: 1000, x: 150 },
      { heldS: 1010, x: 100 },
    ],
    shown,
    200,
  );
  expect(crossed.max).toBeGreaterThan(crossed.min);
  const same = spanUnder(
    [
      { heldS: 1050, x: 90 },
      { heldS: 1050, x: 110 },
    ],
    shown,
    200,
  );
  expect(same.max).toBeGreaterThan(same.min);
});

test("keys move and stretch about the middle; others do nothing", () => {
  expect(spanAfterKey("ArrowRight", shown)).toEqual({ min: 1010, max: 1110 });
  expect(spanAfterKey("ArrowLeft", shown)).toEqual({ min: 990, max: 1090 });
  expect(spanAfterKey("+", shown)).toEqual({ min: 1010, max: 1090 });
  expect(spanAfterKey("-", shown)).toEqual({ min: 987.5, max: 1112.5 });
  expect(spanAfterKey("Tab", shown)).toBeNull();
});
