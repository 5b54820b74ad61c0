// What a part may take from the panel is written twice, for the build and for the browser: both must say the same.

import { expect, test } from "vitest";
import { linked as built, partOptions, parts } from "../parts.mjs";
import { linked } from "./linked";

test("the panel gives its parts exactly what the build leaves out of them", () => {
  expect(Object.keys(linked).sort()).toEqual([...built].sort());
});

test("a part takes nothing that is not given", async () => {
  const { build } = await import("esbuild");
  for (const part of parts) {
    const { outputFiles } = await build({ ...partOptions(part), minify: false, outdir: "out", write: false });
    const text = outputFiles[0]?.text ?? "";
    // `ui.Shown` of `var ui = require("shared/ui")`
    const names = [...text.matchAll(/var (\w+) = require\("([^"]+)"\);/g)];
    expect(names.length).toBeGreaterThan(0);
    for (const [, name, from] of names) {
      const used = [...text.matchAll(new RegExp(`\\b${name}\\.(\\w+)`, "g"))].map(([, export_]) => export_);
      const given = Object.keys(linked[from ?? ""] as object);
      expect(used.filter((each) => !given.includes(each ?? ""))).toEqual([]);
    }
  }
});
