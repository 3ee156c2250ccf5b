import { Accordion, Code, Group, Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import type { Schemas } from "../api/client";
import { messagesOfDeviceQuery } from "../api/queries";
import { fromBase64, hexDump } from "../lib/bytes";
import { Card } from "./page";
import { Empty, Loaded } from "./states";
import { shown, TrialResult } from "./trial";
import { Ago, Moment } from "./when";

type Messages = Schemas["DeviceMessages"];
type Message = Schemas["DeviceMessage"];

/** The last messages as they were received, and what became of each. */
export function DeviceMessagesCard({ deviceId }: { deviceId: number }) {
  const messages = useQuery(messagesOfDeviceQuery(deviceId));
  return (
    <Card title="Last messages">
      <Loaded query={messages}>
        {(found) =>
          found.items.length === 0 ? (
            <Empty title="None was found">{whyNone(found)}</Empty>
          ) : (
            <Accordion variant="default" chevronPosition="left">
              {found.items.map((message) => (
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
                    <TrialResult trial={message.result} />
                  </Accordion.Panel>
                </Accordion.Item>
              ))}
            </Accordion>
          )
        }
      </Loaded>
    </Card>
  );
}

function Summary({ message }: { message: Message }) {
  const { outcome, reason, readings } = message.result;
  const told = outcome === "decoded" ? readings.map(({ metric, value }) => `${metric} ${shown(value)}`) : [];
  return (
    <Group gap="sm" wrap="nowrap">
      <Text size="sm" className="nowrap">
        <Ago at={message.received_at} />
      </Text>
      <Text size="sm" truncate>
        {outcome === "decoded" ? told.join(", ") : `${outcome}: ${reason}`}
      </Text>
    </Group>
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

function whyNone({ all_searched }: Messages): string {
  return all_searched
    ? "What it sent has been purged from the log, or was imported from a file; its readings are kept."
    : "The newest messages of its source were looked through, and none names it.";
}
