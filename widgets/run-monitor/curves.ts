// From raw points to what one frame draws: window, smoothing, decimation, and the aligned table that uPlot wants.

import uPlot from "uplot";
import { minMax, smooth } from "../shared/decimate";
import { loss, percent } from "../shared/format";
import { lowerBound, type Points, type Series } from "../shared/points";
import type { Curve } from "../shared/types";

export type Axis = "step" | "time";

export interface Look {
  smoothing: number; // 0 to below 1
  log: boolean;
  axis: Axis;
}

/** What is looked at of the axis; null for all of it. */
export type Window = { from: number; to: number } | null;

/** What is drawn of one frame in all: a plot of this width cannot show more. */
const budget = { raw: 1300, smoothed: 500, heldOut: 200 };

export const lossCurve: Curve = { title: "Loss", kind: "loss", train: "train/loss", held_out: "eval/loss" };

export function along(series: Readonly<Series>, axis: Axis): readonly number[] {
  return axis === "step" ? series.steps : series.seconds;
}

/**
 * The table [x, training, smoothed training, held out] for the window `from` to `to` on the axis.
 * A value that was not finite, or has no logarithm on a log scale, is a gap.
 */
export function table(points: Points, look: Look, window: Window, curve = lossCurve): uPlot.AlignedData {
  const train = points.series(curve.train);
  const smoothed = look.smoothing > 0 ? { ...train, values: smooth(train.values, look.smoothing) } : train;
  return uPlot.join(
    [
      cut(train, look, window, budget.raw),
      cut(smoothed, look, window, look.smoothing > 0 ? budget.smoothed : 0),
      cut(points.series(curve.held_out), look, window, budget.heldOut),
    ],
    // 1: a null of ours is a gap that stays; an x that one series lacks is spanned.
    [
      [0, 1],
      [0, 1],
      [0, 1],
    ],
  );
}

function cut(series: Readonly<Series>, { axis, log }: Look, window: Window, limit: number): uPlot.AlignedData {
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

/** What was measured at a step, raw and not smoothed; of `null` the newest. A value that was not finite is NaN. */
export function valuesAt(points: Points, curve: Curve, step: number | null): Values {
  const value = (name: string) => {
    if (step === null) return points.last(name)?.value ?? null;
    const { steps, values } = points.series(name);
    const at = lowerBound(steps, step);
    return steps[at] === step ? (values[at] ?? null) : null;
  };
  return { training: value(curve.train), heldOut: value(curve.held_out) };
}

export interface Values {
  training: number | null;
  heldOut: number | null;
}

/** A value in the words of its curve; "" where there is none. */
export function words(kind: Curve["kind"], value: number | null): string {
  if (value === null) return "";
  return Number.isFinite(value) ? (kind === "share" ? percent(value) : loss(value)) : "not finite";
}
