import { describe, expect, test } from "vitest";
import { reveal, rowHeight, scaling, tallest } from "./scaling";

describe.each([0, 1, 9, 10, 1000, 142_857, 142_858, 10_000_000, 3_000_000_000])("%d rows", (rows) => {
  const viewport = 280;
  const { height, scaled, offset, scrollTop } = scaling(rows, viewport);
  const last = Math.max(rows * rowHeight - viewport, 0);

  test("the element is never too tall, and scaled only where it must be", () => {
    expect(height).toBeLessThanOrEqual(tallest);
    expect(scaled).toBe(rows * rowHeight > tallest);
  });

  test("the ends of the scrollbar are the first and the last row", () => {
    expect(offset(0)).toBe(0);
    expect(offset(Math.max(height - viewport, 0))).toBeCloseTo(last, 3);
    expect(offset(1e12)).toBeCloseTo(last, 3);
    expect(scrollTop(last)).toBeCloseTo(Math.max(height - viewport, 0), 6);
  });

  test("from a place to the scrollbar and back is the same place", () => {
    for (const share of [0.1, 0.5, 0.999]) {
      const place = last * share;
      expect(Math.abs(offset(scrollTop(place)) - place)).toBeLessThan(1e-3);
    }
  });
});

test("a row is brought into view by the shortest way", () => {
  expect(reveal(5, 0, 280)).toBe(0);
  expect(reveal(10, 0, 280)).toBe(28);
  expect(reveal(2, 280, 280)).toBe(56);
});
