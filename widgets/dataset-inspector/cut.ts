// A row under another length limit than the trainer's, without asking Python: which tokens are cut, what is left.

import type { PreviewRow, PreviewSequence, TokenRole } from "../shared/types";

/** The length limit of the plan, null where there is none, and the one that is tried out instead. */
export interface Limit {
  planned: number | null;
  tried: number | null;
}

export interface Cut {
  /** Of a pair two: the chosen answer's and the rejected one's. */
  sequences: PreviewSequence[];
  /** Whether TRL leaves the row out: a sequence of it has nothing left that would be trained. */
  dropped: boolean;
}

/** As TRL made it, or as it would be if it were cut at `tried` tokens. */
export function cutAt(row: PreviewRow, tried: number | null): Cut {
  const sequences: PreviewSequence[] = row.rejected ? [row, row.rejected] : [row];
  if (tried === null || sequences.some(({ whole }) => whole.length === 0)) {
    return { sequences, dropped: sequences.every(({ trained, masked }) => trained + masked === 0) };
  }
  const dropped = sequences.some(({ whole }) => amount(whole, "trained") > 0 && amount(whole, "trained", tried) === 0);
  return { sequences: sequences.map((each) => limited(each, dropped ? 0 : tried)), dropped };
}

function limited(sequence: PreviewSequence, limit: number): PreviewSequence {
  const { whole, joined } = sequence;
  const sizes = new Map(joined);
  const trained = amount(whole, "trained", limit);
  const masked = amount(whole, "masked", limit);
  let at = 0; // the first token of the span, counted from the beginning of the row
  let run = 0;
  let end = whole[0]?.[1] ?? 0;
  const tokens = sequence.tokens.map(({ text }, place) => {
    while (at >= end && run + 1 < whole.length) {
      run += 1;
      end += whole[run]?.[1] ?? 0;
    }
    const role: TokenRole = at >= limit ? "cut" : (whole[run]?.[0] ?? "masked");
    at += sizes.get(place) ?? 1;
    return { text, role };
  });
  const all = whole.reduce((sum, [, tokens]) => sum + tokens, 0);
  return { ...sequence, tokens, trained, masked, cut: all - trained - masked };
}

/** How many tokens of a role there are before a limit. */
function amount(runs: PreviewSequence["whole"], role: TokenRole, limit = Number.POSITIVE_INFINITY): number {
  let before = 0;
  let found = 0;
  for (const [of, tokens] of runs) {
    if (of === role) found += Math.max(0, Math.min(tokens, limit - before));
    before += tokens;
  }
  return found;
}
