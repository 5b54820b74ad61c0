// The run's metrics as raw floats. They arrive as binary messages, live here only, and never go back to Python.

import { Watchers } from "./store";
import type { PointsMessage } from "./types";

/** Three columns of equal length, ascending by step. */
export interface Series {
  steps: number[];
  values: number[]; // NaN where the value was not finite
  seconds: number[]; // since the run began
}

const emptySeries: Readonly<Series> = { steps: [], values: [], seconds: [] };

/**
 * Append-only series by name. A message that comes twice or late changes nothing for the worse: points are merged by
 * step, so only a lost message needs repair, and a gap in `seq` asks for it once.
 */
export class Points {
  readonly #series = new Map<string, Series>();
  readonly #watchers = new Watchers();
  readonly #missed: (since: number) => void;
  #seq = 0;
  #asked = false;

  /** `missed(since)` is called when a message was lost: ask Python for all after `since`. */
  constructor(missed: (since: number) => void) {
    this.#missed = missed;
  }

  get seq(): number {
    return this.#seq;
  }

  series(name: string): Readonly<Series> {
    return this.#series.get(name) ?? emptySeries;
  }

  last(name: string): { step: number; value: number; seconds: number } | null {
    const { steps, values, seconds } = this.series(name);
    const at = steps.length - 1;
    return at < 0 ? null : { step: steps[at] ?? 0, value: values[at] ?? Number.NaN, seconds: seconds[at] ?? 0 };
  }

  subscribe(changed: () => void, signal: AbortSignal): void {
    this.#watchers.add(changed, signal);
  }

  /** Asks for everything: the first message after mounting. */
  askAll(): void {
    this.#asked = true;
    this.#missed(0);
  }

  receive(message: PointsMessage, buffers: readonly DataView[]): void {
    const gap = !message.reset && message.seq > this.#seq + 1;
    if (message.reset) this.#series.clear();
    if (gap && !this.#asked) {
      this.#asked = true;
      this.#missed(this.#seq);
    } else {
      this.#asked = false;
    }
    this.#seq = message.reset ? message.seq : Math.max(this.#seq, message.seq);
    message.series.forEach(({ name, n }, at) => {
      const buffer = buffers[at];
      if (buffer) merge(this.#open(name), decode(buffer, n));
    });
    this.#watchers.notify();
  }

  #open(name: string): Series {
    const found = this.#series.get(name);
    if (found) return found;
    const made: Series = { steps: [], values: [], seconds: [] };
    this.#series.set(name, made);
    return made;
  }
}

/** `n` points of three little-endian float64, or as many as the buffer holds. */
export function decode(buffer: DataView, n: number): Series {
  const points: Series = { steps: [], values: [], seconds: [] };
  const whole = Math.min(n, Math.floor(buffer.byteLength / 24));
  for (let at = 0; at < whole; at += 1) {
    points.steps.push(buffer.getFloat64(at * 24, true));
    points.values.push(buffer.getFloat64(at * 24 + 8, true));
    points.seconds.push(buffer.getFloat64(at * 24 + 16, true));
  }
  return points;
}

/** Adds `more` to `series`, in order of step; a step that is there already takes the new value. */
function merge(series: Series, more: Series): void {
  for (let at = 0; at < more.steps.length; at += 1) {
    const step = more.steps[at] ?? Number.NaN;
    if (Number.isNaN(step)) continue;
    const place = lowerBound(series.steps, step);
    const replaced = series.steps[place] === step ? 1 : 0;
    if (place === series.steps.length) {
      series.steps.push(step);
      series.values.push(more.values[at] ?? Number.NaN);
      series.seconds.push(more.seconds[at] ?? Number.NaN);
    } else {
      series.steps.splice(place, replaced, step);
      series.values.splice(place, replaced, more.values[at] ?? Number.NaN);
      series.seconds.splice(place, replaced, more.seconds[at] ?? Number.NaN);
    }
  }
}

/** The first index whose value is at least `wanted`; the usual case, a new last step, is answered at once. */
export function lowerBound(sorted: readonly number[], wanted: number): number {
  let high = sorted.length;
  if (high === 0 || (sorted[high - 1] ?? 0) < wanted) return high;
  let low = 0;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((sorted[middle] ?? 0) < wanted) low = middle + 1;
    else high = middle;
  }
  return low;
}
