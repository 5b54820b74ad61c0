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

/** A share or a reward that rises from `from` to `to`, with noise. */
function rising(steps: number, from: number, to: number, { every = 1, noise = 0.12 } = {}): Point[] {
  return falling(steps, { every, floor: 0 }).map(([step, value, seconds]) => {
    const without = 2.1 * Math.exp((-4 * step) / steps);
    const mean = to - (to - from) * (without / 2.1);
    return [step, Math.max(0, Math.min(1, mean + ((value - without) / 0.22) * 2 * noise)), seconds];
  });
}

/** A machine that loads the model for a minute and a half, works, and waits a little each time it saves. */
function machine(seconds: number, base: number): Record<string, Point[]> {
  const noise = falling(seconds, { floor: 0 }).map(([step, value]) => value - 2.1 * Math.exp((-4 * step) / seconds));
  const share = (at: number) => (at < 90 ? 0 : at % 130 > 122 ? 0.12 : 0.88);
  const each = (value: (at: number, noise: number) => number): Point[] =>
    noise.map((one, at) => [at, value(at, one), 40 + at]);
  return {
    "hardware/gpu_pct": each((at, one) => Math.max(0, Math.min(100, 100 * share(at) + (at < 90 ? 0 : 60 * one)))),
    "hardware/gpu_memory_gib": each((at) =>
      at < 40 ? 0.4 : at < 90 ? (base * (at - 40)) / 60 : base + (at % 130) / 200,
    ),
    "hardware/cpu_pct": each((at, one) => Math.max(0, (at < 90 ? 71 : 24) + 40 * one)),
    "hardware/memory_gib": each((at) => 3 + Math.min(at, 90) / 12),
  };
}

export const curves: Record<string, Record<string, Point[]>> = {
  none: {},
  first: { "train/loss": [[1, 2.91, 3.4]] },
  half: {
    "train/loss": falling(240, { spike: 96 }).slice(0, 118),
    "eval/loss": falling(240, { every: 20, floor: 0.9 }).slice(0, 5),
  },
  rented: {
    "train/loss": falling(240, { spike: 96 })
      .map(([step, value, seconds]) => [step, value, seconds + 130])
      .slice(0, 118) as Point[],
    "eval/loss": falling(240, { every: 20, floor: 0.9 })
      .map(([step, value, seconds]) => [step, value, seconds + 130])
      .slice(0, 5) as Point[],
    ...machine(492, 20.8),
  },
  loading: machine(60, 20.8),
  dpo: {
    "train/loss": falling(240, { floor: 0.4 })
      .map(([step, value, seconds]) => [step, 0.35 + value / 7, seconds])
      .slice(0, 118) as Point[],
    "eval/loss": falling(240, { every: 20 })
      .map(([step, value, seconds]) => [step, 0.42 + value / 9, seconds])
      .slice(0, 5) as Point[],
    "train/rewards/accuracies": rising(240, 0.5, 0.83).slice(0, 118),
    "eval/rewards/accuracies": rising(240, 0.5, 0.75, { every: 20, noise: 0.03 }).slice(0, 5),
  },
  grpo: {
    "train/loss": falling(240)
      .map(([step, value, seconds]) => [step, (value - 1) / 1e4, seconds])
      .slice(0, 118) as Point[],
    "train/reward": rising(240, 0.11, 0.55, { noise: 0.09 }).slice(0, 118),
    "eval/reward": rising(240, 0.11, 0.5, { every: 20, noise: 0.02 }).slice(0, 5),
  },
  many: { "train/loss": falling(5000, { spike: 3100 }), "eval/loss": falling(5000, { every: 250, floor: 0.95 }) },
  nan: { "train/loss": [...falling(240).slice(0, 60), [61, Number.NaN, 208], [62, Number.NaN, 211]] },
};
