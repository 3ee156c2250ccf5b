import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { follow, type LiveReading, type LiveState, ofDevice, ofSeries } from "./live";

const READINGS = 'event: readings\nid: e-1\ndata: {"readings":[{"series_id":1,"value":true}]}\n\n';

beforeEach(() => void vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] }));
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

test("a stream that broke is opened again where it was, and told what was missed", async () => {
  const streams = [READINGS, ": listening\nid: e-7\n\n", "event: reset\nid: f-3\ndata: {}\n\n"];
  const asked: unknown[] = [];
  vi.stubGlobal("fetch", async (_: string, { headers }: { headers: Record<string, string> }) => {
    asked.push(headers["Last-Event-ID"]);
    return new Response(streams.shift() ?? "");
  });
  const got: LiveReading[] = [];
  const states: LiveState[] = [];
  const onReset = vi.fn();
  const stop = follow(ofDevice(7), {
    onReadings: (some) => got.push(...some),
    onState: (state) => states.push(state),
    onReset,
  });
  while (asked.length < 4) {
    await new Promise((resolve) => setImmediate(resolve)); // streams move on between timers
    await vi.advanceTimersByTimeAsync(500);
  }
  stop();
  expect(asked).toEqual([undefined, "e-1", "e-7", "f-3"]);
  expect(got.map(({ value }) => value)).toEqual([1]);
  expect(onReset).toHaveBeenCalledTimes(1);
  expect(states.slice(0, 4)).toEqual(["connecting", "live", "broken", "live"]);
});

test("no readings are followed but those that are shown", async () => {
  const fetched = vi.fn(async (_: string) => new Response(""));
  vi.stubGlobal("fetch", fetched);
  const listener = { onReadings: vi.fn(), onState: vi.fn(), onReset: vi.fn() };
  for (const filter of [ofSeries([3, 5]), ofDevice(7)]) follow(filter, listener)();
  expect(fetched.mock.calls.map(([url]) => url)).toEqual([
    "/api/v1/live?series_id=3&series_id=5",
    "/api/v1/live?device_id=7",
  ]);
});
