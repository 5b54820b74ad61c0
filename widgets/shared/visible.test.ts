import { expect, test } from "vitest";
import { oneLine, pieces } from "./visible";

const marks = (text: string) => pieces(text).flatMap((piece) => (piece.kind === "mark" ? [piece.name] : []));

test("plain words of any script pass as they are", () => {
  for (const text of ["plain words", "日本語", "العربية", "naïve", "👩‍💻 ❤️", "a < b && c > d"])
    expect(marks(text)).toEqual([]);
});

test("a newline breaks the line and is seen", () => {
  expect(pieces("a\nb")).toEqual([
    { kind: "text", text: "a" },
    { kind: "mark", mark: "↵", name: "newline", breaks: true },
    { kind: "text", text: "b" },
  ]);
});

test.each([
  ["a right-to-left override", "\u202e"],
  ["an isolate", "\u2066"],
  ["a zero-width space", "\u200b"],
  ["a byte order mark", "\ufeff"],
  ["a bell", "\u0007"],
  ["an escape", "\u001b"],
  ["a no-break space", "\u00a0"],
  ["a soft hyphen", "\u00ad"],
  ["a tag character", "\u{e0041}"],
  ["a lone surrogate", "\ud800"],
  ["a Hangul filler", "\u3164"],
  ["a line separator", "\u2028"],
])("%s is named", (_, char) => {
  const code = `U+${(char.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, "0")}`;
  expect(marks(`a${char}b`)).toEqual([code]);
});

test("a run of selectors, which can carry a hidden text, does not pass as part of an emoji", () => {
  expect(marks("😀\ufe0f\ufe0f\ufe0f")).toHaveLength(2);
});

test("nothing but marks and text: put together it is the same text", () => {
  const text = "x\u202ey\tz\u{e0041}\n";
  expect(oneLine(text)).toBe("x[U+202E]y[tab]z[U+E0041] ");
});
