import { useRef } from "react";
import type { Schemas } from "../api/client";
import { type Counted, rateOf } from "../lib/rates";

const WINDOW_MS = 30_000;

/** Messages and readings a second over the last half minute that this page has seen; null before two looks. */
export function useRates(total: Schemas["LedgerEntry"] | undefined, atMs: number) {
  const seen = useRef<Counted[]>([]);
  if (total && seen.current.at(-1)?.atMs !== atMs) {
    const look = { atMs, messages: total.received, readings: total.readings.stored };
    seen.current = [...seen.current.filter((each) => atMs - each.atMs <= WINDOW_MS), look];
  }
  return rateOf(seen.current);
}
