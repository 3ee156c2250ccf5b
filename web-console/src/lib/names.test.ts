import { expect, test } from "vitest";
import { deviceName, formatReading, seriesName } from "./names";

const number = { kind: "number", unit: "°C", precision: null } as const;

test("a value is told with the unit and the places of its series", () => {
  expect(formatReading(21.456789, number)).toBe("21.457 °C");
  expect(formatReading(21.456789, { ...number, precision: 1 })).toBe("21.5 °C");
  expect(formatReading(1234, { ...number, precision: 2 })).toBe("1,234.00 °C");
  expect(formatReading(0, { ...number, precision: 0 })).toBe("0 °C");
  expect(formatReading(null, number)).toBe("–");
  expect(formatReading(1, { ...number, kind: "boolean", unit: "" })).toBe("true");
  expect(formatReading("heating", { ...number, kind: "text" })).toBe("heating");
});

test("what people call a thing goes before what it calls itself", () => {
  expect(deviceName({ label: null, name: "boiler-1" })).toBe("boiler-1");
  expect(deviceName({ label: "Boiler, cellar", name: "boiler-1" })).toBe("Boiler, cellar");
  expect(seriesName({ display_name: "Flow", metric: "t1" })).toBe("Flow");
});
