import { expect, test } from "vitest";
import type { Explore, ExploreMachine } from "../shared/plan-types";
import { forecast, tokensAt, type Way } from "./forecast";

const known = [
  { context: 512, tokens: 100_000 },
  { context: 1024, tokens: 180_000 },
  { context: 4096, tokens: 200_000 },
];
const way: Way = {
  tuning: "lora",
  law: "lora",
  checkpointing: true,
  fixed_s: { p50: 100, p90: 200 },
  token_s: { p50: 0.001, p90: 0.002 },
  per_rank: 0.01,
};
const machine: ExploreMachine = { backend: "hf-jobs", flavor: "l4x1", gib: 22, usd_per_hour: 3.6, ways: [way] };
const explore = { tokens: known } as Explore;

test("between two limits the tokens are on a straight line, beyond the ends they stay", () => {
  expect(tokensAt(known, 1024)).toBe(180_000);
  expect(tokensAt(known, 768)).toBe(140_000);
  expect(tokensAt(known, 64)).toBe(100_000);
  expect(tokensAt(known, 9999)).toBe(200_000);
  expect(tokensAt([], 512)).toBe(0);
});

test("time is what is fixed and what each token takes, longer with the rank; the price follows from it", () => {
  const none = forecast(explore, machine, way, { rows: 4, context: 512, rank: 0 });
  expect(none.seconds).toEqual({ p50: 200, p90: 400 });
  expect(none.usd.p50).toBeCloseTo(0.2, 9);
  expect(none.usd.p90).toBeCloseTo(0.4, 9);
  const ranked = forecast(explore, machine, way, { rows: 4, context: 512, rank: 100 });
  expect(ranked.seconds).toEqual({ p50: 300, p90: 600 });
});

test("how many rows are on a card at once changes neither", () => {
  const [one, many] = [1, 32].map((rows) => forecast(explore, machine, way, { rows, context: 1024, rank: 16 }));
  expect(one).toEqual(many);
});
