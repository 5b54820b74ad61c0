// An esbuild plugin: of uPlot only what the loss chart draws with, straight lines and points over numbers from left to right.
// No bundler can know that there are no dates, bars, steps, splines, scatter plots, legends, scales by arcsinh, and no
// cursors that follow another chart's: a third of its text.

import { readFileSync } from "node:fs";

/** What is taken away from uPlot's text. Each must be found: another version of uPlot fails the build here. */
const cuts = [
  [/^const FEAT_TIME +=.*$/m, "const FEAT_TIME = false;"],
  [/^const \[ timeIncrs(Ms|S), .*$/gm, ""],
  [/^\tconst _(tzDate|fmtDate|timeAxisSplits|timeAxisVals|timeSeriesVal) +=.*$/gm, ""],
  [/\blet isTime = .*$/gm, ""],
  [/\bisTime\b/g, "false"],
  [/\bmode == 1\b/g, "true"],
  [/\bmode == 2\b/g, "false"],
  [/\b(distr|sc\.distr|scale\.distr|xScaleDistr) == [24]\b/g, "false"],
  [/^\tconst showLegend = .*$/m, ""],
  [/\b(showLegend|legend\.show|legend\.live|multiValLegend)\b(?! =[^=])/g, "false"],
  [/\bscaleX\.ori == 0\b/g, "true"],
  [/\bscaleX\.ori == 1\b/g, "false"],
  [/\bsrc == null\b/g, "true"],
  [/\bsrc != null\b/g, "false"],
  [/^\tconst cursor(Focus|OnePt) +=.*$/gm, ""],
  [/\bcursor(Focus|OnePt)\b/g, "false"],
  [/^\tfunction (initLegendRow|syncLegend|setLegendValues)\([\s\S]*?^\t}$/gm, ""],
  [/^uPlot\.(rangeAsinh|orient|pxRatio|sync) +=.*$/gm, ""],
  [/^\tuPlot\.(fmtDate|tzDate|addGap|clipGaps) += .*$/gm, ""],
  [/^\t\(paths\.(stepped|bars|spline) += .*$/gm, ""],
];

export const uplotParts = {
  name: "uplot-parts",
  setup(build) {
    build.onLoad({ filter: /uPlot\.esm\.js$/ }, ({ path }) => {
      let contents = readFileSync(path, "utf8");
      for (const [what, instead] of cuts) {
        if (contents.search(what) < 0) return { errors: [{ text: `this uPlot has nothing like ${what}` }] };
        contents = contents.replace(what, instead);
      }
      return { contents, loader: "js" };
    });
  },
};
