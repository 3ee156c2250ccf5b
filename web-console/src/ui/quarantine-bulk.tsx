import { Button, Group, Text } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { type ACTS, type QuarantineFilter, settle, settleAll } from "../api/quarantine";
import { may, session } from "../api/session";
import { useStore } from "../api/store";
import { type Outcome, oneByOne } from "../lib/each";
import { formatCount } from "../lib/numbers";
import { ConfirmButton } from "./confirm-button";

/** Open messages of one source or of all, with one reason, and how many there are. */
export interface Fit {
  filter: QuarantineFilter;
  messages: number;
}

interface BulkProps {
  /** Those that are picked. */
  ids: number[];
  fit?: Fit;
}

type Act = keyof typeof ACTS;

/** Replay or discard many: those that are picked, or all that fit. */
export function QuarantineBulk({ ids, fit }: BulkProps) {
  const queries = useQueryClient();
  const allowed = may(useStore(session), "operate");
  const [outcome, setOutcome] = useState<Outcome | null>(null);
  const run = useMutation({
    mutationFn: ({ act, all }: { act: Act; all?: Fit }) =>
      all ? settleAll(act, all.filter, setOutcome) : oneByOne(ids, (id) => settle(id, act), setOutcome),
    onMutate: () => setOutcome(null),
    onSettled: () => queries.invalidateQueries(),
  });
  if (!allowed)
    return (
      <Text size="sm" c="dimmed" mb="sm">
        To replay or discard needs the role operator.
      </Text>
    );
  const idle = ids.length === 0 || run.isPending;
  return (
    <Group gap="sm" mb="sm">
      <Button size="xs" disabled={idle} onClick={() => run.mutate({ act: "replay" })}>
        Replay {ids.length > 0 ? messages(ids.length) : "those that are picked"}
      </Button>
      <ConfirmButton
        act="Discard"
        subject={ids.length > 0 ? messages(ids.length) : "those that are picked"}
        shown
        disabled={ids.length === 0}
        pending={run.isPending && run.variables.all === undefined && run.variables.act === "discard"}
        onConfirm={() => run.mutate({ act: "discard" })}
      />
      {fit &&
        fit.messages > 0 &&
        (["replay", "discard"] as const).map((act) => (
          <ConfirmButton
            key={act}
            act={act === "replay" ? "Replay" : "Discard"}
            subject={`all ${messages(fit.messages)}`}
            shown
            pending={run.isPending && run.variables.all !== undefined && run.variables.act === act}
            onConfirm={() => run.mutate({ act, all: fit })}
          />
        ))}
      <Text size="sm" role="status">
        {[outcome && run.variables && outcomeText(outcome, run.variables.act), run.error?.message]
          .filter(Boolean)
          .join(" ")}
      </Text>
    </Group>
  );
}

const messages = (count: number) => (count === 1 ? "1 message" : `${formatCount(count)} messages`);

function outcomeText({ done, failed, still, firstError }: Outcome, act: Act): string {
  const left =
    act === "replay" ? `${formatCount(still)} still in quarantine` : `${formatCount(still)} held by a replay`;
  const told = `${messages(done)} ${act === "replay" ? "tried" : "discarded"}`;
  const all = act === "replay" || still > 0 ? `${told}, ${left}` : told;
  if (failed === 0) return `${all}.`;
  const why = firstError instanceof Error ? firstError.message : String(firstError);
  return `${all}, ${formatCount(failed)} failed: ${why}`;
}
