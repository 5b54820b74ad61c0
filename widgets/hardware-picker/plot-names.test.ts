import { expect, test } from "vitest";
import { placed } from "./plot-names";

const where = (names: ReturnType<typeof placed>) => names.map(({ name, left, above }) => [name, left, above]);

test("a name stands below and left of its point, where a front has nothing", () => {
  expect(where(placed([{ x: 0.5, y: 0.5, name: "l4x1" }], [{ x: 0.5, y: 0.5 }]))).toEqual([["l4x1", true, false]]);
});

test("at the left edge it stands to the right, at the bottom above", () => {
  expect(where(placed([{ x: 0.02, y: 0.5, name: "l4x1" }], []))).toEqual([["l4x1", false, false]]);
  expect(where(placed([{ x: 0.5, y: 0.98, name: "l4x1" }], []))).toEqual([["l4x1", true, true]]);
});

test("of two points on one spot only the first is named on one side, and none covers a point", () => {
  const two = [
    { x: 0.5, y: 0.5, name: "chosen" },
    { x: 0.5, y: 0.5, name: "other" },
  ];
  const found = placed(two, two);
  expect(found[0]).toMatchObject({ name: "chosen", left: true, above: false });
  expect(found[1]).toMatchObject({ name: "other", left: false });
});

test("a name that is wider than the plot is left out", () => {
  expect(placed([{ x: 0.5, y: 0.5, name: "x".repeat(60) }], [])).toEqual([]);
});
