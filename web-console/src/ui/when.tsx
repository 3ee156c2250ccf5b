import { useEffect, useState } from "react";
import { formatAge, formatMoment } from "../lib/time";

/** The time now in ms, renewed as often as asked. */
export function useNow(everyMs = 1000): number {
  const [now, setNow] = useState(Date.now);
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), everyMs);
    return () => clearInterval(timer);
  }, [everyMs]);
  return now;
}

/** How long ago, and when exactly where one points at it. */
export function Ago({ at }: { at: string | number | null }) {
  const now = useNow();
  if (at === null) return <>never</>;
  const ms = new Date(at).getTime();
  return (
    <time dateTime={new Date(ms).toISOString()} title={formatMoment(ms)} className="nowrap">
      {formatAge(ms, now)}
    </time>
  );
}

/** Date, time and zone. */
export function Moment({ at }: { at: string | number | null }) {
  if (at === null) return <>never</>;
  return (
    <time dateTime={new Date(at).toISOString()} className="nowrap">
      {formatMoment(at)}
    </time>
  );
}
