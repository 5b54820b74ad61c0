// What the memory is needed for, as pieces of a bar: those that never matter together, in an order that never changes.

import type { Explore, MemoryLaw } from "../shared/plan-types";
import { gibibyte, peak, type Shape } from "./memory-law";

export interface Piece {
  name: string;
  gib: number;
}

/** The GPU's own programs, whatever is trained. */
export const driver = "driver";
/** Where there is no card it is the process itself. */
export const process = "Python";

/** A part that never fills more than this share of the card is counted among the small ones. */
const little = 0.04;

interface Ranked {
  large: string[];
  small: string[];
}

/** GiB: what a fitted line leaves of a part that is not there. */
const nothing = 1e-3;

/**
 * The names of the parts that a slider can make matter under one of the laws, and of those that none can. Parts that are
 * always 0 are neither.
 */
export function ranks(laws: MemoryLaw[], gib: number, { context, batch, rank }: Explore): Ranked {
  const most = new Map<string, number>();
  const ends = (steps: number[]) => [steps[0] ?? 1, steps.at(-1) ?? 1];
  const corners = ends(context.steps).flatMap((each) =>
    ends(batch.steps).flatMap((rows) => ends(rank?.steps ?? [0]).map((r) => ({ context: each, rows, rank: r }))),
  );
  for (const law of laws)
    for (const corner of corners)
      for (const [name, part] of peak(law, corner).parts)
        most.set(name, Math.max(most.get(name) ?? 0, part / gibibyte));
  const names = [...most].filter(([, size]) => size > nothing);
  const small = names.filter(([, size]) => size < little * gib).map(([name]) => name);
  // One alone is as short to name as to hide.
  if (small.length === 1) small.pop();
  return { large: names.map(([name]) => name).filter((name) => !small.includes(name)), small };
}

export function pieces(law: MemoryLaw, shape: Shape, { large, small }: Ranked): Piece[] {
  const of = new Map(peak(law, shape).parts);
  const sum = (names: string[]) => names.reduce((all, name) => all + Math.max(0, of.get(name) ?? 0), 0) / gibibyte;
  const found = large.map((name) => ({ name, gib: sum([name]) }));
  if (small.length > 0) found.push({ name: "small parts", gib: sum(small) });
  if (law.context_gib > 0) found.push({ name: law.card ? driver : process, gib: law.context_gib });
  return found;
}
