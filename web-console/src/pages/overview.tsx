import { Table, Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import type { Schemas } from "../api/client";
import { ledgerQuery, overviewQuery, quarantineSummaryQuery, sourcesQuery } from "../api/queries";
import { formatCount, formatRate } from "../lib/numbers";
import { SourceBadge, Tone } from "../ui/badges";
import { FlowPicture } from "../ui/flow-picture";
import { IntakeCard } from "../ui/intake-card";
import { LinkAnchor } from "../ui/links";
import { Card, Page } from "../ui/page";
import { Empty, Loaded } from "../ui/states";
import { useRates } from "../ui/use-rates";

type Entry = Schemas["LedgerEntry"];

export function OverviewPage() {
  const ledger = useQuery(ledgerQuery);
  const rates = useRates(ledger.data?.total, ledger.dataUpdatedAt);
  const quarantine = useQuery(quarantineSummaryQuery);
  const overview = useQuery(overviewQuery);
  const open = quarantine.data?.items.filter(({ state }) => state === "open") ?? [];
  const waiting = open.reduce((sum, { messages }) => sum + messages, 0);
  return (
    <Page title="Overview">
      <div className="figures">
        <Figure name="messages a second" value={formatRate(rates?.messages ?? null)} />
        <Figure name="readings a second" value={formatRate(rates?.readings ?? null)} />
        <Figure name="messages not stored yet" value={formatCount(ledger.data?.total.pending ?? 0)} />
        <Figure name="in quarantine" value={formatCount(waiting)} to="/quarantine" />
        <Figure name="devices are silent" value={formatCount(overview.data?.devices.silent ?? 0)} />
      </div>
      <Card title="Ledger" aside={ledger.data && <Balance entry={ledger.data.total} />}>
        <Loaded query={ledger} rows={6}>
          {({ total }) => <LedgerPicture entry={total} />}
        </Loaded>
      </Card>
      <IntakeCard />
      <SourcesCard ledger={ledger.data} />
    </Page>
  );
}

function Figure({ name, value, to }: { name: string; value: string; to?: "/quarantine" }) {
  return (
    <div className="card">
      <Text fz={28} fw={650} lh={1.2} style={{ fontVariantNumeric: "tabular-nums" }}>
        {value}
      </Text>
      {to ? (
        <LinkAnchor to={to} inherit={false} size="sm">
          {name}
        </LinkAnchor>
      ) : (
        <Text size="sm" c="dimmed">
          {name}
        </Text>
      )}
    </div>
  );
}

function Balance({ entry }: { entry: Entry }) {
  if (entry.lost > 0) return <Tone tone="bad">{formatCount(entry.lost)} lost</Tone>;
  if (!entry.balanced) return <Tone tone="bad">does not add up</Tone>;
  return <Tone tone="good">balanced, nothing lost</Tone>;
}

const colors = {
  good: "var(--good)",
  calm: "light-dark(#74808b, #8b96a0)",
  warn: "var(--warn)",
  bad: "var(--bad)",
};

function LedgerPicture({ entry }: { entry: Entry }) {
  const { readings } = entry;
  if (entry.received === 0) return <Empty title="Nothing was received yet" />;
  const good = entry.balanced ? colors.good : colors.warn;
  return (
    <div className="halves">
      <FlowPicture
        whole={{ name: "messages received", count: entry.received, color: "", help: "" }}
        shares={[
          { name: "decoded", count: entry.decoded, color: good, help: "Readings were taken out of them" },
          { name: "ignored", count: entry.ignored, color: colors.calm, help: "By a declared rule" },
          {
            name: "quarantined",
            count: entry.quarantined,
            color: colors.warn,
            help: "Kept with their bytes and the reason",
          },
          {
            name: "pending",
            count: entry.pending,
            color: colors.calm,
            help: "On disk, and not in the database yet",
          },
          {
            name: "lost",
            count: entry.lost,
            color: colors.bad,
            help: "A store once had them and has them no more",
          },
        ]}
      />
      <FlowPicture
        whole={{ name: "readings decoded", count: readings.decoded, color: "", help: "" }}
        shares={[
          { name: "stored", count: readings.stored, color: good, help: "" },
          {
            name: "duplicate",
            count: readings.duplicate,
            color: colors.calm,
            help: "The same value was stored already",
          },
          {
            name: "conflict",
            count: readings.conflict,
            color: colors.warn,
            help: "Another value is stored at that instant",
          },
        ]}
      />
    </div>
  );
}

function SourcesCard({ ledger }: { ledger?: Schemas["Ledger"] }) {
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
              <Table>
                <Table.Thead>
                  <Table.Tr>
                    <Table.Th>Source</Table.Th>
                    <Table.Th>State</Table.Th>
                    {["Devices", "Received", "Quarantined", "Pending"].map((name) => (
                      <Table.Th key={name} className="right">
                        {name}
                      </Table.Th>
                    ))}
                  </Table.Tr>
                </Table.Thead>
                <Table.Tbody>
                  {items.map((source) => (
                    <SourceRow key={source.name} source={source} entry={entries.get(source.name)} />
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

function SourceRow({ source, entry }: { source: Schemas["Source"]; entry?: Schemas["SourceLedger"] }) {
  return (
    <Table.Tr>
      <Table.Th scope="row">
        <LinkAnchor to="/devices" search={{ source: source.name }}>
          {source.name}
        </LinkAnchor>
      </Table.Th>
      <Table.Td>
        <SourceBadge state={source.state} />
      </Table.Td>
      {[source.devices, entry?.received ?? 0, entry?.quarantined ?? 0, entry?.pending ?? 0].map(
        (count, column) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: columns keep their places
          <Table.Td key={column} className="right">
            {formatCount(count)}
          </Table.Td>
        ),
      )}
    </Table.Tr>
  );
}
