import { queryOptions } from "@tanstack/react-query";
import type { Outcome } from "../lib/each";
import { api, body, type Schemas } from "./client";
import { ApiProblem } from "./problem";

const OFTEN_MS = 5000;
const SELDOM_MS = 30_000;

export interface QuarantineFilter {
  source?: string;
  reason?: Schemas["Reason"];
  state?: Schemas["QuarantineCount"]["state"];
  cursor?: string;
}

export const quarantineSummaryQuery = queryOptions({
  queryKey: ["quarantine", "summary"],
  queryFn: ({ signal }) => body(api.GET("/api/v1/quarantine/summary", { signal })),
  refetchInterval: OFTEN_MS,
});

export const overflowQuery = queryOptions({
  queryKey: ["quarantine", "overflow"],
  queryFn: ({ signal }) => body(api.GET("/api/v1/quarantine/overflow", { signal })),
  refetchInterval: SELDOM_MS,
});

export const quarantineQuery = (filter: QuarantineFilter) =>
  queryOptions({
    queryKey: ["quarantine", "list", filter],
    queryFn: ({ signal }) =>
      body(api.GET("/api/v1/quarantine", { params: { query: { ...filter, limit: 100 } }, signal })),
    refetchInterval: OFTEN_MS,
    placeholderData: (before) => before,
  });

export const quarantinedQuery = (id: number) =>
  queryOptions({
    queryKey: ["quarantine", "entry", id],
    queryFn: ({ signal }) =>
      body(
        api.GET("/api/v1/quarantine/{quarantine_id}", { params: { path: { quarantine_id: id } }, signal }),
      ),
  });

const replayQuarantined = (id: number) =>
  body(api.POST("/api/v1/quarantine/{quarantine_id}/replay", { params: { path: { quarantine_id: id } } }));

const discardQuarantined = (id: number) =>
  body(api.POST("/api/v1/quarantine/{quarantine_id}/discard", { params: { path: { quarantine_id: id } } }));

export const ACTS = { replay: replayQuarantined, discard: discardQuarantined };

const discardMany = (open: Schemas["OpenMessages"]) =>
  body(api.POST("/api/v1/quarantine/discard", { body: open }));

const replayMany = (open: Schemas["OpenMessages"]) =>
  body(api.POST("/api/v1/quarantine/replay", { body: { overwrite: false, ...open } }));

/** All open messages that fit, request after request: each takes only so many. */
export async function settleAll(
  act: keyof typeof ACTS,
  filter: QuarantineFilter,
  onProgress: (outcome: Outcome) => void,
): Promise<Outcome> {
  const { source, reason } = filter;
  let outcome: Outcome = { done: 0, failed: 0, still: 0 };
  let cursor: string | null = null;
  do {
    const open: Schemas["OpenMessages"] = { source, reason, cursor };
    const answer: Schemas["Discarded"] | Schemas["ReplayedMany"] =
      act === "discard" ? await discardMany(open) : await replayMany(open);
    cursor = answer.next_cursor;
    const [done, still] =
      "discarded" in answer
        ? [answer.discarded, cursor === null ? answer.remaining : 0]
        : [answer.tried, answer.still_open];
    outcome = { ...outcome, done: outcome.done + done, still: outcome.still + still };
    onProgress(outcome);
  } while (cursor);
  return outcome;
}

/**
 * One of many; whether it left the quarantine. What a replay of its neighbour settled, as they came in one envelope,
 * is settled.
 */
export async function settle(id: number, act: keyof typeof ACTS): Promise<boolean> {
  try {
    await ACTS[act](id);
  } catch (error: unknown) {
    if (error instanceof ApiProblem && error.status === 409) return true;
    throw error;
  }
  if (act === "discard") return true;
  const params = { path: { quarantine_id: id } };
  return (await body(api.GET("/api/v1/quarantine/{quarantine_id}", { params }))).state !== "open";
}

export const tryRule = (id: number, rule: string | null) =>
  body(
    api.POST("/api/v1/quarantine/{quarantine_id}/try", {
      params: { path: { quarantine_id: id } },
      body: { rule },
    }),
  );
