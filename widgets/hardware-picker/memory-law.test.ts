import { expect, test } from "vitest";
import type { MemoryLaw } from "../shared/plan-types";
import fixture from "./law-fixture.json";
import { band, gibibyte, peak, verdict } from "./memory-law";

const law = fixture.law as MemoryLaw;

test.each(fixture.cases)("$rows rows of $context tokens at rank $rank need $bytes bytes $phase", (given) => {
  const found = peak(law, given);
  expect(found.bytes).toBe(given.bytes);
  expect(found.phase).toBe(given.phase);
  expect(found.parts.map(([name]) => name)).toEqual(law.parts);
  expect(found.parts.reduce((sum, [, bytes]) => sum + bytes, 0)).toBe(given.bytes);
});

test("the first regime that reaches so far holds, with as many tokens as it names too", () => {
  expect(peak(law, { rows: 4, context: 1024, rank: 0 }).phase).toBe("at the loss");
  expect(peak(law, { rows: 1, context: 4097, rank: 0 }).phase).toBe("in the backward pass");
});

test("beyond the last regime that is known the last one holds", () => {
  const short = { ...law, regimes: law.regimes.slice(0, 1) };
  expect(peak(short, { rows: 100, context: 1000, rank: 0 }).phase).toBe("at the loss");
});

test("the band has the allocator's reserve and the driver's memory", () => {
  const { low, high } = band(law, { rows: 1, context: 1000, rank: 0 });
  expect(low).toBeCloseTo(1317000000 / gibibyte + 0.5, 9);
  expect(high).toBeCloseTo((1317000000 * 1.25) / gibibyte + 0.5, 9);
});

test("a need fits when all of it does, and is tight when only its low end does", () => {
  expect(verdict({ low: 9, high: 12 }, 12)).toBe("fits");
  expect(verdict({ low: 9, high: 12.1 }, 12)).toBe("tight");
  expect(verdict({ low: 12, high: 14 }, 12)).toBe("tight");
  expect(verdict({ low: 12.1, high: 14 }, 12)).toBe("no");
});

test("a law without phases needs nothing and does not fail", () => {
  expect(peak({ ...law, regimes: [] }, { rows: 1, context: 1, rank: 0 })).toEqual({ bytes: 0, phase: "", parts: [] });
});
