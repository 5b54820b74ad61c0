// A series of a machine's measurements as a small shape: what an SVG path says of it.

import { minMax } from "../shared/decimate";
import type { Series } from "../shared/points";

/** The box that is drawn into; it is stretched to the width there is. */
export const box = { width: 960, height: 56 };
/** Of it above the most: a line that lies at 100 % is whole. */
const air = 2;

/** Where on time a plot begins and ends. */
export interface Span {
  from: number;
  to: number;
}

/** From the first to the last measurement of both; null while there are none. */
export function spanOf(...drawn: Readonly<Series>[]): Span | null {
  const seconds = drawn.flatMap(({ seconds }) => (seconds.length > 0 ? [seconds[0] ?? 0, seconds.at(-1) ?? 0] : []));
  return seconds.length > 0 ? { from: Math.min(...seconds), to: Math.max(...seconds) } : null;
}

/** The lines of a series against `most`, one for each stretch without a gap. */
export function strokes({ seconds, values }: Readonly<Series>, span: Span, most: number): [x: number, y: number][][] {
  const wide = span.to - span.from || 1;
  const found: [number, number][][] = [[]];
  for (const at of minMax(values, 0, values.length, box.width)) {
    const value = values[at] ?? Number.NaN;
    if (!Number.isFinite(value)) {
      found.push([]);
      continue;
    }
    const x = (((seconds[at] ?? span.from) - span.from) / wide) * box.width;
    const y = air + (box.height - air) * (1 - Math.max(0, Math.min(1, most > 0 ? value / most : 0)));
    found.at(-1)?.push([round(x), round(y)]);
  }
  return found.filter((stroke) => stroke.length > 0);
}

export const linePath = (lines: [number, number][][]) =>
  lines.map((line) => `M${line.map((point) => point.join(" ")).join("L")}${line.length === 1 ? "h1" : ""}`).join("");

/** The same, filled down to zero. */
export const areaPath = (lines: [number, number][][]) =>
  lines
    .map((line) => {
      const ends = [line[0]?.[0] ?? 0, line.at(-1)?.[0] ?? 0];
      return `M${ends[0]} ${box.height}L${line.map((point) => point.join(" ")).join("L")}L${ends[1]} ${box.height}Z`;
    })
    .join("");

const round = (value: number) => Math.round(value * 10) / 10;
