import { expect, test } from "vitest";
import type { Explore, MemoryLaw } from "../shared/plan-types";
import { gibibyte } from "./memory-law";
import { pieces, ranks } from "./stack";

const law: MemoryLaw = {
  parts: ["weights", "never", "activations", "crumb", "other crumb"],
  regimes: [
    {
      tokens: null,
      phases: [
        {
          name: "at the loss",
          bytes: [
            [4 * gibibyte, 0, 0, 0, 0],
            [0, 0, 0, 0, 0],
            [0, gibibyte / 1024, 0, 0, 0],
            [gibibyte / 8, 0, 0, 0, 0],
            [gibibyte / 16, 0, 0, 0, 0],
          ],
        },
      ],
    },
  ],
  reserve: [1, 1.2],
  card: true,
  context_gib: 0.5,
};
const explore = {
  context: { value: 1024, steps: [256, 1024] },
  batch: { value: 1, steps: [1, 4] },
  rank: null,
} as Explore;

test("parts that can never matter stand together, those that are always nothing not at all", () => {
  expect(ranks([law], 16, explore)).toEqual({ large: ["weights", "activations"], small: ["crumb", "other crumb"] });
});

test("on a small card nothing is small, and one small part alone keeps its name", () => {
  expect(ranks([law], 1, explore).small).toEqual([]);
  expect(ranks([law], 2.5, explore)).toEqual({ large: ["weights", "activations", "crumb", "other crumb"], small: [] });
});

test("the pieces are all that is needed, in the law's order, the driver last", () => {
  const found = pieces(law, { rows: 2, context: 1024, rank: 0 }, ranks([law], 16, explore));
  expect(found).toEqual([
    { name: "weights", gib: 4 },
    { name: "activations", gib: 2 },
    { name: "small parts", gib: 0.1875 },
    { name: "driver", gib: 0.5 },
  ]);
});
