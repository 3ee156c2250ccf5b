import { Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { quarantineSummaryQuery } from "../api/quarantine";
import { ledgerQuery, overviewQuery } from "../api/queries";
import { formatCount, formatRate } from "../lib/numbers";
import { IntakeCard } from "../ui/intake-card";
import { LedgerCard } from "../ui/ledger-card";
import { LinkAnchor } from "../ui/links";
import { Page } from "../ui/page";
import { SilentCard } from "../ui/silent-card";
import { SourcesCard } from "../ui/sources-card";
import { StorageCard } from "../ui/storage-card";
import { useRates } from "../ui/use-rates";

export function OverviewPage() {
  const ledger = useQuery(ledgerQuery);
  const rates = useRates(ledger.data, ledger.dataUpdatedAt);
  const quarantine = useQuery(quarantineSummaryQuery);
  const overview = useQuery(overviewQuery);
  const open = quarantine.data?.items.filter(({ state }) => state === "open") ?? [];
  const waiting = open.reduce((sum, { messages }) => sum + messages, 0);
  return (
    <Page title="Overview">
      <div className="figures">
        <Figure name="messages a second" value={formatRate(rates.total?.messages ?? null)} />
        <Figure name="readings a second" value={formatRate(rates.total?.readings ?? null)} />
        <Figure name="messages not stored yet" value={formatCount(ledger.data?.total.pending ?? 0)} />
        <Figure name="in quarantine" value={formatCount(waiting)} to="/quarantine" />
        <Figure
          name="devices are silent"
          value={formatCount(overview.data?.devices.silent ?? 0)}
          to="/devices"
          search={{ show: "silent" }}
        />
      </div>
      <LedgerCard ledger={ledger} />
      <SilentCard />
      <IntakeCard />
      <SourcesCard ledger={ledger.data} rates={rates} />
      <StorageCard />
    </Page>
  );
}

interface FigureProps {
  name: string;
  value: string;
  to?: "/quarantine" | "/devices";
  search?: { show: string };
}

function Figure({ name, value, to, search }: FigureProps) {
  return (
    <div className="card">
      <Text fz={28} fw={650} lh={1.2} style={{ fontVariantNumeric: "tabular-nums" }}>
        {value}
      </Text>
      {to ? (
        <LinkAnchor to={to} search={search} inherit={false} size="sm">
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
