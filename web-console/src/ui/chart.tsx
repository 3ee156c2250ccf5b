import { useComputedColorScheme } from "@mantine/core";
import { useElementSize, useMergedRef } from "@mantine/hooks";
import { useEffect, useRef } from "react";
import uPlot from "uplot";
import { aligned, isolated } from "../lib/align";
import { axesOf } from "../lib/axes";
import type { Curve } from "../lib/plot";
import { formatZone } from "../lib/time";
import { gestures, moveByHand, type OnRange, takeSelection } from "./chart-gestures";

/** A curve as it is drawn; curves of one unit share a scale. */
export interface Drawn {
  label: string;
  unit: string;
  color: string;
  curve: Curve;
  dashed?: boolean;
}

interface ChartProps {
  label: string;
  drawn: Drawn[];
  fromS?: number;
  toS?: number;
  height?: number;
  onZoom?: OnRange;
  onCursor?: (atS: number | null) => void;
}

/** Marks new points that are given to a chart, and measures until they are drawn, for the browser's profiler. */
const DRAWING = "chart";

/** Curves over time, in seconds since 1970 UTC. What it shows, stands in words beside it: a canvas has none. */
export function Chart({ label, drawn, fromS, toS, height = 320, onZoom, onCursor }: ChartProps) {
  const box = useRef<HTMLDivElement>(null);
  const { ref: measured, width } = useElementSize<HTMLDivElement>();
  const ref = useMergedRef(box, measured);
  const plot = useRef<uPlot | null>(null);
  const scheme = useComputedColorScheme("light");
  const handlers = useRef({ onZoom, onCursor });
  handlers.current = { onZoom, onCursor };
  // A plot is made anew only where its curves are others; new points are given to the one that is there.
  const shape = JSON.stringify([
    scheme,
    height,
    drawn.map((each) => [each.label, each.unit, each.color, !!each.curve.band]),
  ]);
  const shown = width > 0;

  // biome-ignore lint/correctness/useExhaustiveDependencies: `shape` stands for all that the plot is made of
  useEffect(() => {
    const target = box.current;
    if (!target || !shown) return;
    const options = optionsOf(drawn, target.clientWidth, height, scheme === "dark", handlers);
    const made = new uPlot(options, dataOf(drawn), target);
    plot.current = made;
    const letGo = handlers.current.onZoom ? moveByHand(made, target, handlers) : undefined;
    return () => {
      letGo?.();
      plot.current = null;
      made.destroy();
    };
  }, [shape, shown]);

  useEffect(() => {
    if (plot.current && shown) plot.current.setSize({ width, height });
  }, [width, height, shown]);

  // biome-ignore lint/correctness/useExhaustiveDependencies: a plot that was made anew needs its range, too
  useEffect(() => {
    performance.mark(DRAWING);
    plot.current?.batch(() => {
      plot.current?.setData(dataOf(drawn), fromS === undefined);
      if (fromS !== undefined && toS !== undefined) plot.current?.setScale("x", { min: fromS, max: toS });
    });
  }, [drawn, fromS, toS, shape, shown]);

  return (
    <div
      ref={ref}
      role="img"
      aria-label={label}
      // Keys move it and zoom.
      tabIndex={onZoom ? 0 : undefined}
      aria-keyshortcuts={onZoom ? "ArrowLeft ArrowRight + -" : undefined}
      style={{ width: "100%", minHeight: height }}
    />
  );
}

function dataOf(drawn: Drawn[]): uPlot.AlignedData {
  return aligned(drawn.map(({ curve }) => curve));
}

function optionsOf(
  drawn: Drawn[],
  width: number,
  height: number,
  dark: boolean,
  handlers: { current: Pick<ChartProps, "onZoom" | "onCursor"> },
): uPlot.Options {
  const { axes, others } = axesOf(drawn);
  const ink = {
    stroke: dark ? "#c1c8cf" : "#3b444d",
    grid: { stroke: dark ? "#2c3339" : "#e7ebee", width: 1 },
  };
  const series: uPlot.Series[] = [{}];
  const bands: uPlot.Band[] = [];
  for (const { label, unit, color, curve, dashed } of drawn) {
    const scale = scaleOf(unit);
    series.push({
      label,
      scale,
      stroke: color,
      width: 1.75,
      dash: dashed ? [6, 4] : undefined,
      points: { size: 4, filter: alone },
    });
    if (!curve.band) continue;
    const edge: uPlot.Series = { scale, stroke: "transparent", points: { show: false } };
    bands.push({ series: [series.length, series.length + 1], fill: `${color}33` });
    series.push({ ...edge, label: `${label} max` }, { ...edge, label: `${label} min` });
  }
  return {
    width,
    height,
    series,
    bands,
    legend: { show: false },
    scales: {
      x: { time: true },
      ...Object.fromEntries([...axes, ...others].map((unit) => [scaleOf(unit), { range: around }])),
    },
    cursor: { ...gestures(handlers), points: { size: 7 } },
    axes: [
      { ...ink, values: TIME_LABELS, label: zoneOf, labelSize: 16, labelGap: 2, labelFont: "11px system-ui" },
      ...axes.map(
        (unit, index): uPlot.Axis => ({
          ...ink,
          scale: scaleOf(unit),
          label: unit || undefined,
          labelSize: 18,
          size: roomFor,
          side: index === 0 ? 3 : 1,
          grid: index === 0 ? ink.grid : { show: false },
        }),
      ),
    ],
    hooks: {
      setSelect: [(plot) => takeSelection(plot, handlers.current.onZoom)],
      draw: [measure],
      setCursor: [({ cursor, data }) => handlers.current.onCursor?.(data[0][cursor.idx ?? -1] ?? null)],
    },
  };
}

const zoneOf = ({ scales }: uPlot) => {
  const { min, max } = scales.x ?? {};
  return formatZone((min ?? 0) * 1000, (max ?? 0) * 1000);
};

/** As wide as the longest label of an axis: about seven pixels a sign, and the tick. */
const roomFor: uPlot.Axis.Size = (_plot, values) =>
  Math.max(44, 18 + 7 * (values ?? []).reduce((longest, value) => Math.max(longest, value.length), 0));

/** Scales have one name space with the time's, which is x: a unit may be called so, too. */
const scaleOf = (unit: string) => `in ${unit}`;

/** Some room above and below; one above and one below what never changes, however large it is. */
const around: uPlot.Range.Function = (_plot, min, max) => {
  if (min === null || max === null) return [0, 1];
  return min === max ? [min - 1, max + 1] : uPlot.rangeNum(min, max, 0.1, true);
};

function measure(): void {
  performance.clearMeasures(DRAWING);
  if (performance.getEntriesByName(DRAWING, "mark").length > 0) performance.measure(DRAWING, DRAWING);
  performance.clearMarks(DRAWING);
}

/** Points that have a gap on both sides: no line shows them. */
const alone: uPlot.Series.Points.Filter = (plot, index, shown) =>
  shown ? null : isolated(plot.data[index] ?? []);

/** Labels of the time axis by the step between them, in 24 hours: [step, format, and at a new year, day, hour, minute]. */
const TIME_LABELS: uPlot.Axis["values"] = [
  [3600 * 24 * 365, "{YYYY}", null, null, null, null, null, null, 1],
  [3600 * 24 * 28, "{MMM}", "\n{YYYY}", null, null, null, null, null, 1],
  [3600 * 24, "{MMM} {D}", "\n{YYYY}", null, null, null, null, null, 1],
  [60, "{HH}:{mm}", "\n{MMM} {D}", null, "\n{MMM} {D}", null, null, null, 1],
  [1, "{HH}:{mm}:{ss}", "\n{MMM} {D}", null, "\n{MMM} {D}", null, null, null, 1],
  [0.001, "{ss}.{fff}", "\n{MMM} {D} {HH}:{mm}", null, "\n{MMM} {D} {HH}:{mm}", null, "\n{HH}:{mm}", null, 1],
];
