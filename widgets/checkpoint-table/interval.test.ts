import { expect, test } from "vitest";
import { compare, manyCheckpoints, perplexity } from "../gallery/fixtures";
import { axisOf } from "./interval";

test.each([
  ["shares", compare],
  ["many", manyCheckpoints],
  ["perplexity", perplexity],
])("every interval lies on the axis: %s", (_, { rows }) => {
  const { low, high } = axisOf(rows);
  for (const { ci, score } of rows) {
    for (const value of [...ci, score]) {
      expect(value).toBeGreaterThanOrEqual(low);
      expect(value).toBeLessThanOrEqual(high);
    }
  }
});

const row = (score: number, half: number) => ({
  checkpoint: "base",
  step: 0,
  passed: 1,
  total: 2,
  score,
  ci: [score - half, score + half] as [number, number],
  vs_base: null,
  heldout_loss: null,
  note: "",
});

test("a share's axis ends at 1 and starts at 0 where that costs little", () => {
  expect(axisOf([row(0.97, 0.03)])).toEqual({ low: 0.94, high: 1 });
  expect(axisOf([row(0.3, 0.2)])).toEqual({ low: 0, high: 0.5 });
});

test("one value without a width, or none at all, still has an axis", () => {
  for (const rows of [[], [row(0.5, 0)], [row(0, 0)]]) {
    const { low, high } = axisOf(rows);
    expect(high).toBeGreaterThan(low);
  }
});
