import { expect, test } from "vitest";
import { falling, message } from "../gallery/series";
import { Points } from "../shared/points";
import { nearest, table, valuesAt, words } from "./curves";
import { clock, shareWords, tickWords } from "./ticks";

const look = { smoothing: 0.6, log: false, axis: "step" as const };

function points(series: Parameters<typeof message>[1]): Points {
  const made = new Points(() => {});
  made.receive(...message(1, series));
  return made;
}

test("a frame draws at most 2,000 points of each series, however long the run", () => {
  const long = points({ "train/loss": falling(60_000), "eval/loss": falling(60_000, { every: 20 }) });
  const [x, ...columns] = table(long, look, null);
  expect(x.length).toBeLessThanOrEqual(2000);
  for (const column of columns) expect([...column].filter((value) => value != null).length).toBeLessThanOrEqual(2000);
});

test("training and held-out values stand on one axis; a step that one lacks is no gap in the other", () => {
  const [x, raw, , held] = table(
    points({
      "train/loss": [
        [1, 3, 1],
        [2, 2, 2],
      ],
      "eval/loss": [[1.5, 2.6, 1.5]],
    }),
    look,
    null,
  );
  expect(x).toEqual([1, 1.5, 2]);
  expect(raw).toEqual([3, undefined, 2]);
  expect(held?.[1]).toBe(2.6);
});

test("a value that is not finite is a gap, and so is one without a logarithm", () => {
  const broken = points({
    "train/loss": [
      [1, 3, 1],
      [2, Number.NaN, 2],
      [3, -1, 3],
    ],
  });
  expect(table(broken, { ...look, smoothing: 0 }, null)[1]).toEqual([3, null, -1]);
  expect(table(broken, { ...look, smoothing: 0, log: true }, null)[1]).toEqual([3, null, null]);
});

test("a window keeps its neighbours, so that the line runs out of it", () => {
  const run = points({ "train/loss": falling(100) });
  expect(table(run, { ...look, smoothing: 0 }, { from: 40, to: 50 })[0]).toEqual([
    39, 40, 41, 42, 43, 44, 45, 46, 47, 48, 49, 50, 51,
  ]);
});

test("a curve of another name is drawn, also of one with slashes", () => {
  const curve = {
    ...{ title: "Preference accuracy", kind: "share" as const },
    ...{ train: "train/rewards/accuracies", held_out: "eval/rewards/accuracies" },
  };
  const run = points({
    "train/loss": falling(3),
    "train/rewards/accuracies": [
      [1, 0.5, 1],
      [2, 0.75, 2],
    ],
    "eval/rewards/accuracies": [[2, 0.625, 2]],
  });
  const [x, raw, , held] = table(run, { ...look, smoothing: 0 }, null, curve);
  expect([x, raw, held]).toEqual([
    [1, 2],
    [0.5, 0.75],
    [undefined, 0.625],
  ]);
  expect(valuesAt(run, curve, null)).toEqual({ training: 0.75, heldOut: 0.625 });
  expect(valuesAt(run, curve, 1)).toEqual({ training: 0.5, heldOut: null });
  expect(valuesAt(run, curve, 9)).toEqual({ training: null, heldOut: null });
});

test("a share is a percentage, whatever else is drawn keeps its zeros", () => {
  expect(words("share", 0.625)).toBe("62.5 %");
  expect(words("number", -0.4)).toBe("-0.400");
  expect(words("loss", Number.NaN)).toBe("not finite");
  expect(words("loss", null)).toBe("");
  expect(shareWords([0, 0.5, null, 1])).toEqual(["0 %", "50 %", "", "100 %"]);
});

test("the nearest point", () => {
  expect(nearest([1, 2, 10], 5)).toBe(1);
  expect(nearest([1, 2, 10], 7)).toBe(2);
  expect(nearest([1], 99)).toBe(0);
  expect(nearest([], 1)).toBe(-1);
});

test("ticks have as many decimals as tell them apart", () => {
  expect(tickWords([1, 1.5, 2])).toEqual(["1.0", "1.5", "2.0"]);
  expect(tickWords([1, null, 3])).toEqual(["1", "", "3"]);
});

test("time on the axis", () => {
  expect([0, 45, 150, 3900].map(clock)).toEqual(["0", "45 s", "2:30", "1:05 h"]);
});
