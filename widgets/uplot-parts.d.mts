import type { Plugin } from "esbuild";

export const uplotParts: Plugin;
