// Rules of the source that no linter of ours knows: text from data never becomes markup, and nothing is fetched.

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";

const root = join(import.meta.dirname, "..");
const sources = readdirSync(root, { recursive: true, encoding: "utf8" }).filter(
  (path) => /\.tsx?$/.test(path) && !/\.(test|browser)\.tsx?$/.test(path) && !path.startsWith("gallery"),
);

test("there are sources to look at", () => expect(sources.length).toBeGreaterThan(25));

test.each(sources)("%s makes no markup, no link and no request", (path) => {
  const text = readFileSync(join(root, path), "utf8");
  expect(text).not.toMatch(
    /innerHTML|outerHTML|insertAdjacentHTML|dangerouslySet|document\.write|createContextualFragment|DOMParser|\bhref\b|\beval\(|new Function|fetch\(|XMLHttpRequest|WebSocket|https?:\/\//,
  );
});

test.each(sources)("%s stays small enough to be read", (path) => {
  expect(readFileSync(join(root, path), "utf8").split("\n").length).toBeLessThanOrEqual(300);
});
