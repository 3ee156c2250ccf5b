import { expect, test } from "vitest";
import { sparkOf } from "./spark";

const HOUR_US = 3_600e6;
const frame = { fromUs: 0, toUs: 10 * HOUR_US, width: 100, height: 13 };

function buckets(...points: [hour: number, min: number, mean: number | null, max: number][]) {
  const column = <T>(pick: (point: (typeof points)[number]) => T) => points.map(pick);
  const [min, max] = [column((each) => each[1]), column((each) => each[3])];
  return {
    time_us: column(([hour]) => hour * HOUR_US),
    count: column(() => 1),
    min,
    mean: column((each) => each[2]),
    max,
    first: min,
    last: max,
  };
}

test("a small picture goes from the least at the bottom to the most at the top, and breaks at gaps", () => {
  const spark = sparkOf(buckets([0, 0, 5, 10], [1, 0, 0, 0], [4, 10, 10, 10]), HOUR_US, frame);
  expect(spark).toEqual({
    line: "M5 6.5L15 11.5M45 1.5h0",
    band: "M5 1.5L15 11.5L15 11.5L5 11.5ZM45 1.5L45 1.5Z",
    min: 0,
    max: 10,
  });
});

test("what never changes is a line in the middle, and nothing is no picture", () => {
  expect(sparkOf(buckets([0, 3, 3, 3], [1, 3, null, 3]), HOUR_US, frame)?.line).toBe("M5 6.5L15 6.5");
  expect(sparkOf(buckets(), HOUR_US, frame)).toBeNull();
});
