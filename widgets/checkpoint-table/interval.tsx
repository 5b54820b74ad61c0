// A score and its 95 % interval on the axis that all rows share, against the base's dotted line.

import { number } from "../shared/format";
import type { CompareView } from "../shared/types";

type Row = CompareView["rows"][number];

export interface Axis {
  low: number;
  high: number;
}

/**
 * The axis for these rows: round ends that hold every interval. It starts at 0 where that costs no more than
 * half of the room, and a share's axis never leaves 0 to 1.
 */
export function axisOf(rows: readonly Row[]): Axis {
  const values = rows.flatMap((row) => [row.ci[0], row.ci[1], row.score]).filter(Number.isFinite);
  if (values.length === 0) return { low: 0, high: 1 };
  const least = Math.min(...values);
  const most = Math.max(...values);
  const span = most - least || Math.abs(most) || 1;
  const dust = 1e-9; // 0.94 / 0.02 is a little under 47
  const step = roundStep(span / 4);
  const fromZero = least >= 0 && least <= span;
  const shares = rows.every((row) => row.passed !== null) && least >= 0 && most <= 1;
  const low = fromZero ? 0 : Math.floor(least / step + dust) * step;
  const high = Math.ceil(most / step - dust) * step;
  if (high <= low) return { low: tidy(low), high: tidy(low + step) };
  return { low: tidy(low), high: tidy(shares ? Math.min(high, 1) : high) };
}

/** 1, 2 or 5 times a power of ten, at least `rough`. */
function roundStep(rough: number): number {
  const power = 10 ** Math.floor(Math.log10(rough));
  return ([1, 2, 5].find((factor) => factor * power >= rough) ?? 10) * power;
}

/** Without the dust of binary fractions: 0.6000000000000001 is 0.6. */
function tidy(value: number): number {
  return Number(value.toPrecision(12));
}

export function Interval({ row, axis, base }: { row: Row; axis: Axis; base: number | null }) {
  const span = axis.high - axis.low || 1;
  const place = (value: number) => `${(Math.max(0, Math.min(1, (value - axis.low) / span)) * 100).toFixed(2)}%`;
  const [low, high] = row.ci;
  const words = `${number(row.score)}, between ${number(low)} and ${number(high)}`;
  return (
    <svg class="tb-interval" role="img" aria-label={words}>
      <title>{words}</title>
      {base !== null && <line class="tb-base" x1={place(base)} x2={place(base)} y1="0" y2="100%" />}
      <line x1={place(low)} x2={place(high)} y1="50%" y2="50%" />
      {[low, high].map((end) => (
        <svg key={end} x={place(end)} y="50%" overflow="visible" aria-hidden="true">
          <line x1="0" x2="0" y1="-3" y2="3" />
        </svg>
      ))}
      <circle cx={place(row.score)} cy="50%" r="4" />
    </svg>
  );
}
