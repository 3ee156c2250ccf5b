import { Anchor, Button, Checkbox, Group, Table, Text } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import type { Schemas } from "../api/client";
import { discardQuarantined, replayQuarantined } from "../api/queries";
import { may, session } from "../api/session";
import { useStore } from "../api/store";
import { type Outcome, oneByOne } from "../lib/each";
import { formatBytes } from "../lib/numbers";
import { Ago } from "./when";

type Entry = Schemas["Quarantined"];

/** Entries to look into, and to replay or discard many at once. */
export function QuarantineTable({ entries, onOpen }: { entries: Entry[]; onOpen: (id: number) => void }) {
  const [picked, setPicked] = useState<ReadonlySet<number>>(new Set());
  const open = entries.filter(({ state }) => state === "open").map(({ id }) => id);
  const ids = open.filter((id) => picked.has(id));
  const pick = (id: number, on: boolean) => {
    const next = new Set(picked);
    if (on) next.add(id);
    else next.delete(id);
    setPicked(next);
  };
  return (
    <>
      <Bulk ids={ids} />
      <div className="scroll">
        <Table highlightOnHover aria-label="Messages in quarantine">
          <Table.Thead>
            <Table.Tr>
              <Table.Th w={36}>
                <Checkbox
                  aria-label="Pick all of this page"
                  disabled={open.length === 0}
                  checked={open.length > 0 && ids.length === open.length}
                  indeterminate={ids.length > 0 && ids.length < open.length}
                  onChange={({ currentTarget }) => setPicked(new Set(currentTarget.checked ? open : []))}
                />
              </Table.Th>
              <Table.Th>Topic</Table.Th>
              <Table.Th>Reason</Table.Th>
              <Table.Th>Received</Table.Th>
              <Table.Th visibleFrom="sm">Source</Table.Th>
              <Table.Th visibleFrom="sm">State</Table.Th>
              <Table.Th visibleFrom="sm" className="right">
                Size
              </Table.Th>
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {entries.map((entry) => (
              <EntryRow
                key={entry.id}
                entry={entry}
                picked={picked.has(entry.id)}
                onPick={pick}
                onOpen={onOpen}
              />
            ))}
          </Table.Tbody>
        </Table>
      </div>
    </>
  );
}

interface RowProps {
  entry: Entry;
  picked: boolean;
  onPick: (id: number, on: boolean) => void;
  onOpen: (id: number) => void;
}

function EntryRow({ entry, picked, onPick, onOpen }: RowProps) {
  return (
    <Table.Tr>
      <Table.Td>
        <Checkbox
          aria-label={`Pick ${entry.topic}, number ${entry.id}`}
          disabled={entry.state !== "open"}
          checked={picked && entry.state === "open"}
          onChange={({ currentTarget }) => onPick(entry.id, currentTarget.checked)}
        />
      </Table.Td>
      <Table.Th scope="row" miw={150}>
        <Anchor component="button" type="button" ta="left" className="wrap" onClick={() => onOpen(entry.id)}>
          {entry.topic || "(no topic)"}
        </Anchor>
      </Table.Th>
      <Table.Td title={entry.detail}>{entry.reason}</Table.Td>
      <Table.Td>
        <Ago at={entry.received_at} />
      </Table.Td>
      <Table.Td visibleFrom="sm">{entry.source}</Table.Td>
      <Table.Td visibleFrom="sm">{entry.state}</Table.Td>
      <Table.Td visibleFrom="sm" className="right nowrap">
        {formatBytes(entry.payload_bytes)}
      </Table.Td>
    </Table.Tr>
  );
}

const ACTS = { replay: replayQuarantined, discard: discardQuarantined };

function Bulk({ ids }: { ids: number[] }) {
  const queries = useQueryClient();
  const allowed = may(useStore(session), "operate");
  const [outcome, setOutcome] = useState<Outcome | null>(null);
  const act = useMutation({
    mutationFn: (kind: keyof typeof ACTS) => oneByOne(ids, ACTS[kind], setOutcome),
    onSettled: () => queries.invalidateQueries(),
  });
  const idle = ids.length === 0 || !allowed || act.isPending;
  return (
    <Group gap="sm" mb="sm">
      <Button size="xs" disabled={idle} onClick={() => act.mutate("replay")}>
        Replay {ids.length || ""}
      </Button>
      <Button size="xs" variant="default" disabled={idle} onClick={() => act.mutate("discard")}>
        Discard {ids.length || ""}
      </Button>
      <Text size="sm" role="status">
        {outcome && outcomeText(outcome)}
        {!allowed && "This needs the role operator."}
      </Text>
    </Group>
  );
}

function outcomeText({ done, failed, firstError }: Outcome): string {
  if (failed === 0) return `${done} done.`;
  return `${done} done, ${failed} failed: ${firstError instanceof Error ? firstError.message : firstError}`;
}
