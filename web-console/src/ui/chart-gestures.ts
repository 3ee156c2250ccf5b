import type uPlot from "uplot";
import { type Finger, type Span, spanAfterKey, spanUnder } from "../lib/fingers";

/** Give the range that is chosen, in ms since 1970 UTC. */
export type OnRange = (fromMs: number, toMs: number) => void;
type Handlers = { current: { onZoom?: OnRange } };

/** What a mouse does over a chart: drag to zoom in, drag with Shift to move on, twice to zoom out. */
export function gestures(handlers: Handlers): Pick<uPlot.Cursor, "bind" | "drag"> {
  return {
    drag: { x: true, y: false, setScale: false },
    bind: {
      mousedown: (plot, _target, zoom) => (event: MouseEvent) => {
        if (event.shiftKey && event.button === 0) pan(plot, event, handlers);
        else zoom(event);
        return null;
      },
      dblclick: (plot) => () => {
        const { min, max } = spanOf(plot);
        choose({ min: min - (max - min) / 2, max: max + (max - min) / 2 }, handlers);
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

/** Let fingers and keys move a chart and zoom, until what is returned is called. Keys reach its focused target. */
export function moveByHand(plot: uPlot, target: HTMLElement, handlers: Handlers): () => void {
  followFingers(plot, handlers);
  return followKeys(plot, target, handlers);
}

/** One finger moves it, two stretch it; up and down the page scrolls as everywhere. */
function followFingers(plot: uPlot, handlers: Handlers): void {
  const { over } = plot;
  const fingers = new Map<number, Finger>();
  let moved = false;
  const xOf = ({ clientX }: PointerEvent) => clientX - over.getBoundingClientRect().left;
  const end = ({ pointerId }: PointerEvent) => {
    if (!fingers.delete(pointerId) || fingers.size > 0 || !moved) return;
    moved = false;
    choose(spanOf(plot), handlers);
  };
  over.style.touchAction = "pan-y";
  over.addEventListener("pointerdown", (event) => {
    if (event.pointerType !== "touch" || fingers.size === 2) return;
    over.setPointerCapture(event.pointerId);
    fingers.set(event.pointerId, { heldS: plot.posToVal(xOf(event), "x"), x: xOf(event) });
  });
  over.addEventListener("pointermove", (event) => {
    const finger = fingers.get(event.pointerId);
    if (!finger) return;
    finger.x = xOf(event);
    moved = true;
    plot.setScale("x", spanUnder([...fingers.values()], spanOf(plot), over.clientWidth));
  });
  over.addEventListener("pointerup", end);
  over.addEventListener("pointercancel", end);
}

/** Shown while a key is held, chosen when it is let go. */
function followKeys(plot: uPlot, target: HTMLElement, handlers: Handlers): () => void {
  let moved = false;
  const press = (event: KeyboardEvent) => {
    const span =
      event.ctrlKey || event.metaKey || event.altKey ? null : spanAfterKey(event.key, spanOf(plot));
    if (span === null) return;
    event.preventDefault();
    moved = true;
    plot.setScale("x", span);
  };
  const end = () => {
    if (moved) choose(spanOf(plot), handlers);
    moved = false;
  };
  const listening = new AbortController();
  const { signal } = listening;
  target.addEventListener("keydown", press, { signal });
  target.addEventListener("keyup", end, { signal });
  target.addEventListener("blur", end, { signal });
  return () => listening.abort();
}

function spanOf({ scales }: uPlot): Span {
  return { min: scales.x?.min ?? 0, max: scales.x?.max ?? 0 };
}

function choose({ min, max }: Span, { current: { onZoom } }: Handlers): void {
  if (max > min) onZoom?.(min * 1000, max * 1000);
}

function pan(plot: uPlot, start: MouseEvent, handlers: Handlers): void {
  const shown = spanOf(plot);
  const { left } = plot.over.getBoundingClientRect();
  const heldS = plot.posToVal(start.clientX - left, "x");
  const moved = ({ clientX }: MouseEvent) =>
    spanUnder([{ heldS, x: clientX - left }], shown, plot.over.clientWidth);
  const follow = (event: MouseEvent) => plot.setScale("x", moved(event));
  const end = (event: MouseEvent) => {
    document.removeEventListener("mousemove", follow);
    if (event.clientX !== start.clientX) choose(moved(event), handlers);
  };
  document.addEventListener("mousemove", follow);
  document.addEventListener("mouseup", end, { once: true });
}
