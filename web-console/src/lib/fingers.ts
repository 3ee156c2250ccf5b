/** A finger on a chart: the moment (s) that it took hold of, and where it is now, in pixels from the chart's left edge. */
export interface Finger {
  heldS: number;
  x: number;
}

export interface Span {
  min: number;
  max: number;
}

/** Fingers that are closer than this, in pixels, stretch no further: what lies between them is not known well enough. */
const CLOSEST = 24;
const SHORTEST_S = 0.01;

/** The span of time, in s, that has what each finger holds under that finger. One finger moves it, two stretch it, too. */
export function spanUnder(fingers: readonly Finger[], shown: Span, width: number): Span {
  const [left, right] = [...fingers].sort((a, b) => a.heldS - b.heldS);
  if (!left) return shown;
  const before = (shown.max - shown.min) / width;
  const scale = right ? (right.heldS - left.heldS) / Math.max(right.x - left.x, CLOSEST) : before;
  const secondsPerPixel = Math.max(scale, SHORTEST_S / width);
  const min = left.heldS - left.x * secondsPerPixel;
  return { min, max: min + width * secondsPerPixel };
}

/** The span after a key that moves or stretches it about its middle; null for any other key. */
export function spanAfterKey(key: string, { min, max }: Span): Span | null {
  const [middle, half] = [(min + max) / 2, (max - min) / 2];
  const [move, scale] = KEYS[key] ?? [0, 1];
  if (move === 0 && scale === 1) return null;
  const [center, reach] = [middle + move * half, Math.max(half * scale, SHORTEST_S / 2)];
  return { min: center - reach, max: center + reach };
}

/** [move by parts of half the span, make it so many times as long] */
const KEYS: Record<string, [move: number, scale: number]> = {
  ArrowLeft: [-0.2, 1],
  ArrowRight: [0.2, 1],
  "+": [0, 0.8],
  "=": [0, 0.8],
  "-": [0, 1.25],
};
