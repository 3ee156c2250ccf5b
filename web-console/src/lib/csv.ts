import type { Schemas } from "../api/client";
import type { Readings } from "./plot";

type Series = Schemas["Series"];

const HEADER = [
  "time",
  "source",
  "device",
  "metric",
  "unit",
  "resolution",
  "count",
  "value",
  "min",
  "max",
  "first",
  "last",
];

/** One row a point, of all series one after another; `value` is the reading, or the mean of a bucket. */
export function toCsv(all: readonly { series: Series; readings: Readings }[]): string {
  const lines = [HEADER.join(",")];
  for (const { series, readings } of all) {
    const fixed = [series.source, series.device, series.metric, series.unit, readings.resolution]
      .map(cell)
      .join(",");
    for (const row of rowsOf(readings.columns))
      lines.push(`${row.time},${fixed},${row.cells.map(cell).join(",")}`);
  }
  return `${lines.join("\r\n")}\r\n`;
}

type Cell = string | number | null;

function rowsOf(columns: Readings["columns"]): { time: string; cells: Cell[] }[] {
  return columns.time_us.map((us, index) => ({ time: isoTime(us), cells: cellsAt(columns, index) }));
}

function cellsAt(columns: Readings["columns"], index: number): Cell[] {
  const at = <T extends Cell>(column: readonly T[]) => column[index] ?? null;
  if ("text" in columns) return [1, at(columns.text), null, null, null, null];
  if ("value" in columns) return [1, at(columns.value), null, null, null, null];
  const { count, mean, min, max, first, last } = columns;
  return [at(count), at(mean), at(min), at(max), at(first), at(last)];
}

/** RFC 3339 in UTC with microseconds. */
export function isoTime(us: number): string {
  const seconds = Math.floor(us / 1e6);
  const micros = String(us - seconds * 1e6).padStart(6, "0");
  return `${new Date(seconds * 1000).toISOString().slice(0, 19)}.${micros}Z`;
}

function cell(value: Cell): string {
  if (value === null) return "";
  if (typeof value === "number") return String(value);
  // A spreadsheet runs what begins like a formula; a quote before it makes it text.
  const safe = /^[=+\-@\t\r]/.test(value) ? `'${value}` : value;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

/** Have the browser keep a text as a file. */
export function download(name: string, text: string): void {
  const url = URL.createObjectURL(new Blob([text], { type: "text/csv" }));
  const link = Object.assign(document.createElement("a"), { href: url, download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}
