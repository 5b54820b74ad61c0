import { describe, expect, test } from "vitest";
import { glimpse, turnsOf } from "./turns";

const column = { name: "messages", type: "", kind: "nested" as const };
const turns = (value: unknown) => turnsOf([column], [JSON.stringify(value)])[0]?.turns ?? [];

describe("a list of turns is a conversation", () => {
  test("by role and content, and by from and value", () => {
    expect(turns([{ role: "user", content: "hi" }])).toEqual([{ role: "user", text: "hi" }]);
    expect(turns([{ from: "gpt", value: "hi" }])).toEqual([{ role: "assistant", text: "hi" }]);
  });
  test("with what else a turn holds, but for what is null", () => {
    const [turn] = turns([{ role: "assistant", content: null, tool_calls: [{ name: "f" }], name: null }]);
    expect(turn?.text).toContain('"name": "f"');
    expect(turns([{ role: "user", content: [{ type: "text", text: "hi" }] }])[0]?.text).toContain('"hi"');
  });
  test("other lists, broken JSON and cut cells are none", () => {
    for (const value of [[1], [{ a: 1 }], {}, "text", [{ role: 1 }], []]) expect(turns(value)).toEqual([]);
    expect(turnsOf([column], ["[{"])).toEqual([]);
    expect(turnsOf([column], [['[{"role":"user"', 900]])).toEqual([]);
    expect(turnsOf([column], [null])).toEqual([]);
  });
});

describe("a glimpse of a conversation on one line", () => {
  const cell = JSON.stringify([
    { role: "system", content: "Be kind." },
    { role: "user", content: 'What is "this"?\nSay it.' },
    { role: "assistant", content: "an owl" },
  ]);
  test("says who says what, the system last", () => {
    expect(glimpse(cell, "")).toBe('user: What is "this"?\nSay it.  assistant: an owl  system: Be kind.');
  });
  test("of a cell that was cut anywhere is the beginning of that", () => {
    for (let length = 12; length < cell.length; length += 1)
      expect(glimpse(cell.slice(0, length), "") ?? "").not.toContain("role");
  });
  test("is none for other JSON, nor where it would hide what was searched for", () => {
    expect(glimpse('[{"a":1}]', "")).toBeNull();
    expect(glimpse("[1, 2]", "")).toBeNull();
    expect(glimpse(cell, "role")).toBeNull();
    expect(glimpse(cell, "OWL")).toContain("owl");
  });
});
