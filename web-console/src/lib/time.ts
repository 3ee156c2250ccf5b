export const viewerZone = Intl.DateTimeFormat().resolvedOptions().timeZone;

/** The zone by whose clock the API is to begin days: it takes UTC, and names of an area and a place. */
export const bucketZone = /^[A-Za-z_]+\/[A-Za-z_/-]+$/.test(viewerZone) ? viewerZone : "UTC";

const FULL: Intl.DateTimeFormatOptions = {
  year: "numeric",
  month: "short",
  day: "numeric",
  hour: "2-digit",
  minute: "2-digit",
  second: "2-digit",
  hourCycle: "h23",
  timeZoneName: "short",
};

/** Date, time and zone as the viewer writes them. `at`: ms since 1970 UTC or RFC 3339. */
export function formatMoment(at: number | string, zone = viewerZone, locale?: string): string {
  return new Intl.DateTimeFormat(locale, { ...FULL, timeZone: zone }).format(new Date(at));
}

/** The zone of a span of time as it is called then, `CET`, or `CEST – CET` where it changes. In ms since 1970 UTC. */
export function formatZone(fromMs: number, toMs: number, zone = viewerZone, locale?: string): string {
  const format = new Intl.DateTimeFormat(locale, { timeZone: zone, timeZoneName: "short" });
  const nameAt = (ms: number) =>
    format.formatToParts(ms).find(({ type }) => type === "timeZoneName")?.value ?? zone;
  return [...new Set([nameAt(fromMs), nameAt(toMs)])].join(" – ");
}

const UNITS: [name: Intl.RelativeTimeFormatUnit, seconds: number][] = [
  ["day", 86_400],
  ["hour", 3600],
  ["minute", 60],
  ["second", 1],
];

/** `12 seconds ago`, in the largest unit that fits. Both in ms since 1970 UTC. */
export function formatAge(atMs: number, nowMs: number, locale = "en"): string {
  const seconds = Math.round((atMs - nowMs) / 1000);
  const [unit, size] = UNITS.find(([, size]) => Math.abs(seconds) >= size) ?? ["second", 1];
  const format = new Intl.RelativeTimeFormat(locale, { numeric: "always" });
  return seconds === 0 ? "now" : format.format(Math.trunc(seconds / size), unit);
}

/** What an `<input type="datetime-local">` shows, in the zone of the machine. */
export function toLocalInput(ms: number): string {
  const date = new Date(ms);
  return new Date(ms - date.getTimezoneOffset() * 60_000).toISOString().slice(0, 19);
}
