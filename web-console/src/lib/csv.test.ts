import { expect, test } from "vitest";
import { isoTime, toCsv } from "./csv";
import type { Readings } from "./plot";

const series = (device: string) =>
  ({
    id: 1,
    device_id: 1,
    device,
    source: "plant-a",
    metric: "t",
    unit: "°C",
    unit_sent: "°C",
    kind: "number",
    created_at: "",
    display_name: null,
    precision: null,
  }) as const;
const raw = { series_id: 1, kind: "number", resolution: "raw", next_from: null } as const;

test("times keep their microseconds", () => {
  expect(isoTime(1_767_614_400_000_001)).toBe("2026-01-05T12:00:00.000001Z");
  expect(isoTime(-1)).toBe("1969-12-31T23:59:59.999999Z");
});

test("readings are rows, each with all that names it", () => {
  const readings: Readings = { ...raw, columns: { time_us: [0], value: [-1.5] } };
  expect(toCsv([{ series: series("boiler"), readings }]).split("\r\n")).toEqual([
    "time,source,device,metric,unit,resolution,count,value,min,max,first,last",
    "1970-01-01T00:00:00.000000Z,plant-a,boiler,t,°C,raw,1,-1.5,,,,",
    "",
  ]);
});

test("a device's name neither breaks the columns nor runs in a spreadsheet", () => {
  const readings: Readings = { ...raw, columns: { time_us: [0], text: ['say "a,b"'] } };
  const csv = toCsv([{ series: series("=cmd()"), readings }]);
  expect(csv).toContain(",'=cmd(),");
  expect(csv).toContain('"say ""a,b"""');
});
