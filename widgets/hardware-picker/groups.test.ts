import { expect, test } from "vitest";
import type { PlanOption } from "../shared/plan-types";
import { groups } from "./groups";

const option = (flavor: string, more: Partial<PlanOption> = {}): PlanOption => ({
  backend: "hf-jobs",
  flavor,
  tuning: "lora",
  fits: true,
  memory: null,
  hours: null,
  usd: null,
  max_usd: null,
  why: "",
  settings: "",
  usd_per_hour: null,
  front: false,
  recommended: false,
  selectable: false,
  ...more,
});
const places = (found: { at: number }[]) => found.map(({ at }) => at);

test("a few options are all shown, in the order they came", () => {
  const few = [option("a", { fits: false }), option("b"), option("c", { front: true })];
  expect(places(groups(few, null).first)).toEqual([0, 1, 2]);
});

test("of many the front, the recommended and the chosen one stand first, and each keeps its place in the plan", () => {
  const many = [
    option("a"),
    option("b", { front: true }),
    option("c", { fits: false }),
    option("d", { recommended: true }),
    option("e"),
    option("f", { fits: false }),
    option("g"),
  ];
  const { first, fitting, not } = groups(many, { backend: "hf-jobs", flavor: "f", tuning: "lora" });
  expect(places(first)).toEqual([1, 3, 5]);
  expect(places(fitting)).toEqual([0, 4, 6]);
  expect(places(not)).toEqual([2]);
});

test("what does not fit is never on the front, whatever it says of itself", () => {
  const many = Array.from({ length: 8 }, (_, at) => option(`${at}`, { fits: at > 0, front: at < 2 }));
  expect(places(groups(many, null).first)).toEqual([1]);
});

test("where nothing fits or nothing is on the front, some are shown all the same", () => {
  const none = Array.from({ length: 9 }, (_, at) => option(`${at}`, { fits: false }));
  expect([places(groups(none, null).first), places(groups(none, null).not)]).toEqual([
    [0, 1, 2, 3],
    [4, 5, 6, 7, 8],
  ]);
  const unpriced = none.map((each) => ({ ...each, fits: true }));
  expect(places(groups(unpriced, null).fitting)).toEqual([4, 5, 6, 7, 8]);
});

test("among many the cheaper stands before the dearer, what has no price last", () => {
  const usd = [3, null, 1, 2, null, 1, 1].map((p50) => (p50 === null ? null : { p50, p90: 2 * p50 }));
  const many = usd.map((each, at) => option(`${at}`, { usd: each, front: at < 5 }));
  expect(places(groups(many, null).first)).toEqual([2, 3, 0, 1, 4]);
  expect(places(groups(many, null).fitting)).toEqual([5, 6]);
});
