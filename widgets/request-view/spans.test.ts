import { expect, test } from "vitest";
import { spans } from "./spans";

const field = (name: string, start: number | null, end: number | null) => ({ field: name, value: "", start, end });

test("the instruction is whole, whatever the spans are", () => {
  const text = "🦉 train on x for 2 h";
  for (const fields of [
    [],
    [field("a", 2, 7)],
    [field("a", 2, 7), field("b", 5, 9), field("c", 90, 99), field("d", 3, 3), field("e", null, null)],
  ]) {
    expect(
      spans(text, fields)
        .map((span) => span.text)
        .join(""),
    ).toBe(text);
  }
});

test("positions count characters as Python does", () => {
  expect(spans("🦉🦉 Qwen", [field("model", 3, 7)])).toEqual([
    { text: "🦉🦉 ", field: null },
    { text: "Qwen", field: "model" },
  ]);
});
