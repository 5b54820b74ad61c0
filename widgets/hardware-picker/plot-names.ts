// Where the names of points can stand, so that none covers another name or a point. A front falls from left to right and
// nothing is below it: there is the first place to look.

export interface Named {
  x: number; // 0 to 1 from the left
  y: number; // 0 to 1 from the top
  name: string;
}

export interface Placed extends Named {
  left: boolean; // of its point
  above: boolean;
}

/** Shares of a small plot, 260 by 180 px: where there is more room, names only stand farther apart. */
const letter = 6.6 / 260;
const line = 17 / 180;
const gap = { x: 7 / 260, y: 1 / 180 };
const radius = { x: 5 / 260, y: 5 / 180 };

type Box = [left: number, top: number, right: number, bottom: number];

function box({ x, y, name }: Named, left: boolean, above: boolean): Box {
  const wide = name.length * letter;
  const from = left ? x - gap.x - wide : x + gap.x;
  const top = above ? y - gap.y - line : y + gap.y;
  return [from, top, from + wide, top + line];
}

const apart = (a: Box, b: Box) => a[2] <= b[0] || b[2] <= a[0] || a[3] <= b[1] || b[3] <= a[1];

/** Those of `names` that have room, the first ones before the others; `points` are all that is drawn. */
export function placed(names: Named[], points: { x: number; y: number }[]): Placed[] {
  const taken: Box[] = points.map(({ x, y }) => [x - radius.x, y - radius.y, x + radius.x, y + radius.y]);
  const found: Placed[] = [];
  for (const each of names) {
    for (const [left, above] of [
      [true, false],
      [false, false],
      [true, true],
      [false, true],
    ] as const) {
      const own = box(each, left, above);
      if (own[0] < 0 || own[1] < 0 || own[2] > 1 || own[3] > 1 || !taken.every((other) => apart(own, other))) continue;
      taken.push(own);
      found.push({ ...each, left, above });
      break;
    }
  }
  return found;
}
