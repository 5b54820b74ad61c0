// Made-up metrics, in the binary form in which Python sends them.

import type { PointsMessage } from "../shared/types";

type Point = [step: number, value: number, seconds: number];

/** A message and its buffers, as `msg:custom` hands them over. */
export function message(seq: number, series: Record<string, Point[]>, reset = false): [PointsMessage, DataView[]] {
  const names = Object.keys(series);
  return [
    { kind: "points", seq, reset, series: names.map((name) => ({ name, n: series[name]?.length ?? 0 })) },
    names.map((name) => new DataView(new Float64Array((series[name] ?? []).flat()).buffer)),
  ];
}

/** A loss that falls with noise, the same each time. */
export function falling(steps: number, { spike = -1, every = 1, floor = 0.8 } = {}): Point[] {
  let state = 7;
  const random = () => {
    state = (state * 16807) % 2147483647;
    return state / 2147483647 - 0.5;
  };
  return Array.from({ length: Math.floor(steps / every) }, (_, at) => {
    const step = (at + 1) * every;
    const value = floor + 2.1 * Math.exp((-4 * step) / steps) + 0.22 * random();
    return [step, step === spike ? value + 1.1 : value, step * 3.4];
  });
}

export const curves: Record<string, Record<string, Point[]>> = {
  none: {},
  first: { "train/loss": [[1, 2.91, 3.4]] },
  half: {
    "train/loss": falling(240, { spike: 96 }).slice(0, 118),
    "eval/loss": falling(240, { every: 20, floor: 0.9 }).slice(0, 5),
  },
  many: { "train/loss": falling(5000, { spike: 3100 }), "eval/loss": falling(5000, { every: 250, floor: 0.95 }) },
  nan: { "train/loss": [...falling(240).slice(0, 60), [61, Number.NaN, 208], [62, Number.NaN, 211]] },
};
