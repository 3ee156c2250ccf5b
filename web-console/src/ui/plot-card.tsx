import { Alert, Button, Group, Text } from "@mantine/core";
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useMemo, useState } from "react";
import type { Schemas } from "../api/client";
import { readingsQuery } from "../api/queries";
import { axesOf } from "../lib/axes";
import { absolute, drawEveryMs, momentMs, periodBefore, type Range, refetchEveryMs } from "../lib/range";
import { LiveBadge } from "./badges";
import { Chart, type Drawn } from "./chart";
import { CurveTable } from "./curve-table";
import { DownloadButtons } from "./download-buttons";
import { Card } from "./page";
import { drawnOf, type Plotted, plottedOf, withTail } from "./plotted";
import { Empty, Loading, Problem } from "./states";
import { useTail } from "./use-tail";

type Series = Schemas["Series"];

interface PlotProps {
  series: Series[];
  range: Range;
  compare: boolean;
  /** Whether the range moves on with the time, and readings are added as they come. */
  live: boolean;
  onRange: (range: Range) => void;
  onIds: (ids: number[]) => void;
}

/** Readings of a range as curves, with their figures. */
export function PlotCard({ series, range, compare, live, onRange, onIds }: PlotProps) {
  const asked = Date.now();
  const lengthMs = momentMs(range.to, asked) - momentMs(range.from, asked);
  const ids = useMemo(() => series.map(({ id }) => id), [series]);
  const every = refetchEveryMs(range, asked);
  // A curve stays until the one of the new range is there.
  const kept = { placeholderData: keepPreviousData<Schemas["ManyReadings"] | undefined> };
  const shown = useQuery({ ...readingsQuery(ids, range, every), ...kept });
  const before = useQuery({
    ...readingsQuery(compare ? ids : NO_IDS, periodBefore(range, asked), every),
    ...kept,
  });
  const { tail, nowMs, state } = useTail(ids, live, drawEveryMs(lengthMs));
  const toMs = live ? nowMs : shown.isPlaceholderData ? momentMs(range.to, asked) : endOf(shown.data, asked);
  const fromS = (toMs - lengthMs) / 1000;
  const stored = useMemo(
    () => plottedOf(series, shown.data, compare ? before.data : undefined, lengthMs / 1000),
    [series, shown.data, before.data, compare, lengthMs],
  );
  const plotted = useMemo(() => (live ? withTail(stored, tail, fromS) : stored), [stored, live, tail, fromS]);
  const drawn = useMemo(() => drawnOf(plotted), [plotted]);
  const failed = shown.isError ? shown : before.isError ? before : null;
  const resolution = shown.data?.series.find(({ kind }) => kind !== "text")?.resolution;
  return (
    <>
      {failed && <Problem error={failed.error} retry={() => void failed.refetch()} />}
      {shown.data?.series.some(({ next_from }) => next_from) && (
        <Alert color="yellow" variant="outline" title="Only the beginning is shown">
          Choose a shorter range.
        </Alert>
      )}
      <Card
        title={resolution ? `Resolution: ${resolution}` : "Readings"}
        aside={
          <Group gap="xs">
            {live && <LiveBadge state={state} />}
            <CopyLink />
            <DownloadButtons ids={ids} range={range} resolution={resolution} />
          </Group>
        }
      >
        {shown.isPending ? (
          <Loading rows={8} />
        ) : (
          <Figures
            label={`${series.length} series from ${range.from} to ${range.to}; their figures are in the table below`}
            plotted={plotted}
            drawn={drawn}
            nothingBefore={compare && before.isSuccess && isEmptyBefore(plotted)}
            fromS={fromS}
            toS={toMs / 1000}
            onZoom={(from, to) => onRange(absolute(from, to))}
            onRemove={(id) => onIds(ids.filter((each) => each !== id))}
          />
        )}
      </Card>
    </>
  );
}

function isEmptyBefore(plotted: readonly Plotted[]): boolean {
  return plotted.every(({ earlier }) => !earlier || earlier.time.length === 0);
}

const NO_IDS: number[] = [];

/** Where the answer ends, by the server's clock. */
function endOf(shown: Schemas["ManyReadings"] | undefined, askedMs: number): number {
  return shown ? Date.parse(shown.to) : askedMs;
}

interface FiguresProps {
  label: string;
  plotted: Plotted[];
  drawn: Drawn[];
  nothingBefore: boolean;
  fromS: number;
  toS: number;
  onZoom: (fromMs: number, toMs: number) => void;
  onRemove: (id: number) => void;
}

/** The chart and its table, which follows the cursor: nothing else is rendered while that moves. */
function Figures({ plotted, nothingBefore, onRemove, ...chart }: FiguresProps) {
  const [cursorS, setCursorS] = useState<number | null>(null);
  const empty = chart.drawn.every(({ curve }) => curve.time.length === 0);
  const { others } = axesOf(chart.drawn);
  return (
    <>
      {/* Also where nothing is: it can be moved on to where something is. */}
      <div className="over">
        <Chart {...chart} height={380} onCursor={setCursorS} />
        {empty && <Empty title="No reading in this range">Move on, or try a longer one.</Empty>}
      </div>
      {others.length > 0 && (
        <Text size="sm" c="dimmed" role="status">
          No room for an axis of {others.map((unit) => unit || "series without a unit").join(", ")}: read them
          at the cursor.
        </Text>
      )}
      {nothingBefore && (
        <Text size="sm" c="dimmed" role="status">
          There is nothing in the period before.
        </Text>
      )}
      <CurveTable plotted={plotted} cursorS={cursorS} onRemove={onRemove} />
    </>
  );
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
