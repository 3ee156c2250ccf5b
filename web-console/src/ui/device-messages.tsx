import { Accordion, Code, Group, Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import type { Schemas } from "../api/client";
import { messagesOfDeviceQuery } from "../api/queries";
import { fromBase64, hexDump } from "../lib/bytes";
import { Card } from "./page";
import { Empty, Loaded } from "./states";
import { shown, TrialResult } from "./trial";
import { Ago, Moment } from "./when";

type Message = Schemas["DeviceMessage"];

/** The last messages as they were received, and what became of each. */
export function DeviceMessagesCard({ deviceId }: { deviceId: number }) {
  const messages = useQuery(messagesOfDeviceQuery(deviceId));
  return (
    <Card title="Last messages">
      <Loaded query={messages}>
        {({ items, older }) =>
          items.length === 0 ? (
            <Empty title="None was found">{OLDER_THAN_NONE[older]}</Empty>
          ) : (
            <>
              <MessageList items={items} />
              <Text size="sm" c="dimmed" mt="sm">
                {OLDER_THAN_SOME[older]}
              </Text>
            </>
          )
        }
      </Loaded>
    </Card>
  );
}

function MessageList({ items }: { items: Message[] }) {
  return (
    <Accordion variant="default" chevronPosition="left">
      {items.map((message) => (
        <Accordion.Item
          key={`${message.received_at} ${message.topic}`}
          value={`${message.received_at} ${message.topic}`}
        >
          <Accordion.Control>
            <Summary message={message} />
          </Accordion.Control>
          <Accordion.Panel>
            <Text size="sm" mb="xs">
              {message.topic}, received <Moment at={message.received_at} />
            </Text>
            <Code block tabIndex={0} className="bytes wrap" mb="xs">
              {textOf(message)}
            </Code>
            <Became message={message} />
          </Accordion.Panel>
        </Accordion.Item>
      ))}
    </Accordion>
  );
}

function Summary({ message }: { message: Message }) {
  const { became, differs, quarantine, result } = message;
  const told = READ.includes(became)
    ? result.readings.map(({ metric, value }) => `${metric} ${shown(value)}`).join(", ")
    : (quarantine?.reason ?? result.reason);
  return (
    <Group gap="sm" wrap="nowrap">
      <Text size="sm" className="nowrap">
        <Ago at={message.received_at} />
      </Text>
      <Text size="sm" className="nowrap" c={READ.includes(became) ? undefined : "yellow"}>
        {became}
      </Text>
      <Text size="sm" truncate>
        {differs ? "differs from today's configuration" : told}
      </Text>
    </Group>
  );
}

/** What became of it in words, and what today's configuration makes of it. */
function Became({ message: { became, differs, quarantine, result } }: { message: Message }) {
  return (
    <>
      <Text size="sm" mb="xs">
        {BECAME[became]}
        {quarantine && ` In quarantine, ${quarantine.state}: ${quarantine.reason}, ${quarantine.detail}.`}
      </Text>
      {differs && (
        <Text size="sm" mb="xs" fw={600}>
          Today's configuration would decide otherwise:
        </Text>
      )}
      {(differs || !quarantine || quarantine.state === "replayed") && <TrialResult trial={result} />}
    </>
  );
}

function textOf({ payload_base64 }: Message): string {
  const bytes = fromBase64(payload_base64);
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes) || "(empty)";
  } catch {
    return hexDump(bytes);
  }
}

/** Its readings are, or were, or are about to be in the database. */
const READ: Message["became"][] = ["pending", "stored", "duplicate", "expired"];

const BECAME: Record<Message["became"], string> = {
  pending: "It waits to be stored.",
  stored: "Its readings are stored.",
  duplicate: "Its readings were stored already, with the same values.",
  conflict: "Other values are stored for the same instants, and stay.",
  expired: "Its readings were stored; they are older than readings are kept.",
  quarantined: "It was not stored.",
  ignored: "It was ignored: its topic is declared so, or it was retained without a time of its own.",
  unknown: "The ledger does not tell it from the messages that it came with.",
};

const OLDER_THAN_SOME: Record<Schemas["Older"], string> = {
  none: "It sent nothing before these.",
  purged: "Older ones have been purged from the log; their readings are kept.",
  not_searched: "There may be older ones.",
};

const OLDER_THAN_NONE: Record<Schemas["Older"], string> = {
  none: "The log holds all that its source received, and none names it.",
  purged: "What it sent has been purged from the log; its readings are kept.",
  not_searched: "The newest messages of its source and of imports were looked through, and none names it.",
};
