import { useQueryClient } from "@tanstack/react-query";
import { useEffect, useRef, useState } from "react";
import { follow, type LiveFilter, type LiveReading, type LiveState } from "../api/live";

/** How often readings that came are shown: a person sees no more, and drawing costs. */
const SHOW_EVERY_MS = 500;

/** Hand live readings over, several at once; tells whether they come. What was missed is asked for. */
export function useLive(filter: LiveFilter | null, onReadings: (readings: LiveReading[]) => void): LiveState {
  const [state, setState] = useState<LiveState>("connecting");
  const queries = useQueryClient();
  const handler = useRef(onReadings);
  handler.current = onReadings;
  useEffect(() => {
    if (filter === null) return;
    let waiting: LiveReading[] = [];
    const askAgain = () => {
      for (const kind of ["latest", "readings"]) void queries.invalidateQueries({ queryKey: [kind] });
    };
    const stop = follow(filter, {
      onReadings: (got) => waiting.push(...got),
      onState: setState,
      onReset: askAgain,
    });
    const timer = setInterval(() => {
      if (waiting.length === 0) return;
      handler.current(waiting);
      waiting = [];
    }, SHOW_EVERY_MS);
    return () => {
      clearInterval(timer);
      stop();
    };
  }, [filter, queries]);
  return state;
}
