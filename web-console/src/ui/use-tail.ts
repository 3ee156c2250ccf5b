import { useEffect, useRef, useState } from "react";
import type { Schemas } from "../api/client";
import type { LiveFilter, LiveReading, LiveState } from "../api/live";
import { added, type BySeries } from "../lib/window";
import { useLive } from "./use-live";

type Series = Schemas["Series"];

interface Tail {
  tail: BySeries;
  nowMs: number;
  state: LiveState;
}

/** Live readings of some series and the time now while they are wanted, both renewed as often as is asked. */
export function useTail(series: readonly Series[], wanted: boolean, everyMs: number): Tail {
  const [shown, setShown] = useState(() => ({ tail: new Map() as BySeries, nowMs: Date.now() }));
  const waiting = useRef<LiveReading[]>([]);
  const ids = useRef(new Set<number>());
  ids.current = new Set(series.map(({ id }) => id));
  const state = useLive(wanted && series.length > 0 ? filterOf(series) : null, (readings) =>
    waiting.current.push(...readings.filter(({ series_id }) => ids.current.has(series_id))),
  );
  useEffect(() => {
    if (!wanted) return;
    const show = () => {
      const came = waiting.current;
      waiting.current = [];
      setShown(({ tail }) => ({ tail: added(tail, came), nowMs: Date.now() }));
    };
    show();
    const timer = setInterval(show, everyMs);
    return () => clearInterval(timer);
  }, [wanted, everyMs]);
  return { ...shown, state };
}

/** The narrowest filter that lets all of them through. */
function filterOf(series: readonly Series[]): LiveFilter {
  const only = (values: string[]) => (new Set(values).size === 1 ? values[0] : undefined);
  const source = only(series.map((each) => each.source));
  const device = source && only(series.map((each) => each.device));
  return { ...(source && { source }), ...(device && { device }) };
}
