import { Group, NativeSelect, Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import type { Schemas } from "../api/client";
import { type QuarantineFilter, quarantineQuery, quarantineSummaryQuery } from "../api/quarantine";
import { formatBytes, formatCount } from "../lib/numbers";
import { LinkButton } from "../ui/links";
import { Overflow } from "../ui/overflow";
import { Card, Page } from "../ui/page";
import { Pager } from "../ui/pager";
import type { Fit } from "../ui/quarantine-bulk";
import { QuarantineEntry } from "../ui/quarantine-entry";
import { QuarantineTable } from "../ui/quarantine-table";
import { SourceSelect } from "../ui/source-select";
import { Empty, Loaded } from "../ui/states";

const route = getRouteApi("/inside/quarantine");
type State = Schemas["QuarantineCount"]["state"];

export function QuarantinePage() {
  const search = route.useSearch();
  const navigate = route.useNavigate();
  // Left out: what waits for a decision.
  const state = search.state ?? "open";
  const filter: QuarantineFilter = {
    source: search.source,
    cursor: search.cursor,
    reason: search.reason as QuarantineFilter["reason"],
    state: state === "all" ? undefined : (state as State),
  };
  const list = useQuery(quarantineQuery(filter));
  const fit = useFit(filter);
  const set = (change: Partial<typeof search>) =>
    void navigate({ search: { ...search, cursor: undefined, entry: undefined, ...change } });
  return (
    <Page title="Quarantine">
      <Text size="sm" c="dimmed" maw={720}>
        Messages that could not be stored, with their bytes and the reason. Mend the cause, then replay them:
        nothing is stored twice.
      </Text>
      <Summary state={state} chosen={search} />
      <Group align="end" gap="sm">
        <SourceSelect value={search.source} onChange={(source) => set({ source })} />
        <ReasonSelect value={search.reason} onChange={(reason) => set({ reason })} />
        <NativeSelect
          label="State"
          value={state}
          data={["open", "replayed", "discarded", "all"]}
          onChange={(event) => set({ state: event.currentTarget.value })}
        />
      </Group>
      <Card>
        <Loaded query={list} rows={6}>
          {({ items, next_cursor }) => (
            <>
              <QuarantineTable
                key={JSON.stringify(filter)}
                entries={items}
                fit={fit}
                onOpen={(id) => set({ ...search, entry: String(id) })}
              />
              {items.length === 0 && (
                <Empty title={state === "open" ? "Nothing waits in quarantine" : "Nothing fits"}>
                  What was received was decoded, or ignored by a declared rule.
                </Empty>
              )}
              <Pager cursor={search.cursor} next={next_cursor} nextLabel="Older ones" />
            </>
          )}
        </Loaded>
      </Card>
      <Overflow />
      <QuarantineEntry
        id={search.entry ? Number(search.entry) : null}
        onClose={() => set({ ...search, entry: undefined })}
      />
    </Page>
  );
}

/** All that are open with one reason: they have one cause, and are settled together. */
function useFit({ source, reason, state }: QuarantineFilter): Fit | undefined {
  const { data } = useQuery(quarantineSummaryQuery);
  if (!reason || state !== "open") return undefined;
  const counts = data?.items.filter(
    (each) => each.state === "open" && each.reason === reason && (!source || each.source === source),
  );
  return {
    filter: { source, reason },
    messages: counts?.reduce((sum, { messages }) => sum + messages, 0) ?? 0,
  };
}

/** How many messages wait, by source and reason; each leads to them. */
function Summary({ state, chosen }: { state: string; chosen: { source?: string; reason?: string } }) {
  const summary = useQuery(quarantineSummaryQuery);
  const counts = summary.data?.items.filter((count) => state === "all" || count.state === state) ?? [];
  if (counts.length === 0) return null;
  return (
    <Group gap="xs" role="group" aria-label="By source and reason">
      {counts.map(({ source, reason, messages, bytes, state: own }) => {
        const active = chosen.source === source && chosen.reason === reason;
        return (
          <LinkButton
            key={`${source} ${reason} ${own}`}
            to="/quarantine"
            search={active ? { state } : { state, source, reason }}
            size="xs"
            variant={active ? "filled" : "default"}
          >
            {source}: {reason} · {formatCount(messages)} ({formatBytes(bytes)})
          </LinkButton>
        );
      })}
    </Group>
  );
}

function ReasonSelect({ value, onChange }: { value?: string; onChange: (reason?: string) => void }) {
  const { data } = useQuery(quarantineSummaryQuery);
  const reasons = new Set([...(data?.items.map(({ reason }) => reason) ?? []), ...(value ? [value] : [])]);
  return (
    <NativeSelect
      label="Reason"
      value={value ?? ""}
      data={[{ value: "", label: "all" }, ...[...reasons].sort()]}
      onChange={(event) => onChange(event.currentTarget.value || undefined)}
    />
  );
}
