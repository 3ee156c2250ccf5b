import { Alert, Button, Group } from "@mantine/core";
import { keepPreviousData, useQueries, useQuery } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import { useMemo, useState } from "react";
import type { Schemas } from "../api/client";
import { readingsQuery, seriesQuery } from "../api/queries";
import { download, toCsv } from "../lib/csv";
import { curveOf, type Readings } from "../lib/plot";
import { momentMs, type Range, rangeOf, refetchEveryMs } from "../lib/range";
import { parseIds } from "../lib/search";
import { curveColor } from "../theme";
import { Chart } from "../ui/chart";
import { CurveTable, type Plotted } from "../ui/curve-table";
import { Card, Page } from "../ui/page";
import { RangePicker } from "../ui/range-picker";
import { SeriesPicker } from "../ui/series-picker";
import { Empty, Loaded, Loading, Problem } from "../ui/states";

const route = getRouteApi("/inside/explore");
const MAX_SERIES = 20;

export function ExplorePage() {
  const search = route.useSearch();
  const navigate = route.useNavigate();
  const ids = useMemo(() => parseIds(search.series).slice(0, MAX_SERIES), [search.series]);
  const range = rangeOf(search, Date.now());
  const series = useQuery(seriesQuery(ids));
  const setRange = (next: Range) => void navigate({ search: { ...search, ...next } });
  const setIds = (next: number[]) =>
    void navigate({ search: { ...search, series: next.join(",") || undefined }, replace: true });
  return (
    <Page title="Explore" actions={<SeriesPicker chosen={ids} onChange={setIds} />}>
      <RangePicker range={range} onChange={setRange} />
      {ids.length === 0 ? (
        <Card>
          <Empty title="No series chosen">
            Choose some, up to {MAX_SERIES}; the address of this page then shows the same to others.
          </Empty>
        </Card>
      ) : (
        <Loaded query={series}>
          {({ items }) => (
            <Plot series={inOrder(items, ids)} range={range} onRange={setRange} onIds={setIds} />
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

interface PlotProps {
  series: Schemas["Series"][];
  range: Range;
  onRange: (range: Range) => void;
  onIds: (ids: number[]) => void;
}

function Plot({ series, range, onRange, onIds }: PlotProps) {
  const every = refetchEveryMs(range, Date.now());
  const queries = useQueries({
    queries: series.map(({ id }) => ({
      ...readingsQuery(id, range.from, range.to, every),
      placeholderData: keepPreviousData<Readings>,
    })),
  });
  const [cursorS, setCursorS] = useState<number | null>(null);
  const arrived = queries
    .map(({ dataUpdatedAt, isPlaceholderData }) => `${dataUpdatedAt}${isPlaceholderData}`)
    .join();
  // biome-ignore lint/correctness/useExhaustiveDependencies: `arrived` tells when one of the queries brought something
  const plotted = useMemo(
    () => series.map((each, index) => plottedOf(each, queries[index]?.data, index)),
    [series, arrived],
  );
  const drawn = useMemo(() => plotted.filter(({ curve }) => curve.time.length > 0), [plotted]);
  const failed = queries.find(({ isError }) => isError);
  const cut = queries.some(({ data }) => data?.next_from);
  const now = Date.now();
  const resolutions = [...new Set(queries.map(({ data }) => data?.resolution).filter(Boolean))].join(", ");
  return (
    <>
      {failed && <Problem error={failed.error} retry={() => void failed.refetch()} />}
      {cut && (
        <Alert color="yellow" variant="outline" title="Only the beginning is shown">
          Choose a shorter range.
        </Alert>
      )}
      <Card
        title={resolutions ? `Resolution: ${resolutions}` : "Readings"}
        aside={
          <Group gap="xs">
            <CopyLink />
            <Button
              size="xs"
              variant="default"
              disabled={drawn.length === 0}
              onClick={() => save(plotted, range)}
            >
              Download CSV
            </Button>
          </Group>
        }
      >
        {queries.some(({ isPending }) => isPending) ? (
          <Loading rows={8} />
        ) : drawn.length === 0 ? (
          <Empty title="No reading in this range">Try a longer one.</Empty>
        ) : (
          <Chart
            label={`${drawn.length} series from ${range.from} to ${range.to}; their figures are in the table below`}
            drawn={drawn}
            fromS={momentMs(range.from, now) / 1000}
            toS={momentMs(range.to, now) / 1000}
            height={380}
            onZoom={(from, to) =>
              onRange({ from: new Date(from).toISOString(), to: new Date(to).toISOString() })
            }
            onCursor={setCursorS}
          />
        )}
        <CurveTable
          plotted={plotted}
          cursorS={cursorS}
          onRemove={(id) => onIds(series.map((s) => s.id).filter((each) => each !== id))}
        />
      </Card>
    </>
  );
}

function plottedOf(series: Schemas["Series"], readings: Readings | undefined, index: number): Plotted {
  const own = readings?.series_id === series.id ? readings : undefined;
  const curve = (own && curveOf(own)) ?? { time: [], value: [] };
  return {
    series,
    readings: own,
    curve,
    label: `${series.device} ${series.metric}`,
    unit: series.unit,
    color: curveColor(index),
  };
}

function save(plotted: Plotted[], range: Range): void {
  const all = plotted.flatMap(({ series, readings }) => (readings ? [{ series, readings }] : []));
  download(`readings ${range.from} ${range.to}.csv`.replaceAll(":", ""), toCsv(all));
}

function CopyLink() {
  const [copied, setCopied] = useState(false);
  const copy = async () => {
    await navigator.clipboard.writeText(location.href);
    setCopied(true);
    setTimeout(() => setCopied(false), 2000);
  };
  return (
    <Button size="xs" variant="default" onClick={() => void copy()}>
      {copied ? "Link copied" : "Copy link"}
    </Button>
  );
}
