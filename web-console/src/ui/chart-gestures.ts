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

/** A finger that rests trembles by less. */
const REST_PX = 6;

/** One finger moves it, two stretch it; up and down the page scrolls as everywhere, and leaves it as it was. */
function followFingers(plot: uPlot, handlers: Handlers): void {
  const { over } = plot;
  const fingers = new Map<number, Finger & { startX: number }>();
  let before = spanOf(plot);
  let moved = false;
  const xOf = ({ clientX }: PointerEvent) => clientX - over.getBoundingClientRect().left;
  over.style.touchAction = "pan-y";
  over.addEventListener("pointerdown", (event) => {
    if (event.pointerType !== "touch" || fingers.size === 2) return;
    if (fingers.size === 0) [before, moved] = [spanOf(plot), false];
    over.setPointerCapture(event.pointerId);
    const x = xOf(event);
    fingers.set(event.pointerId, { heldS: plot.posToVal(x, "x"), x, startX: x });
  });
  over.addEventListener("pointermove", (event) => {
    const finger = fingers.get(event.pointerId);
    if (!finger) return;
    finger.x = xOf(event);
    moved ||= Math.abs(finger.x - finger.startX) > REST_PX;
    if (moved) plot.setScale("x", spanUnder([...fingers.values()], spanOf(plot), over.clientWidth));
  });
  over.addEventListener("pointerup", ({ pointerId }) => {
    if (fingers.delete(pointerId) && fingers.size === 0 && moved) choose(spanOf(plot), handlers);
  });
  over.addEventListener("pointercancel", ({ pointerId }) => {
    // The browser took the finger to scroll the page.
    if (!fingers.delete(pointerId)) return;
    fingers.clear();
    if (moved) plot.setScale("x", before);
  });
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
