// How everything of the panels is bundled.

import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import * as esbuild from "esbuild";
import { uplotParts } from "./uplot-parts.mjs";

const here = dirname(fileURLToPath(import.meta.url));

/**
 * `import css from "./style.css?inline"` gives the minified text, in esbuild as in Vite, which vitest runs on. What nearly
 * every selector begins with is one character here; `draw` writes it out.
 */
const inlineCss = {
  name: "inline-css",
  setup(build) {
    build.onResolve({ filter: /\.css\?inline$/ }, async (args) => {
      const found = await build.resolve(args.path.replace(/\?inline$/, ""), {
        kind: "import-statement",
        resolveDir: args.resolveDir,
      });
      return found.errors.length > 0 ? found : { path: found.path, namespace: "inline-css" };
    });
    build.onLoad({ filter: /.*/, namespace: "inline-css" }, async (args) => {
      const source = readFileSync(args.path, "utf8");
      const { code } = await esbuild.transform(source, { loader: "css", minify: true });
      if (code.includes("~")) return { errors: [{ text: "~ stands for .tb .tb- and cannot be used in a style" }] };
      return { contents: code.trim().replaceAll(".tb .tb-", "~"), loader: "text", watchFiles: [args.path] };
    });
  },
};

export const common = {
  bundle: true,
  target: "es2022",
  minify: true,
  tsconfigRaw: {
    compilerOptions: { jsx: "react", jsxFactory: "jsxElement", jsxFragmentFactory: "jsxFragment", target: "es2022" },
  },
  inject: [join(here, "shared/jsx.ts")],
  legalComments: "none",
  banner: {
    js: "/*! tunebook, Apache-2.0. With preact, (c) 2015-present Jason Miller, and uPlot, (c) 2025 Leon Sorokin: MIT. */",
  },
  metafile: true,
  logLevel: "warning",
  plugins: [inlineCss, uplotParts],
};
