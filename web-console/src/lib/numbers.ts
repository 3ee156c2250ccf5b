const whole = new Intl.NumberFormat("en");

export function formatCount(count: number): string {
  return whole.format(count);
}

/** A measured value: so many decimal places, or five digits that matter, without noise of binary fractions. */
export function formatValue(value: number | null | undefined, precision: number | null = null): string {
  if (value === null || value === undefined) return "–";
  if (precision !== null && Math.abs(value) < 1e15)
    return value.toLocaleString("en", { minimumFractionDigits: precision, maximumFractionDigits: precision });
  if (Number.isInteger(value) && Math.abs(value) < 1e15) return whole.format(value);
  const size = Math.abs(value);
  return size >= 1e-4 && size < 1e15 ? String(Number(value.toPrecision(5))) : value.toExponential(3);
}

export function formatRate(perSecond: number | null): string {
  if (perSecond === null) return "–";
  return perSecond >= 100 ? whole.format(Math.round(perSecond)) : String(Math.round(perSecond * 10) / 10);
}

export function formatBytes(bytes: number): string {
  const units = ["B", "kB", "MB", "GB", "TB"];
  const power = bytes < 1 ? 0 : Math.min(Math.floor(Math.log10(bytes) / 3), units.length - 1);
  return `${Number((bytes / 1000 ** power).toPrecision(3))} ${units[power]}`;
}

/** A part of a whole for a person: never rounded to all or to nothing. */
export function formatShare(part: number, all: number): string {
  if (part === 0 || all === 0) return "0 %";
  if (part === all) return "100 %";
  const percent = (100 * part) / all;
  if (percent < 0.1) return "< 0.1 %";
  return percent > 99.9 ? "> 99.9 %" : `${percent.toFixed(1)} %`;
}
