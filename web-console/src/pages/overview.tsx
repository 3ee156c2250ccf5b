import { Skeleton, Text } from "@mantine/core";
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
  const rates = useRates(ledger);
  const quarantine = useQuery(quarantineSummaryQuery);
  const overview = useQuery(overviewQuery);
  const open = quarantine.data?.items.filter(({ state }) => state === "open") ?? [];
  const silent = overview.data?.devices.silent;
  const rate = (what: "messages" | "readings") => rates.total && formatRate(rates.total[what]);
  const waiting = open.reduce((sum, { messages }) => sum + messages, 0);
  return (
    <Page title="Overview">
      <div className="figures">
        <Figure name="messages a second" value={rate("messages")} />
        <Figure name="readings a second" value={rate("readings")} />
        <Figure name="messages not stored yet" value={count(ledger.data?.total.pending)} />
        <Figure name="in quarantine" value={count(quarantine.data && waiting)} to="/quarantine" />
        <Figure
          name={silent === 1 ? "device is silent" : "devices are silent"}
          value={count(silent)}
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

const count = (number: number | undefined) => (number === undefined ? undefined : formatCount(number));

interface FigureProps {
  name: string;
  /** Left out, or null, while it is not known yet. */
  value?: string | null;
  to?: "/quarantine" | "/devices";
  search?: { show: string };
}

function Figure({ name, value, to, search }: FigureProps) {
  return (
    <div className="card">
      <Text component="div" fz={28} fw={650} lh={1.2} style={{ fontVariantNumeric: "tabular-nums" }}>
        {value ?? <Skeleton height={28} width={72} my={3} />}
      </Text>
      {to ? (
        <LinkAnchor to={to} search={search} inherit={false} size="sm" display="block">
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
