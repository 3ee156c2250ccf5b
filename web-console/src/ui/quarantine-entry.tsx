import { Alert, Button, Code, Group, Stack, Table, Tabs, Text } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import type { Schemas } from "../api/client";
import { ACTS, quarantinedQuery } from "../api/quarantine";
import { may, session } from "../api/session";
import { useStore } from "../api/store";
import { fromBase64, hexDump, parseJson } from "../lib/bytes";
import { formatBytes } from "../lib/numbers";
import { Side } from "./side";
import { Loaded, Problem } from "./states";
import { TryRule } from "./try-rule";
import { Moment } from "./when";

type Entry = Schemas["QuarantinedWithPayload"];

/** One message: why it was not stored, its bytes, and what can be done. */
export function QuarantineEntry({ id, onClose }: { id: number | null; onClose: () => void }) {
  return (
    <Side title="A message in quarantine" opened={id !== null} size="lg" onClose={onClose}>
      {id !== null && <Content id={id} />}
    </Side>
  );
}

function Content({ id }: { id: number }) {
  const entry = useQuery(quarantinedQuery(id));
  return (
    <Loaded query={entry} rows={8}>
      {(found) => (
        <Stack>
          <Alert variant="outline" color="yellow" title={found.reason}>
            {found.detail || "No more is known."}
          </Alert>
          <Facts entry={found} />
          <Payload entry={found} />
          <TryRule id={found.id} topic={found.topic} source={found.source} />
          <Acts entry={found} />
        </Stack>
      )}
    </Loaded>
  );
}

function Facts({ entry }: { entry: Entry }) {
  const facts = [
    ["Topic", entry.topic],
    ["Source", entry.source],
    ["Received", <Moment key="received" at={entry.received_at} />],
    ["State", entry.state],
    ["Size", formatBytes(entry.payload_bytes)],
    ["Envelope", `${entry.envelope_id}, message ${entry.position}`],
  ] as const;
  return (
    <Table variant="vertical" withTableBorder verticalSpacing={4} layout="fixed">
      <Table.Tbody>
        {facts.map(([name, value]) => (
          <Table.Tr key={name}>
            <Table.Th w={100} scope="row">
              {name}
            </Table.Th>
            <Table.Td style={{ overflowWrap: "anywhere" }}>{value}</Table.Td>
          </Table.Tr>
        ))}
      </Table.Tbody>
    </Table>
  );
}

function Payload({ entry }: { entry: Entry }) {
  const parsed = parseJson(entry.payload_text);
  const views = [
    ["text", entry.payload_text ?? "These bytes are no UTF-8; look at them in hex."],
    ["hex", hexDump(fromBase64(entry.payload_base64))],
    ["parsed", parsed.ok ? parsed.text : parsed.error],
  ] as const;
  return (
    <Tabs defaultValue="text">
      <Tabs.List aria-label="The payload as">
        {views.map(([name]) => (
          <Tabs.Tab key={name} value={name}>
            {name}
          </Tabs.Tab>
        ))}
      </Tabs.List>
      {views.map(([name, text]) => (
        <Tabs.Panel key={name} value={name} pt="xs">
          <Code block tabIndex={0} className={name === "hex" ? "bytes" : "bytes wrap"}>
            {text || "(empty)"}
          </Code>
        </Tabs.Panel>
      ))}
    </Tabs>
  );
}

function Acts({ entry }: { entry: Entry }) {
  const queries = useQueryClient();
  const allowed = may(useStore(session), "operate");
  const done = { onSettled: () => queries.invalidateQueries() };
  const replay = useMutation({ mutationFn: () => ACTS.replay(entry.id), ...done });
  const discard = useMutation({ mutationFn: () => ACTS.discard(entry.id), ...done });
  const idle = entry.state !== "open" || replay.isPending || discard.isPending;
  const error = replay.error ?? discard.error;
  return (
    <Stack gap="sm">
      {allowed && (
        <Group>
          <Button disabled={idle} loading={replay.isPending} onClick={() => replay.mutate()}>
            Replay
          </Button>
          <Button
            variant="default"
            disabled={idle}
            loading={discard.isPending}
            onClick={() => discard.mutate()}
          >
            Discard
          </Button>
        </Group>
      )}
      {error && <Problem error={error} />}
      <Text size="sm" role="status">
        {discard.data
          ? "Discarded: its bytes stay until the quarantine needs the room."
          : replay.data && replayText(replay.data)}
      </Text>
    </Stack>
  );
}

function replayText({ messages, stored, duplicate, conflict, quarantined }: Schemas["Replayed"]): string {
  const counts = [`${stored} readings stored`, `${duplicate} duplicate`, `${conflict} in conflict`];
  const still = quarantined > 0 ? ` ${quarantined} still cannot be decoded: mend the cause first.` : "";
  return `${messages} messages of its envelope decoded again: ${counts.join(", ")}.${still}`;
}
