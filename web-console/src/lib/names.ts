import type { Schemas } from "../api/client";
import { formatValue } from "./numbers";

/** What people call a device; where nobody said, what it calls itself. */
export function deviceName({ label, name }: Pick<Schemas["Device"], "label" | "name">): string {
  return label ?? name;
}

type Named = Pick<Schemas["Series"], "display_name" | "metric">;

export function seriesName({ display_name, metric }: Named): string {
  return display_name ?? metric;
}

type Shown = Pick<Schemas["Series"], "kind" | "unit" | "precision">;

/** A value of a series with its unit, in as many places as are to be shown. Booleans are 0 and 1. */
export function formatReading(
  value: number | string | null | undefined,
  { kind, unit, precision }: Shown,
): string {
  if (typeof value === "string") return value;
  const known = value !== null && value !== undefined;
  const text = kind === "boolean" && known ? (value ? "true" : "false") : formatValue(value, precision);
  return known && unit ? `${text} ${unit}` : text;
}
