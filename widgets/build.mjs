// Builds the five panels into the Python package, one self-contained ESM file each, and the parts that are sent on demand.
// Usage: node widgets/build.mjs [--watch] [--out FOLDER]
import { mkdirSync, readdirSync, rmSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import * as esbuild from "esbuild";
import { common } from "./bundling.mjs";
import { partOptions, parts } from "./parts.mjs";

const here = dirname(fileURLToPath(import.meta.url));
const panels = ["dataset-inspector", "hardware-picker", "run-monitor", "checkpoint-table", "finetune-panel"];

/** Every live widget carries its bundle through the kernel's comm and into the saved notebook: hence a hard limit. */
const maxBytes = 150_000;

/** Fails the build when a bundle is too large; prints one line a bundle. */
const sizes = {
  name: "sizes",
  setup(build) {
    build.onEnd(({ errors, metafile }) => {
      if (errors.length > 0) return;
      const tooLarge = [];
      for (const [file, { bytes }] of Object.entries(metafile.outputs)) {
        const name = basename(file);
        console.log(`${name} ${(bytes / 1000).toFixed(1)} kB`);
        if (bytes > maxBytes) tooLarge.push(`${name} is ${bytes} bytes, more than ${maxBytes}`);
      }
      if (tooLarge.length > 0) return { errors: tooLarge.map((text) => ({ text })) };
    });
  },
};

async function main() {
  const { values } = parseArgs({ options: { watch: { type: "boolean" }, out: { type: "string" } } });
  const out = resolve(values.out ?? join(here, "../notebook_ext/tunebook/widgets/static"));
  mkdirSync(out, { recursive: true });
  const wanted = [...panels.map((name) => `${name}.js`), ...parts.map((name) => `${name}.part.js`)];
  for (const name of readdirSync(out)) {
    if (name.endsWith(".js") && !wanted.includes(name)) rmSync(join(out, name));
  }
  const entryPoints = Object.fromEntries(panels.map((panel) => [panel, join(here, panel, "index.ts")]));
  const builds = [{ ...common, entryPoints, format: "esm" }, ...parts.map(partOptions)];
  const contexts = await Promise.all(
    builds.map((options) => esbuild.context({ ...options, outdir: out, plugins: [...options.plugins, sizes] })),
  );
  if (values.watch) {
    await Promise.all(contexts.map((each) => each.watch()));
    console.log("watching widgets/");
    return;
  }
  for (const each of contexts) {
    await each.rebuild().catch(() => process.exit(1));
    await each.dispose();
  }
}

await main();
