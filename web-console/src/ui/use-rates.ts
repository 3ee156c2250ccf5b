import type { UseQueryResult } from "@tanstack/react-query";
import { useEffect, useRef } from "react";
import type { Schemas } from "../api/client";
import { type Rate, rateOf } from "../lib/rates";

type Ledger = Schemas["Ledger"];

const WINDOW_MS = 30_000;
/** A rate takes two looks: the second is not waited for as long as all others. */
const SECOND_LOOK_MS = 1000;

/** Rates over the last half minute that this page has seen; null before two looks. */
export interface Rates {
  total: Rate | null;
  of: (source: string) => Rate | null;
}

export function useRates({ data, dataUpdatedAt: atMs, refetch }: UseQueryResult<Ledger>): Rates {
  const seen = useRef<{ atMs: number; ledger: Ledger }[]>([]);
  if (data && seen.current.at(-1)?.atMs !== atMs) {
    seen.current = [...seen.current.filter((each) => atMs - each.atMs <= WINDOW_MS), { atMs, ledger: data }];
  }
  const once = seen.current.length === 1;
  useEffect(() => {
    if (!once) return;
    const timer = setTimeout(() => void refetch(), SECOND_LOOK_MS);
    return () => clearTimeout(timer);
  }, [once, refetch]);
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
