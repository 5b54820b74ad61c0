// Builds the five panels into the Python package, one self-contained ESM file each.
// Usage: node widgets/build.mjs [--watch] [--out FOLDER]
import { mkdirSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import * as esbuild from "esbuild";
import { uplotParts } from "./uplot-parts.mjs";

const here = dirname(fileURLToPath(import.meta.url));
const panels = ["dataset-inspector", "hardware-picker", "run-monitor", "checkpoint-table", "finetune-panel"];

/** Every live widget carries its bundle through the kernel's comm and into the saved notebook: hence a hard limit. */
const maxBytes = 150_000;

/**
 * `import css from "./style.css?inline"` gives the minified text, in esbuild as in Vite, which vitest runs on. What nearly
 * every selector begins with is one character here; `draw` writes it out.
 */
export const inlineCss = {
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

/** Fails the build when a bundle is missing or too large; prints one line a bundle. */
const sizes = (out) => ({
  name: "sizes",
  setup(build) {
    build.onEnd((result) => {
      if (result.errors.length > 0) return;
      const tooLarge = [];
      for (const panel of panels) {
        const { bytes } =
          result.metafile.outputs[Object.keys(result.metafile.outputs).find((o) => o.endsWith(`${panel}.js`))];
        console.log(`${panel}.js ${(bytes / 1000).toFixed(1)} kB`);
        if (bytes > maxBytes) tooLarge.push(`${panel}.js is ${bytes} bytes, more than ${maxBytes}`);
      }
      for (const stale of readdirSync(out).filter(
        (name) => name.endsWith(".js") && !panels.includes(name.slice(0, -3)),
      )) {
        rmSync(join(out, stale));
      }
      if (tooLarge.length > 0) return { errors: tooLarge.map((text) => ({ text })) };
    });
  },
});

async function main() {
  const { values } = parseArgs({ options: { watch: { type: "boolean" }, out: { type: "string" } } });
  const out = resolve(values.out ?? join(here, "../notebook_ext/tunebook/widgets/static"));
  mkdirSync(out, { recursive: true });
  const context = await esbuild.context({
    entryPoints: Object.fromEntries(panels.map((panel) => [panel, join(here, panel, "index.ts")])),
    outdir: out,
    bundle: true,
    format: "esm",
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
    plugins: [inlineCss, uplotParts, sizes(out)],
  });
  if (values.watch) {
    await context.watch();
    console.log("watching widgets/");
    return;
  }
  await context.rebuild().catch(() => process.exit(1));
  await context.dispose();
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await main();
