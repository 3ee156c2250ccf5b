import { expect, test } from "vitest";
import { aligned, isolated } from "./align";

test("curves of the same times share them as they are", () => {
  const time = [1, 2];
  const band = { min: [0, 1], max: [5, 6] };
  const table = aligned([
    { time, value: [1, 2], band },
    { time: [1, 2], value: [3, null] },
  ]);
  expect(table).toEqual([time, [1, 2], [5, 6], [0, 1], [3, null]]);
  expect(table[0]).toBe(time);
});

test("curves of different times are merged: a gap stays one, a moment of another curve is none", () => {
  expect(
    aligned([
      { time: [1, 3, 4], value: [10, null, 40] },
      { time: [2, 3], value: [200, 300] },
    ]),
  ).toEqual([
    [1, 2, 3, 4],
    [10, undefined, null, 40],
    [undefined, 200, 300, undefined],
  ]);
  expect(aligned([])).toEqual([[]]);
});

test("a value between two gaps is found, whatever other curves have between", () => {
  expect(isolated([1, null, 2, undefined, null, 3, undefined, 4])).toEqual([0, 2]);
  expect(isolated([undefined, 5, undefined])).toEqual([1]);
  expect(isolated([null, 1, 2, null])).toEqual([]);
  expect(isolated([])).toEqual([]);
});
