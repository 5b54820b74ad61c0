// Takes a picture of every state of every panel, to be looked at, never committed.
// Usage: node widgets/gallery/shoot.mjs [NAME...] [--out FOLDER] [--serve] [--widths 1400,400]
// Each state in light and dark at 1000, 840 (a cell of JupyterLab) and 400 px; NAME takes those whose name begins so.

import { mkdirSync, readFileSync } from "node:fs";
import { createServer } from "node:http";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import * as esbuild from "esbuild";
import { chromium } from "playwright";

const here = dirname(fileURLToPath(import.meta.url));
const bundles = join(here, "../../notebook_ext/tunebook/widgets/static");
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    out: { type: "string", default: join(here, "../../test-results/gallery") },
    host: { type: "string", default: "own" },
    serve: { type: "boolean" },
    widths: { type: "string", default: "1000,840,400" },
  },
});

const widths = values.widths.split(",").map(Number);

const bundle = (entry) =>
  esbuild.build({ entryPoints: [join(here, entry)], bundle: true, format: "esm", target: "es2022", write: false });
const gallery = (await bundle("gallery.ts")).outputFiles[0].text;
const listing = (await bundle("states.ts")).outputFiles[0].text;
const { states } = await import(`data:text/javascript;base64,${Buffer.from(listing).toString("base64")}`);

const types = { html: "text/html", js: "text/javascript" };
const server = createServer((request, response) => {
  const { pathname } = new URL(request.url, "http://localhost");
  const file = pathname === "/" ? "/index.html" : pathname;
  const found = /^\/bundles\/[a-z-]+(\.part)?\.js$/.test(file)
    ? readFileSync(join(bundles, file.slice("/bundles/".length)))
    : file === "/gallery.js"
      ? gallery
      : file === "/index.html"
        ? readFileSync(join(here, "index.html"))
        : null;
  response.writeHead(found === null ? 404 : 200, { "content-type": types[file.split(".").at(-1)] ?? "text/plain" });
  response.end(found);
});
await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
const address = `http://127.0.0.1:${server.address().port}/`;

if (values.serve) console.log(address);
else {
  mkdirSync(values.out, { recursive: true });
  const browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    args: [
      "--no-sandbox",
      "--disable-gpu",
      "--disable-quic",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
    ],
  });
  const wanted = Object.keys(states).filter(
    (n) => positionals.length === 0 || positionals.some((p) => n.startsWith(p)),
  );
  let faults = 0;
  for (const colorScheme of ["light", "dark"]) {
    for (const width of widths) {
      const page = await browser.newPage({ viewport: { width, height: 400 }, colorScheme });
      const fault = (text) => {
        faults += 1;
        console.error(text);
      };
      page.on("pageerror", (error) => fault(`${page.url()}: ${error}`));
      page.on("console", (line) => line.type() === "error" && fault(`${page.url()}: ${line.text()}`));
      for (const name of wanted) {
        await page.goto(`${address}?host=${values.host}&name=${name}#${name}`);
        await page.waitForSelector("body[data-ready]");
        await page.waitForTimeout(120);
        const wide = await page.evaluate(
          () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
        );
        if (wide > 0) fault(`${name} is ${wide} px wider than ${width} px`);
        await page.screenshot({ path: join(values.out, `${name}-${colorScheme}-${width}.png`), fullPage: true });
      }
      await page.close();
    }
  }
  await browser.close();
  server.close();
  console.log(`${wanted.length * 2 * widths.length} pictures in ${values.out}`);
  if (faults > 0) process.exitCode = 1;
}
