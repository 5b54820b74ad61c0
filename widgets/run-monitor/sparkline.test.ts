import { expect, test } from "vitest";
import type { Series } from "../shared/points";
import { areaPath, box, linePath, spanOf, strokes } from "./sparkline";

const series = (...points: [seconds: number, value: number][]): Series => ({
  steps: points.map((_, at) => at),
  seconds: points.map(([seconds]) => seconds),
  values: points.map(([, value]) => value),
});

test("it reaches from the first to the last measurement of either series", () => {
  expect(spanOf(series([40, 1], [90, 1]), series([50, 1], [100, 1]))).toEqual({ from: 40, to: 100 });
  expect(spanOf(series(), series())).toBeNull();
});

test("a gap breaks the line, and the area under it", () => {
  const lines = strokes(series([0, 0], [10, 100], [10, Number.NaN], [20, 50]), { from: 0, to: 20 }, 100);
  expect(lines).toEqual([
    [
      [0, box.height],
      [box.width / 2, 2],
    ],
    [[box.width, 29]],
  ]);
  expect(linePath(lines)).toBe("M0 56L480 2M960 29h1");
  expect(areaPath(lines)).toBe("M0 56L0 56L480 2L480 56ZM960 56L960 29L960 56Z");
});

test("a day of measurements is no more than can be seen, and a value beyond the most stays within the box", () => {
  const day = series(...Array.from({ length: 4000 }, (_, at): [number, number] => [at, at % 300]));
  const drawn = strokes(day, { from: 0, to: 4000 }, 100).flat();
  expect(drawn.length).toBeLessThanOrEqual(box.width);
  expect(Math.min(...drawn.map(([, y]) => y))).toBe(2);
});
