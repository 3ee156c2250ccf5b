import { expect, test } from "vitest";
import { fromBase64, hexDump, parseJson } from "./bytes";
import { oneByOne } from "./each";
import { bandsOf } from "./flow";
import { formatBytes, formatRate, formatShare, formatValue } from "./numbers";
import { rateOf } from "./rates";
import { parameters, parseIds, parseSearch, stringifySearch } from "./search";
import { EventParser } from "./sse";
import { formatAge, formatMoment, formatZone } from "./time";
import { extended } from "./window";

test("events are read whatever pieces they come in", () => {
  const text =
    'retry: 2000\n: listening\n\nevent: readings\ndata: {"a":1}\n\n: heartbeat\n\nevent: dropped\r\ndata: x\r\n\r\n';
  const expected = [
    { event: "readings", data: '{"a":1}' },
    { event: "dropped", data: "x" },
  ];
  expect(new EventParser().push(text)).toEqual(expected);
  const parser = new EventParser();
  expect([...text].flatMap((char) => parser.push(char))).toEqual(expected);
});

test("the last id is kept over the end of a stream, and the rest of it is not", () => {
  const parser = new EventParser();
  expect(parser.push("id: e-1\n\nevent: readings\nid: e-2\ndata: 1\n\nevent: read")).toHaveLength(1);
  expect(parser.lastId).toBe("e-2");
  parser.begin();
  expect(parser.push(": heartbeat\nid: e-5\n\n")).toEqual([]);
  expect(parser.lastId).toBe("e-5");
});

test("an address says in plain text what a page shows, and is read back", () => {
  const search = { series: "1,2", from: "2026-01-05T12:00:00Z", prefix: "a&b=c", gone: undefined };
  const text = stringifySearch(search);
  expect(text).toBe("?series=1,2&from=2026-01-05T12:00:00Z&prefix=a%26b%3Dc");
  expect(parseSearch(text)).toEqual({ series: "1,2", from: "2026-01-05T12:00:00Z", prefix: "a&b=c" });
  expect(parameters("series", "from")(parseSearch(text))).toEqual({
    series: "1,2",
    from: "2026-01-05T12:00:00Z",
  });
  expect(parseIds("3,x,3,-1,0,2.5,7")).toEqual([3, 7]);
});

test("bytes are shown in hex with what can be read beside", () => {
  expect(hexDump(fromBase64("eyJhIv8="))).toMatch(/^000000 {2}7b 22 61 22 ff +\{"a"\.$/);
  expect(hexDump(new Uint8Array(40), 32).split("\n")).toHaveLength(3);
  expect(hexDump(new Uint8Array(40), 32)).toContain("8 bytes more");
});

test("what is no JSON is told why", () => {
  expect(parseJson('{"a":1}')).toEqual({ ok: true, text: '{\n  "a": 1\n}' });
  expect(parseJson("{").ok).toBe(false);
  expect(parseJson(null).ok).toBe(false);
});

test("every part of the ledger that is not empty can be seen", () => {
  const bands = bandsOf(
    [
      { name: "a", count: 1e9 },
      { name: "b", count: 1 },
      { name: "c", count: 0 },
    ],
    30,
  );
  const thickness = bands.map(({ right: [top, bottom] }) => bottom - top);
  expect(thickness.map(Math.round)).toEqual([24, 2, 0]);
  expect(bands[1]?.left[0]).toBe(bands[0]?.left[1]);
});

test("numbers are rounded for a person, never to all or nothing", () => {
  expect([21.456789, 0.1 + 0.2, 1_234_567, -0.00001234, null].map((value) => formatValue(value))).toEqual([
    "21.457",
    "0.3",
    "1,234,567",
    "-1.234e-5",
    "–",
  ]);
  expect([formatShare(1, 1e6), formatShare(999_999, 1e6), formatShare(0, 0)]).toEqual([
    "< 0.1 %",
    "> 99.9 %",
    "0 %",
  ]);
  expect([0, 999, 15_300].map(formatBytes)).toEqual(["0 B", "999 B", "15.3 kB"]);
  expect([null, 0.04, 9.96, 1234.5].map(formatRate)).toEqual(["–", "0", "10", "1,235"]);
});

test("a rate needs two looks and totals that never go back", () => {
  const look = (atMs: number, total: number) => ({ atMs, messages: total, readings: 3 * total });
  expect(rateOf([look(0, 5)])).toBeNull();
  expect(rateOf([look(0, 0), look(1000, 4), look(2000, 20)])).toEqual({ messages: 10, readings: 30 });
  expect(rateOf([look(0, 5), look(1000, 0)])).toBeNull();
});

test("a moment is told in the viewer's zone, with the zone", () => {
  expect(formatMoment("2026-07-05T12:00:00Z", "Europe/Berlin", "en-GB")).toBe("5 Jul 2026, 14:00:00 CEST");
  const [winter, summer] = [Date.UTC(2026, 0, 5), Date.UTC(2026, 6, 5)];
  expect(formatZone(winter, winter, "Europe/Berlin", "en-GB")).toBe("CET");
  expect(formatZone(winter, summer, "Europe/Berlin", "en-GB")).toBe("CET – CEST");
  expect([0, 1, 59, 60, 7200].map((age) => formatAge(0, age * 1000))).toEqual([
    "now",
    "1 second ago",
    "59 seconds ago",
    "1 minute ago",
    "2 hours ago",
  ]);
});

test("live readings lengthen a curve once each, and what is old leaves it", () => {
  const reading = (time_us: number, value: number | string) => ({
    series_id: 1,
    source: "",
    device: "",
    metric: "",
    unit: "",
    time_us,
    value,
  });
  const curve = { time: [1, 2], value: [10, 20] };
  expect(extended(curve, [reading(2e6, 20), reading(3e6, 30), reading(4e6, "on")], 2)).toEqual({
    time: [2, 3],
    value: [20, 30],
  });
  expect(extended(curve, [], 0)).toBe(curve);
});

test("one thing that fails does not stop the others, and one that stays as it was is told", async () => {
  const act = (n: number) => (n === 2 ? Promise.reject(new Error("no")) : Promise.resolve(n !== 3));
  const outcome = await oneByOne([1, 2, 3], act, () => undefined);
  expect(outcome).toEqual({ done: 2, failed: 1, still: 1, firstError: new Error("no") });
});
