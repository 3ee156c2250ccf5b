import { Group, Switch } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import { useMemo } from "react";
import type { Schemas } from "../api/client";
import { seriesQuery } from "../api/queries";
import { followed, isFollowing, type Range, rangeOf } from "../lib/range";
import { parseIds } from "../lib/search";
import { Card, Page } from "../ui/page";
import { PlotCard } from "../ui/plot-card";
import { RangePicker } from "../ui/range-picker";
import { SeriesPicker } from "../ui/series-picker";
import { Empty, Loaded } from "../ui/states";

const route = getRouteApi("/inside/explore");
const MAX_SERIES = 20;

export function ExplorePage() {
  const search = route.useSearch();
  const navigate = route.useNavigate();
  const ids = useMemo(() => parseIds(search.series).slice(0, MAX_SERIES), [search.series]);
  const { from, to } = rangeOf(search, Date.now());
  const range = useMemo(() => ({ from, to }), [from, to]);
  const series = useQuery(seriesQuery(ids));
  const chosen = useMemo(() => inOrder(series.data?.items ?? [], ids), [series.data, ids]);
  const compare = search.compare !== undefined;
  const live = search.live !== undefined && isFollowing(range);
  const setRange = (next: Range) => void navigate({ search: { ...search, ...next } });
  const set = (change: Partial<typeof search>) =>
    void navigate({ search: { ...search, ...change }, replace: true });
  const setIds = (next: number[]) => set({ series: next.join(",") || undefined });
  return (
    <Page title="Explore" actions={<SeriesPicker chosen={ids} max={MAX_SERIES} onChange={setIds} />}>
      <Group gap="md">
        <RangePicker range={range} onChange={setRange} />
        <Switch
          size="sm"
          label="Live"
          checked={live}
          onChange={({ currentTarget }) =>
            set(currentTarget.checked ? { live: "on", ...followed(range, Date.now()) } : { live: undefined })
          }
        />
        <Switch
          size="sm"
          label="Compare with the period before"
          checked={compare}
          onChange={({ currentTarget }) => set({ compare: currentTarget.checked ? "before" : undefined })}
        />
      </Group>
      {ids.length === 0 ? (
        <Card>
          <Empty title="No series chosen">
            Choose some, up to {MAX_SERIES}; the address of this page then shows the same to others.
          </Empty>
        </Card>
      ) : (
        <Loaded query={series}>
          {() => (
            <PlotCard
              series={chosen}
              range={range}
              compare={compare}
              live={live}
              onRange={setRange}
              onIds={setIds}
            />
          )}
        </Loaded>
      )}
    </Page>
  );
}

function inOrder(items: Schemas["Series"][], ids: number[]): Schemas["Series"][] {
  const found = new Map(items.map((each) => [each.id, each]));
  return ids.map((id) => found.get(id)).filter((each) => each !== undefined);
}
