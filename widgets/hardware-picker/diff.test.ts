import { expect, test } from "vitest";
import { diffLines } from "./diff";

test("a diff is told line by line: its sign, its text, where it stands", () => {
  const diff = "@@ -41,4 +41,4 @@\n rows = load()\n-rate = 2e-4\n+rate = 1e-4\n \n@@ -80 +80,2 @@\n+--x\n-++y\n \n ";
  expect(diffLines(diff)).toEqual([
    { kind: "place", text: "line 41" },
    { kind: "same", text: "rows = load()" },
    { kind: "removed", text: "rate = 2e-4" },
    { kind: "added", text: "rate = 1e-4" },
    { kind: "same", text: "" },
    { kind: "place", text: "line 80" },
    { kind: "added", text: "--x" },
    { kind: "removed", text: "++y" },
  ]);
});

test("what was left out of a long one is said in its place", () => {
  expect(diffLines("@@ the rest is not shown @@")).toEqual([{ kind: "place", text: "the rest is not shown" }]);
});
