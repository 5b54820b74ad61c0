import { expect, test } from "vitest";
import { priceScale, priceTick, timeScale, timeTick } from "./plot-scale";

test("a value twice another is as far from it wherever they are", () => {
  const { at } = priceScale([0.1, 10]);
  expect(at(0.2) - at(0.1)).toBeCloseTo(at(8) - at(4), 9);
  expect(at(0.1)).toBeGreaterThan(0);
  expect(at(10)).toBeLessThan(1);
});

test("what is beyond the ends stays at them", () => {
  const { at } = timeScale([600, 6000]);
  expect(at(1)).toBe(0);
  expect(at(1e9)).toBe(1);
});

test("values that are nearly equal are near each other, not at the two ends", () => {
  const { at } = priceScale([1, 1.05]);
  expect(at(1.05) - at(1)).toBeLessThan(0.1);
});

test("round values are named, so far apart that their words do not touch", () => {
  for (const [low, high] of [
    [60, 100],
    [300, 7000],
    [3600, 400_000],
  ] as const) {
    const { ticks, at } = timeScale([low, high]);
    expect(ticks.length).toBeGreaterThan(0);
    ticks.slice(1).forEach((tick, before) => {
      expect(at(tick) - at(ticks[before] ?? 0)).toBeGreaterThanOrEqual(0.22);
    });
  }
  expect(timeTick(86_400)).toBe("1 day");
  expect(priceTick(0.05)).toBe("$0.05");
  expect(priceTick(20)).toBe("$20");
});
