import { Alert, Button, Group } from "@mantine/core";
import { keepPreviousData, useQueries } from "@tanstack/react-query";
import { useMemo, useState } from "react";
import type { Schemas } from "../api/client";
import { readingsQuery } from "../api/queries";
import { download, toCsv } from "../lib/csv";
import { type Curve, curveOf, later, type Readings } from "../lib/plot";
import { absolute, momentMs, periodBefore, type Range, refetchEveryMs } from "../lib/range";
import { curveColor } from "../theme";
import { Chart, type Drawn } from "./chart";
import { CurveTable, type Plotted } from "./curve-table";
import { Card } from "./page";
import { Empty, Loading, Problem } from "./states";

type Series = Schemas["Series"];

interface PlotProps {
  series: Series[];
  range: Range;
  compare: boolean;
  onRange: (range: Range) => void;
  onIds: (ids: number[]) => void;
}

/** Readings of a range as curves, with their figures; drag over it to zoom. */
export function PlotCard({ series, range, compare, onRange, onIds }: PlotProps) {
  const now = Date.now();
  const [fromS, toS] = [momentMs(range.from, now) / 1000, momentMs(range.to, now) / 1000];
  const shown = useReadings(series, range, refetchEveryMs(range, now));
  const before = useReadings(compare ? series : NO_SERIES, periodBefore(range, now), false);
  const lengthS = Math.round(toS - fromS);
  const plotted = useMemo(
    () =>
      series.map((each, index) =>
        plottedOf(each, index, shown.found.get(each.id), before.found.get(each.id), lengthS),
      ),
    [series, shown.found, before.found, lengthS],
  );
  const drawn = useMemo(() => plotted.flatMap(curvesOf), [plotted]);
  const resolutions = [...new Set(plotted.map(({ readings }) => readings?.resolution).filter(Boolean))].join(
    ", ",
  );
  const failed = shown.failed ?? before.failed;
  return (
    <>
      {failed && <Problem error={failed.error} retry={() => void failed.refetch()} />}
      {plotted.some(({ readings }) => readings?.next_from) && (
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
        {shown.pending ? (
          <Loading rows={8} />
        ) : (
          <Figures
            label={`${series.length} series from ${range.from} to ${range.to}; their figures are in the table below`}
            plotted={plotted}
            drawn={drawn}
            fromS={fromS}
            toS={toS}
            onZoom={(from, to) => onRange(absolute(from, to))}
            onRemove={(id) => onIds(series.map((each) => each.id).filter((each) => each !== id))}
          />
        )}
      </Card>
    </>
  );
}

interface FiguresProps {
  label: string;
  plotted: Plotted[];
  drawn: Drawn[];
  fromS: number;
  toS: number;
  onZoom: (fromMs: number, toMs: number) => void;
  onRemove: (id: number) => void;
}

/** The chart and its table, which follows the cursor: nothing else is rendered while that moves. */
function Figures({ plotted, onRemove, ...chart }: FiguresProps) {
  const [cursorS, setCursorS] = useState<number | null>(null);
  return (
    <>
      {chart.drawn.length === 0 ? (
        <Empty title="No reading in this range">Try a longer one.</Empty>
      ) : (
        <Chart {...chart} height={380} onCursor={setCursorS} />
      )}
      <CurveTable plotted={plotted} cursorS={cursorS} onRemove={onRemove} />
    </>
  );
}

const NO_SERIES: Series[] = [];

/** Readings by series. The map is another one only when something came. */
function useReadings(series: Series[], { from, to }: Range, everyMs: number | false) {
  const queries = useQueries({
    queries: series.map(({ id }) => ({
      ...readingsQuery(id, from, to, everyMs),
      // A curve stays until the one of the new range is there.
      placeholderData: keepPreviousData<Readings>,
    })),
  });
  const arrived = queries.map(({ dataUpdatedAt, data }) => `${data?.series_id} ${dataUpdatedAt}`).join();
  // biome-ignore lint/correctness/useExhaustiveDependencies: `arrived` stands for what the queries brought
  const found = useMemo(
    () => new Map(queries.flatMap(({ data }) => (data ? [[data.series_id, data] as const] : []))),
    [arrived],
  );
  return {
    found,
    pending: queries.some(({ isPending }) => isPending),
    failed: queries.find(({ isError }) => isError),
  };
}

const NOTHING: Curve = { time: [], value: [] };

function plottedOf(
  series: Series,
  index: number,
  readings?: Readings,
  before?: Readings,
  lengthS = 0,
): Plotted {
  const earlier = before && curveOf(before);
  return {
    series,
    readings,
    label: `${series.device} ${series.metric}`,
    unit: series.unit,
    color: curveColor(index),
    curve: (readings && curveOf(readings)) ?? NOTHING,
    earlier: earlier ? later(earlier, lengthS) : undefined,
  };
}

function curvesOf({ label, unit, color, curve, earlier }: Plotted): Drawn[] {
  const own = { label, unit, color, curve };
  // Without its band: two bands on one another cannot be told apart.
  const before = earlier && {
    ...own,
    label: `${label}, before`,
    curve: { ...earlier, band: undefined },
    dashed: true,
  };
  return [own, ...(before ? [before] : [])].filter((each) => each.curve.time.length > 0);
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
