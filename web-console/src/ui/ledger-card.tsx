import type { UseQueryResult } from "@tanstack/react-query";
import type { Schemas } from "../api/client";
import { formatCount } from "../lib/numbers";
import { Tone } from "./badges";
import { FlowPicture } from "./flow-picture";
import { Card } from "./page";
import { Empty, Loaded } from "./states";

type Entry = Schemas["LedgerEntry"];

/** What became of everything that was received, in one picture; green only while it adds up. */
export function LedgerCard({ ledger }: { ledger: UseQueryResult<Schemas["Ledger"]> }) {
  return (
    <Card title="Ledger" aside={ledger.data && <Balance entry={ledger.data.total} />}>
      <Loaded query={ledger} rows={6}>
        {({ total }) => <LedgerPicture entry={total} />}
      </Loaded>
    </Card>
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
