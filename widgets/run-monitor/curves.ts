// From raw points to what one frame draws: window, smoothing, decimation, and the aligned table that uPlot wants.

import uPlot from "uplot";
import { minMax, smooth } from "../shared/decimate";
import { lowerBound, type Points, type Series } from "../shared/points";

export type Axis = "step" | "time";

export interface Look {
  smoothing: number; // 0 to below 1
  log: boolean;
  axis: Axis;
}

/** What is drawn of one frame in all: a plot of this width cannot show more. */
const budget = { raw: 1300, smoothed: 500, heldOut: 200 };

export const training = "train/loss";
export const heldOut = "eval/loss";

export function along(series: Readonly<Series>, axis: Axis): readonly number[] {
  return axis === "step" ? series.steps : series.seconds;
}

/**
 * The table [x, training, smoothed training, held out] for the window `from` to `to` on the axis.
 * A value that was not finite, or has no logarithm on a log scale, is a gap.
 */
export function table(points: Points, look: Look, window: { from: number; to: number } | null): uPlot.AlignedData {
  const train = points.series(training);
  const smoothed = look.smoothing > 0 ? { ...train, values: smooth(train.values, look.smoothing) } : train;
  return uPlot.join(
    [
      cut(train, look, window, budget.raw),
      cut(smoothed, look, window, look.smoothing > 0 ? budget.smoothed : 0),
      cut(points.series(heldOut), look, window, budget.heldOut),
    ],
    // 1: a null of ours is a gap that stays; an x that one series lacks is spanned.
    [
      [0, 1],
      [0, 1],
      [0, 1],
    ],
  );
}

function cut(
  series: Readonly<Series>,
  { axis, log }: Look,
  window: { from: number; to: number } | null,
  limit: number,
): uPlot.AlignedData {
  if (limit === 0) return [[], []];
  const x = along(series, axis);
  // One more on each side, so that the line runs out of the window instead of ending in it.
  const from = window ? Math.max(0, lowerBound(x, window.from) - 1) : 0;
  const to = window ? Math.min(x.length, lowerBound(x, window.to) + 2) : x.length;
  const kept = minMax(series.values, from, Math.max(from, to), limit);
  return [
    kept.map((at) => x[at] ?? 0),
    kept.map((at) => {
      const value = series.values[at] ?? Number.NaN;
      return Number.isFinite(value) && (!log || value > 0) ? value : null;
    }),
  ];
}

/** Index of the point nearest to `x`, or -1 where there is none. */
export function nearest(sorted: readonly number[], x: number): number {
  if (sorted.length === 0) return -1;
  const right = Math.min(lowerBound(sorted, x), sorted.length - 1);
  const left = Math.max(0, right - 1);
  return Math.abs((sorted[left] ?? 0) - x) <= Math.abs((sorted[right] ?? 0) - x) ? left : right;
}
