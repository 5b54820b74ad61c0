// Parts of the FinetunePanel that are no use without the kernel, and so need not travel in its bundle: Python sends one as
// text when it is first looked at. Each NAME/part.ts becomes NAME.part.js, a function that is given the modules which the
// panel has already (`linked`, the same names as in finetune-panel/linked.ts) and returns what part.ts exports.

import { existsSync, readdirSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import * as esbuild from "esbuild";
import { common } from "./bundling.mjs";

const here = dirname(fileURLToPath(import.meta.url));

/** Modules by their path below widgets/, without the ending, or the package's name. */
export const linked = [
  "preact",
  "preact/hooks",
  "shared/format",
  "shared/memo",
  "shared/points",
  "shared/store",
  "shared/ui",
  "shared/visible",
  "dataset-inspector/row-pane",
];

/** The folders that have a part. */
export const parts = readdirSync(here).filter((name) => existsSync(join(here, name, "part.ts")));

/** What is linked stays an import, which `cjs` writes as a call of `require`. */
const link = {
  name: "link",
  setup(build) {
    build.onResolve({ filter: /^preact/ }, ({ path }) =>
      linked.includes(path) ? { path, external: true } : undefined,
    );
    build.onResolve({ filter: /^\./ }, ({ path, resolveDir }) => {
      const name = relative(here, join(resolveDir, path)).replaceAll("\\", "/");
      return linked.includes(name) ? { path: name, external: true } : undefined;
    });
  },
};

/** esbuild's options for one part. */
export const partOptions = (name) => ({
  ...common,
  entryPoints: { [`${name}.part`]: join(here, name, "part.ts") },
  format: "cjs",
  banner: { js: `${common.banner.js}\nexport default(require,module={exports:{}})=>{` },
  footer: { js: "return module.exports}" },
  plugins: [link, ...common.plugins],
});

/** A part's text. */
export async function partText(name) {
  const { outputFiles } = await esbuild.build({ ...partOptions(name), outdir: here, write: false });
  return outputFiles[0].text;
}

/** For Vite: `import text from "../run-monitor/part.ts?part"` is what Python would send. */
export const partTexts = {
  name: "part-texts",
  enforce: "pre",
  async load(id) {
    if (!id.endsWith("/part.ts?part")) return;
    const name = id.split("/").at(-2);
    return `export default ${JSON.stringify(await partText(name))}`;
  },
};
