const MAX_AXES = 4;

/** Units in the order of their curves: those with an axis, and those that no room is left for.
 *
 * Each has a scale of its own all the same: no curve is drawn against the axis of another unit.
 */
export function axesOf(drawn: readonly { unit: string }[]): { axes: string[]; others: string[] } {
  const units = [...new Set(drawn.map(({ unit }) => unit))];
  return { axes: units.slice(0, MAX_AXES), others: units.slice(MAX_AXES) };
}
