/** A range of time as it stands in the URL and as the API takes it: `now`, `now-6h`, or RFC 3339. */
export interface Range {
  from: string;
  to: string;
}

export const PRESETS: { label: string; from: string }[] = [
  { label: "15 min", from: "now-15m" },
  { label: "1 h", from: "now-1h" },
  { label: "6 h", from: "now-6h" },
  { label: "24 h", from: "now-24h" },
  { label: "7 d", from: "now-7d" },
  { label: "30 d", from: "now-30d" },
  { label: "1 y", from: "now-365d" },
];

const MS: Record<string, number> = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 };

/** ms since 1970 UTC; NaN for what is no moment. */
export function momentMs(text: string, nowMs: number): number {
  const relative = /^now(?:-(\d+)([smhdw]))?$/.exec(text);
  if (!relative) return Date.parse(text);
  return nowMs - Number(relative[1] ?? 0) * (MS[relative[2] ?? "s"] ?? 0);
}

/** The range of the URL, or the last hour where it has none that can be read. */
export function rangeOf(search: { from?: string; to?: string }, nowMs: number): Range {
  const range = { from: search.from ?? "now-1h", to: search.to ?? "now" };
  const known = momentMs(range.from, nowMs) < momentMs(range.to, nowMs);
  return known ? range : { from: "now-1h", to: "now" };
}

export function isFollowing(range: Range): boolean {
  return range.to === "now";
}

/** How often a range that ends now is asked for again: often when it is short, and never more than it shows. */
export function refetchEveryMs(range: Range, nowMs: number): number | false {
  if (!isFollowing(range)) return false;
  const length = momentMs(range.to, nowMs) - momentMs(range.from, nowMs);
  return Math.min(Math.max(length / 500, 5000), 60_000);
}

/** How often a range that moves on is drawn anew: once for each pixel that it moves, but not more often than one sees. */
export function drawEveryMs(lengthMs: number): number {
  return Math.min(Math.max(lengthMs / 1000, 500), 10_000);
}

/** A range of the same length that ends now, and moves on. */
export function followed(range: Range, nowMs: number): Range {
  if (isFollowing(range)) return range;
  const seconds = Math.max(Math.round((momentMs(range.to, nowMs) - momentMs(range.from, nowMs)) / 1000), 1);
  return { from: `now-${seconds}s`, to: "now" };
}

/** Moments as the API takes them, cut to whole ms. */
export function absolute(fromMs: number, toMs: number): Range {
  return { from: new Date(fromMs).toISOString(), to: new Date(toMs).toISOString() };
}

/** The range of the same length that ends where this one begins; one that follows the time stays one. */
export function periodBefore(range: Range, nowMs: number): Range {
  const [, count, unit] = /^now-(\d+)([smhdw])$/.exec(range.from) ?? [];
  if (isFollowing(range) && count) return { from: `now-${2 * Number(count)}${unit}`, to: range.from };
  return changed(range, nowMs, { move: -1 });
}

/** The range moved by a part of its length (-0.5: half of it back) or made longer or shorter about its middle. */
export function changed(range: Range, nowMs: number, change: { move?: number; scale?: number }): Range {
  const [from, to] = [momentMs(range.from, nowMs), momentMs(range.to, nowMs)];
  const middle = (from + to) / 2 + (to - from) * (change.move ?? 0);
  const half = ((to - from) / 2) * (change.scale ?? 1);
  return absolute(Math.round(middle - half), Math.round(middle + half));
}
