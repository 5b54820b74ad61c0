// How much memory a step of training needs, in closed form: the twin of tunebook/pipeline/hardware/memory_law.py.
// Both are held to law-fixture.json.

import type { MemoryLaw } from "../shared/plan-types";

/** What the sliders say: rows on a card at once, tokens a row is cut at, the adapter's rank (0 without one). */
export interface Shape {
  rows: number;
  context: number;
  rank: number;
}

/** The phase that needs most, and what it needs it for, in the order of the law's parts. */
export interface Peak {
  bytes: number;
  phase: string;
  parts: [name: string, bytes: number][];
}

/** GiB of one card. */
export interface Need {
  low: number;
  high: number;
}

/** "tight": the low end of the band fits, the high end does not. */
export type Verdict = "fits" | "tight" | "no";

export const gibibyte = 2 ** 30;

export function peak({ parts, regimes }: MemoryLaw, { rows, context, rank }: Shape): Peak {
  const tokens = rows * context;
  const regime = regimes.find((each) => each.tokens === null || tokens <= each.tokens) ?? regimes.at(-1);
  let found: Peak = { bytes: 0, phase: "", parts: [] };
  for (const { name, bytes } of regime?.phases ?? []) {
    const needs = bytes.map(
      ([c0 = 0, cT = 0, cr = 0, cTr = 0, cTS = 0]) =>
        c0 + cT * tokens + cr * rank + cTr * tokens * rank + cTS * tokens * context,
    );
    const sum = needs.reduce((all, each) => all + each, 0);
    if (found.phase && sum <= found.bytes) continue;
    found = { bytes: sum, phase: name, parts: needs.map((each, at) => [parts[at] ?? "", each]) };
  }
  return found;
}

/** What the card must have: the allocator's reserve and the driver's own memory included. */
export function band(law: MemoryLaw, shape: Shape): Need {
  const allocated = peak(law, shape).bytes / gibibyte;
  const [low, high] = law.reserve.map((factor) => allocated * factor + law.context_gib) as [number, number];
  return { low, high };
}

export function verdict({ low, high }: Need, gib: number): Verdict {
  return high <= gib ? "fits" : low <= gib ? "tight" : "no";
}
