// Logic is tested in node, DOM code in a real browser: Debian's Chromium, so that nothing is downloaded.
import { playwright } from "@vitest/browser-playwright";
import { defineConfig } from "vitest/config";
import { partTexts } from "./widgets/parts.mjs";
import { uplotParts } from "./widgets/uplot-parts.mjs";

const chromium = {
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
};

export default defineConfig({
  cacheDir: "node_modules/.vite",
  plugins: [partTexts],
  esbuild: { jsx: "automatic", jsxImportSource: "preact" },
  optimizeDeps: {
    include: ["preact", "preact/hooks", "preact/jsx-runtime", "preact/jsx-dev-runtime", "uplot"],
    esbuildOptions: { plugins: [uplotParts] },
  },
  test: {
    projects: [
      { extends: true, test: { name: "logic", environment: "node", include: ["widgets/**/*.test.ts"] } },
      {
        extends: true,
        test: {
          name: "browser",
          // Two busy cores and a browser: slow is no fault of a panel.
          testTimeout: 60_000,
          include: ["widgets/**/*.browser.tsx"],
          browser: {
            enabled: true,
            headless: true,
            screenshotFailures: false,
            provider: playwright({ launchOptions: chromium }),
            instances: [{ browser: "chromium" }],
          },
        },
      },
    ],
  },
});
