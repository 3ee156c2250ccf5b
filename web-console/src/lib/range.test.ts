import { expect, test } from "vitest";
import { changed, drawEveryMs, followed, momentMs, periodBefore, rangeOf, refetchEveryMs } from "./range";

const NOW = Date.parse("2026-01-05T12:00:00Z");

test("moments are relative or absolute", () => {
  expect(momentMs("now", NOW)).toBe(NOW);
  expect(momentMs("now-90m", NOW)).toBe(NOW - 90 * 60_000);
  expect(momentMs("2026-01-05T11:00:00Z", NOW)).toBe(NOW - 3_600_000);
  expect(momentMs("yesterday", NOW)).toBeNaN();
});

test("a range that cannot be read becomes the last hour", () => {
  const hour = { from: "now-1h", to: "now" };
  expect(rangeOf({}, NOW)).toEqual(hour);
  expect(rangeOf({ from: "yesterday" }, NOW)).toEqual(hour);
  expect(rangeOf({ from: "now", to: "now-1h" }, NOW)).toEqual(hour);
  expect(rangeOf({ from: "now-7d" }, NOW)).toEqual({ from: "now-7d", to: "now" });
});

test("a range moves and grows about its middle", () => {
  const range = { from: "2026-01-05T10:00:00.000Z", to: "2026-01-05T12:00:00.000Z" };
  expect(changed(range, NOW, { move: -0.5 })).toEqual({
    from: "2026-01-05T09:00:00.000Z",
    to: "2026-01-05T11:00:00.000Z",
  });
  expect(changed(range, NOW, { scale: 2 })).toEqual({
    from: "2026-01-05T09:00:00.000Z",
    to: "2026-01-05T13:00:00.000Z",
  });
});

test("the period before ends where the range begins", () => {
  expect(periodBefore({ from: "now-24h", to: "now" }, NOW)).toEqual({ from: "now-48h", to: "now-24h" });
  const day = { from: "2026-01-05T00:00:00.000Z", to: "2026-01-06T00:00:00.000Z" };
  expect(periodBefore(day, NOW)).toEqual({ from: "2026-01-04T00:00:00.000Z", to: day.from });
});

test("only a range that ends now is asked for again, and a long one seldom", () => {
  expect(refetchEveryMs({ from: "now-15m", to: "now" }, NOW)).toBe(5000);
  expect(refetchEveryMs({ from: "now-30d", to: "now" }, NOW)).toBe(60_000);
  expect(refetchEveryMs({ from: "2026-01-01T00:00:00Z", to: "2026-01-02T00:00:00Z" }, NOW)).toBe(false);
});

test("a range that is followed ends now and keeps its length", () => {
  const range = { from: "2026-01-05T12:00:00Z", to: "2026-01-05T13:00:00Z" };
  expect(followed(range, 0)).toEqual({ from: "now-3600s", to: "now" });
  expect(followed({ from: "now-6h", to: "now" }, 0)).toEqual({ from: "now-6h", to: "now" });
  expect([60_000, 3_600_000, 1e12].map(drawEveryMs)).toEqual([500, 3600, 10_000]);
});
