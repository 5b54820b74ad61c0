import { expect, test } from "vitest";
import { minMax, smooth } from "./decimate";

const wave = Array.from({ length: 100_000 }, (_, at) => Math.sin(at / 700));

test("what fits is kept whole", () => {
  expect(minMax([3, 1, 2], 0, 3, 10)).toEqual([0, 1, 2]);
  expect(minMax([], 0, 0, 10)).toEqual([]);
});

test("never more than the limit, always the first and the last, in order", () => {
  for (const limit of [2, 3, 50, 2000]) {
    const kept = minMax(wave, 0, wave.length, limit);
    expect(kept.length).toBeLessThanOrEqual(Math.max(limit, 5));
    expect(kept[0]).toBe(0);
    expect(kept.at(-1)).toBe(wave.length - 1);
    expect(kept).toEqual([...kept].sort((a, b) => a - b));
    expect(new Set(kept).size).toBe(kept.length);
  }
});

test("a spike of one point is never lost, and neither is a gap", () => {
  for (const at of [1, 777, 50_000, 99_998]) {
    const values = [...wave];
    values[at] = 40;
    expect(minMax(values, 0, values.length, 300)).toContain(at);
    values[at] = -40;
    expect(minMax(values, 0, values.length, 300)).toContain(at);
    values[at] = Number.NaN;
    expect(minMax(values, 0, values.length, 300)).toContain(at);
  }
});

test("only the window is looked at", () => {
  const kept = minMax(wave, 500, 90_000, 100);
  expect(kept[0]).toBe(500);
  expect(kept.at(-1)).toBe(89_999);
});

test("smoothing leaves a constant alone from its first point, and weight 0 changes nothing", () => {
  expect(smooth([2, 2, 2], 0.9).map((value) => Number(value.toFixed(9)))).toEqual([2, 2, 2]);
  expect(smooth([3, 1, 2], 0)).toEqual([3, 1, 2]);
});

test("a NaN stays a NaN and does not spoil what follows", () => {
  const [first, second, third] = smooth([1, Number.NaN, 1], 0.5);
  expect(first).toBe(1);
  expect(second).toBeNaN();
  expect(third).toBeCloseTo(1);
});
