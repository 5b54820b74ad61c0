import { expect, test } from "vitest";
import { share } from "./share";

test("an equal tree is the old one", () => {
  const before = { rows: [{ n: 1 }, { n: 2 }], note: "" };
  expect(share(before, structuredClone(before))).toBe(before);
});

test("only the branch that changed is new", () => {
  const before = { a: { n: 1 }, b: [{ n: 2 }, { n: 3 }] };
  const after = share(before, { a: { n: 1 }, b: [{ n: 2 }, { n: 4 }] });
  expect(after).toEqual({ a: { n: 1 }, b: [{ n: 2 }, { n: 4 }] });
  expect(after.a).toBe(before.a);
  expect(after.b[0]).toBe(before.b[0]);
  expect(after.b).not.toBe(before.b);
});

test.each([
  [{ a: 1 }, { a: 1, b: undefined }],
  [{ a: 1, b: 2 }, { a: 1 }],
  [[1, 2], [1]],
  [[], {}],
  [{ a: 1 }, null],
  [null, { a: 1 }],
])("%j does not pass for %j", (before, after) => {
  const result = share(before, after);
  expect(result).toEqual(after);
  expect(result).not.toBe(before);
});

test("NaN equals itself", () => {
  const before = { a: Number.NaN };
  expect(share(before, { a: Number.NaN })).toBe(before);
});
