import { Table } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import type { Schemas } from "../api/client";
import { sourcesQuery } from "../api/queries";
import { formatCount, formatRate } from "../lib/numbers";
import { SourceBadge, Tone } from "./badges";
import { LinkAnchor } from "./links";
import { Card } from "./page";
import { Empty, Loaded } from "./states";
import type { Rates } from "./use-rates";

interface SourcesCardProps {
  ledger?: Schemas["Ledger"];
  rates: Rates;
}

/** Each source at one look: whether it sends, how much, and how far its storing is behind. */
export function SourcesCard({ ledger, rates }: SourcesCardProps) {
  const sources = useQuery(sourcesQuery);
  const entries = new Map(ledger?.sources.map((entry) => [entry.source, entry]));
  return (
    <Card
      title="Sources"
      aside={
        <LinkAnchor to="/sources" inherit={false} size="sm">
          More about them
        </LinkAnchor>
      }
    >
      <Loaded query={sources}>
        {({ items }) =>
          items.length === 0 ? (
            <Empty title="No source is declared">Name your brokers and topics in sens.yaml.</Empty>
          ) : (
            <div className="scroll">
              <Table aria-label="Sources" className="stacked">
                <Table.Thead>
                  <Table.Tr>
                    <Table.Th>Source</Table.Th>
                    <Table.Th>State</Table.Th>
                    <Table.Th>Lag</Table.Th>
                    <Table.Th className="right">Messages/s</Table.Th>
                    <Table.Th className="right">Devices</Table.Th>
                    <Table.Th className="right">Received</Table.Th>
                    <Table.Th className="right">Quarantined</Table.Th>
                  </Table.Tr>
                </Table.Thead>
                <Table.Tbody>
                  {items.map((source) => (
                    <SourceRow
                      key={source.name}
                      source={source}
                      entry={entries.get(source.name)}
                      messageRate={rates.of(source.name)?.messages ?? null}
                    />
                  ))}
                </Table.Tbody>
              </Table>
            </div>
          )
        }
      </Loaded>
    </Card>
  );
}

interface SourceRowProps {
  source: Schemas["Source"];
  entry?: Schemas["SourceLedger"];
  messageRate: number | null;
}

function SourceRow({ source, entry, messageRate }: SourceRowProps) {
  return (
    <Table.Tr>
      <Table.Th scope="row">
        <LinkAnchor to="/devices" search={{ source: source.name }}>
          {source.name}
        </LinkAnchor>
      </Table.Th>
      <Table.Td data-name="State">
        <SourceBadge state={source.state} />
      </Table.Td>
      <Table.Td data-name="Lag">
        <Lag pending={entry?.pending ?? 0} messageRate={messageRate} />
      </Table.Td>
      <Table.Td className="right" data-name="Messages/s">
        {formatRate(messageRate)}
      </Table.Td>
      <Table.Td className="right" data-name="Devices">
        {formatCount(source.devices)}
      </Table.Td>
      <Table.Td className="right" data-name="Received">
        {formatCount(entry?.received ?? 0)}
      </Table.Td>
      <Table.Td className="right" data-name="Quarantined">
        {formatCount(entry?.quarantined ?? 0)}
      </Table.Td>
    </Table.Tr>
  );
}

/** Of what comes within so long, the part that is under way is no lag. */
const UNDER_WAY_S = 2;

function Lag({ pending, messageRate }: { pending: number; messageRate: number | null }) {
  if (pending <= (messageRate ?? 0) * UNDER_WAY_S) return <Tone tone="good">none</Tone>;
  return <Tone tone="warn">{formatCount(pending)} messages</Tone>;
}
