import { expect, test } from "vitest";
import { band } from "./memory";

const memory = (low: number, high: number, available: number) => ({ low, high, available, kind: "GPU", source: "" });

test("what fits ends at or before the limit, what does not runs over it", () => {
  const limit = band(memory(16, 16, 16)).high;
  expect(band(memory(5, 8, 16))).toMatchObject({ over: false });
  expect(band(memory(5, 8, 16)).high).toBeLessThan(limit);
  expect(band(memory(12, 16.1, 16))).toMatchObject({ over: true });
  expect(band(memory(12, 16.1, 16)).high).toBeGreaterThan(limit);
});

test("a need far beyond the machine stays on the track", () => {
  expect(band(memory(100, 200, 16))).toEqual({ low: 1, high: 1, over: true });
});
