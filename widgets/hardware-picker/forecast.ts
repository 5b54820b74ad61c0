// How long a training takes and what it costs for other values than the plan's, in closed form.

import type { Band, Explore, ExploreMachine } from "../shared/plan-types";
import type { Shape } from "./memory-law";

export type Way = ExploreMachine["ways"][number];

/** Tokens that the whole training reads when rows are cut at `context`: between two known limits a straight line. */
export function tokensAt(known: Explore["tokens"], context: number): number {
  const after = known.findIndex((each) => each.context >= context);
  const next = known[after] ?? known.at(-1);
  const before = after > 0 ? known[after - 1] : undefined;
  if (!next) return 0;
  if (!before || after < 0) return next.tokens;
  const share = (context - before.context) / (next.context - before.context);
  return before.tokens + share * (next.tokens - before.tokens);
}

/** Seconds, and US dollars at the machine's price. */
export function forecast(
  { tokens }: Explore,
  { usd_per_hour: price }: ExploreMachine,
  { fixed_s, token_s, per_rank }: Way,
  { context, rank }: Shape,
): { seconds: Band; usd: Band } {
  const read = tokensAt(tokens, context) * (1 + per_rank * rank);
  const seconds = { p50: fixed_s.p50 + read * token_s.p50, p90: fixed_s.p90 + read * token_s.p90 };
  return { seconds, usd: { p50: (seconds.p50 / 3600) * price, p90: (seconds.p90 / 3600) * price } };
}
