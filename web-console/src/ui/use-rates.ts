import { useRef } from "react";
import type { Schemas } from "../api/client";
import { type Rate, rateOf } from "../lib/rates";

type Ledger = Schemas["Ledger"];

const WINDOW_MS = 30_000;

/** Rates over the last half minute that this page has seen; null before two looks. */
export interface Rates {
  total: Rate | null;
  of: (source: string) => Rate | null;
}

export function useRates(ledger: Ledger | undefined, atMs: number): Rates {
  const seen = useRef<{ atMs: number; ledger: Ledger }[]>([]);
  if (ledger && seen.current.at(-1)?.atMs !== atMs) {
    seen.current = [...seen.current.filter((each) => atMs - each.atMs <= WINDOW_MS), { atMs, ledger }];
  }
  const rate = (entryOf: (ledger: Ledger) => Schemas["LedgerEntry"] | undefined) =>
    rateOf(
      seen.current.flatMap(({ atMs, ledger }) => {
        const entry = entryOf(ledger);
        return entry ? [{ atMs, messages: entry.received, readings: entry.readings.stored }] : [];
      }),
    );
  return {
    total: rate(({ total }) => total),
    of: (source) => rate(({ sources }) => sources.find((each) => each.source === source)),
  };
}
