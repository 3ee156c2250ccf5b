import { useEffect, useRef, useState } from "react";
import { type LiveReading, type LiveState, ofSeries } from "../api/live";
import { added, type BySeries } from "../lib/window";
import { useLive } from "./use-live";

interface Tail {
  tail: BySeries;
  nowMs: number;
  state: LiveState;
}

/** Live readings of some series and the time now while they are wanted, both renewed as often as is asked. */
export function useTail(ids: readonly number[], wanted: boolean, everyMs: number): Tail {
  const [shown, setShown] = useState(() => ({ tail: new Map() as BySeries, nowMs: Date.now() }));
  const waiting = useRef<LiveReading[]>([]);
  const state = useLive(wanted && ids.length > 0 ? ofSeries(ids) : null, (readings) =>
    waiting.current.push(...readings),
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
