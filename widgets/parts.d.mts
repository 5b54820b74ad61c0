import type { BuildOptions } from "esbuild";
import type { Plugin } from "vite";

export declare const linked: string[];
export declare const parts: string[];
export declare const partTexts: Plugin;
export declare function partOptions(name: string): BuildOptions & { outdir?: string };
