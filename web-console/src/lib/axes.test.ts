import { expect, test } from "vitest";
import { axesOf } from "./axes";

const drawn = (...units: string[]) => units.map((unit) => ({ unit }));

test("each unit has an axis, once", () => {
  expect(axesOf(drawn("°C", "%", "°C", ""))).toEqual({ axes: ["°C", "%", ""], others: [] });
});

test("where there are more units than axes, the rest are told", () => {
  expect(axesOf(drawn("°C", "%", "V", "A", "W", "°C", "lx"))).toEqual({
    axes: ["°C", "%", "V", "A"],
    others: ["W", "lx"],
  });
});
