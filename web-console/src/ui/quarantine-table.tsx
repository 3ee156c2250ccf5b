import { Anchor, Checkbox, Table } from "@mantine/core";
import { useState } from "react";
import type { Schemas } from "../api/client";
import { formatBytes } from "../lib/numbers";
import { type Fit, QuarantineBulk } from "./quarantine-bulk";
import { Ago } from "./when";

type Entry = Schemas["Quarantined"];

interface TableProps {
  entries: Entry[];
  /** All that fit, on whatever page; left out where they are not of one reason. */
  fit?: Fit;
  onOpen: (id: number) => void;
}

/** Entries to look into, and to replay or discard many at once. */
export function QuarantineTable({ entries, fit, onOpen }: TableProps) {
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
      <QuarantineBulk ids={ids} fit={fit} />
      <div className="scroll">
        <Table highlightOnHover aria-label="Messages in quarantine" className="stacked">
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
              <Table.Th>Source</Table.Th>
              <Table.Th>State</Table.Th>
              <Table.Th className="right">Size</Table.Th>
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
      <Table.Td className="pick">
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
      <Table.Td title={entry.detail} data-name="Reason">
        {entry.reason}
      </Table.Td>
      <Table.Td data-name="Received">
        <Ago at={entry.received_at} />
      </Table.Td>
      <Table.Td data-name="Source">{entry.source}</Table.Td>
      <Table.Td data-name="State">{entry.state}</Table.Td>
      <Table.Td className="right nowrap" data-name="Size">
        {formatBytes(entry.payload_bytes)}
      </Table.Td>
    </Table.Tr>
  );
}
