import type { Curve } from "./plot";

/** A value, a gap (null), or a moment of other curves only (undefined). */
export type Cell = number | null | undefined;

/** Columns on one ascending time: of each curve its values, then, where it has a band, its most and its least.
 *
 * Curves whose times are the same, as those of buckets are, cost nothing; all others are merged.
 */
export function aligned(curves: readonly Curve[]): [time: number[], ...columns: Cell[][]] {
  const first = curves[0]?.time ?? [];
  const columns = (curve: Curve) =>
    curve.band ? [curve.value, curve.band.max, curve.band.min] : [curve.value];
  if (curves.every(({ time }) => isSame(time, first))) return [first, ...curves.flatMap(columns)];
  const time = merged(curves.map((curve) => curve.time));
  const spread = curves.flatMap((curve) => {
    const places = placesOf(curve.time, time);
    return columns(curve).map((column) => spreadOver(column, places, time.length));
  });
  return [time, ...spread];
}

function isSame(one: readonly number[], other: readonly number[]): boolean {
  return one === other || (one.length === other.length && one.every((at, index) => at === other[index]));
}

function merged(times: readonly (readonly number[])[]): number[] {
  const all = new Float64Array(times.reduce((sum, each) => sum + each.length, 0));
  let filled = 0;
  for (const each of times) {
    all.set(each, filled);
    filled += each.length;
  }
  all.sort();
  const unique: number[] = [];
  for (const at of all) if (at !== unique[unique.length - 1]) unique.push(at);
  return unique;
}

/** Where each of the ascending times stands among all of them. */
function placesOf(times: readonly number[], all: readonly number[]): Int32Array {
  const places = new Int32Array(times.length);
  let place = 0;
  times.forEach((at, index) => {
    while ((all[place] ?? at) < at) place++;
    places[index] = place;
  });
  return places;
}

function spreadOver(column: readonly (number | null)[], places: Int32Array, length: number): Cell[] {
  const cells = new Array<Cell>(length).fill(undefined);
  places.forEach((place, index) => {
    cells[place] = column[index];
  });
  return cells;
}

/** Where a column has a value between two gaps: no line shows it. */
export function isolated(column: ArrayLike<Cell>): number[] {
  const found: number[] = [];
  let before: Cell = null;
  let last = -1;
  const look = (next: Cell) => {
    const here = column[last];
    if (last >= 0 && here !== null && before === null && next === null) found.push(last);
  };
  for (let at = 0; at < column.length; at++) {
    const cell = column[at];
    if (cell === undefined) continue;
    look(cell);
    if (last >= 0) before = column[last];
    last = at;
  }
  look(null);
  return found;
}
