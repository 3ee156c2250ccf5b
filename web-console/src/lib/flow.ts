/** A part that a whole is split into. */
export interface Share {
  name: string;
  count: number;
}

/** A band from the whole on the left to its part on the right: y of its edges there. */
export interface Band extends Share {
  left: [top: number, bottom: number];
  right: [top: number, bottom: number];
}

/** Bands of a picture whose parts stand in rows of one height; every part that is not empty can be seen. */
export function bandsOf(shares: readonly Share[], rowHeight: number, leastThickness = 2): Band[] {
  const total = shares.reduce((sum, share) => sum + share.count, 0);
  const thickness = (count: number, height: number) =>
    count === 0 || total === 0 ? 0 : Math.max((count / total) * height, leastThickness);
  const tall = rowHeight * shares.length * 0.7;
  let top = rowHeight * 0.1;
  return shares.map((share, row) => {
    const [thick, thin] = [thickness(share.count, tall), thickness(share.count, rowHeight * 0.8)];
    const left: Band["left"] = [top, top + thick];
    top += thick;
    const middle = (row + 0.5) * rowHeight;
    return { ...share, left, right: [middle - thin / 2, middle + thin / 2] };
  });
}
