import type uPlot from "uplot";

/** Give the range that is chosen, in ms since 1970 UTC. */
export type OnRange = (fromMs: number, toMs: number) => void;

/** What a mouse does over a chart: drag to zoom in, drag with Shift to move on, twice to zoom out. */
export function gestures(handlers: { current: { onZoom?: OnRange } }): Pick<uPlot.Cursor, "bind" | "drag"> {
  return {
    drag: { x: true, y: false, setScale: false },
    bind: {
      mousedown: (plot, _target, zoom) => (event: MouseEvent) => {
        if (event.shiftKey && event.button === 0) pan(plot, event, handlers.current.onZoom);
        else zoom(event);
        return null;
      },
      dblclick: (plot) => () => {
        const { min = 0, max = 0 } = plot.scales.x ?? {};
        handlers.current.onZoom?.((min - (max - min) / 2) * 1000, (max + (max - min) / 2) * 1000);
        return null;
      },
    },
  };
}

/** The chosen range of a chart, which is given up by choosing. */
export function takeSelection(plot: uPlot, onZoom?: OnRange): void {
  const { left, width } = plot.select;
  if (width < 4) return;
  plot.setSelect({ left: 0, width: 0, top: 0, height: 0 }, false);
  onZoom?.(plot.posToVal(left, "x") * 1000, plot.posToVal(left + width, "x") * 1000);
}

function pan(plot: uPlot, start: MouseEvent, onZoom?: OnRange): void {
  const { min, max } = plot.scales.x ?? {};
  if (min === undefined || max === undefined) return;
  const secondsPerPixel = (max - min) / plot.over.clientWidth;
  const moved = ({ clientX }: MouseEvent) => (start.clientX - clientX) * secondsPerPixel;
  const follow = (event: MouseEvent) =>
    plot.setScale("x", { min: min + moved(event), max: max + moved(event) });
  const end = (event: MouseEvent) => {
    document.removeEventListener("mousemove", follow);
    if (moved(event) !== 0) onZoom?.((min + moved(event)) * 1000, (max + moved(event)) * 1000);
  };
  document.addEventListener("mousemove", follow);
  document.addEventListener("mouseup", end, { once: true });
}
