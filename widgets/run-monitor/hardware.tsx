// How much of a rented machine is used: a small plot along time, read where the pointer is, here or in the curves.

import type { TargetedPointerEvent } from "preact";
import { useEffect, useMemo, useReducer, useState } from "preact/hooks";
import { unknown } from "../shared/format";
import { lowerBound, type Points, type Series } from "../shared/points";
import type { Store } from "../shared/store";
import type { HardwareView } from "../shared/types";
import { ownKeys, Shown, useValue } from "../shared/ui";
import { areaPath, box, linePath, spanOf, strokes } from "./sparkline";
import { clock } from "./ticks";

interface Props {
  view: HardwareView;
  points: Points;
  /** Seconds since the run began that are looked at in the curves; null where the pointer is elsewhere. */
  pointer: Store<number | null>;
}

export function Hardware({ view, points, pointer }: Props) {
  const seen = useSeries(points, view);
  const elsewhere = useValue(pointer);
  const [own, setOwn] = useState<number | null>(null);
  const span = spanOf(seen.use, seen.memory);
  const asked = own ?? elsewhere;
  const at = span && asked !== null && asked >= span.from && asked <= span.to ? asked : null;
  const shown = at === null ? view.shown : { use: valueAt(seen.use, at), memory: valueAt(seen.memory, at) };
  const most = view.total ?? Math.max(0, ...seen.memory.values.filter(Number.isFinite));
  const drawn = useMemo(
    () =>
      span && {
        use: linePath(strokes(seen.use, span, 100)),
        memory: areaPath(strokes(seen.memory, span, most)),
      },
    [seen, most],
  );
  const onPointerMove = (event: TargetedPointerEvent<HTMLElement>) => {
    const { left, width } = event.currentTarget.getBoundingClientRect();
    if (span && width > 0) setOwn(span.from + ((event.clientX - left) / width) * (span.to - span.from));
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const by = event.key === "ArrowRight" ? 1 : event.key === "ArrowLeft" ? -1 : 0;
    if (by === 0 && event.key !== "Escape") return;
    event.preventDefault();
    setOwn(by === 0 ? null : moved(seen.use, at, by * (event.shiftKey ? 10 : 1)));
  };
  const words = `${view.title} ${percentWords(shown.use)}, ${memoryWords(shown.memory, view.total)}`;
  return (
    <div class="tb-hardware">
      <div class="tb-chart-head">
        <h3>
          <Shown text={view.title} />
        </h3>
        <span class="tb-key tb-small">
          <span>
            <svg viewBox="0 0 14 12" class="tb-accent" aria-hidden="true">
              <path d="M0 6h14" />
            </svg>
            use <b>{percentWords(shown.use)}</b>
          </span>
          <span>
            <svg viewBox="0 0 14 12" aria-hidden="true">
              <path class="tb-hardware-memory" d="M1 1h12v10H1Z" />
            </svg>
            memory <b>{memoryWords(shown.memory, view.total)}</b>
          </span>
        </span>
      </div>
      <div class="tb-hardware-plot" onBlurCapture={() => setOwn(null)} {...ownKeys(onKeyDown)}>
        <span class="tb-label">100 %</span>
        <span class="tb-label">0</span>
        <div
          class="tb-hardware-canvas"
          // biome-ignore lint/a11y/noNoninteractiveTabindex: arrow keys read it measurement by measurement
          tabIndex={0}
          role="img"
          aria-label={words}
          onPointerMove={onPointerMove}
          onPointerLeave={() => setOwn(null)}
        >
          <svg viewBox={`0 0 ${box.width} ${box.height}`} preserveAspectRatio="none" aria-hidden="true">
            <path class="tb-hardware-memory" d={drawn?.memory ?? ""} />
            <path class="tb-hardware-use" d={drawn?.use ?? ""} />
          </svg>
          {span && at !== null && <i style={{ left: `${(100 * (at - span.from)) / (span.to - span.from || 1)}%` }} />}
        </div>
      </div>
      <p class="tb-label tb-hardware-foot">
        <span>{span ? `from ${clock(span.from)}` : ""}</span>
        <span>{at === null ? <Shown text={view.note} /> : `at ${clock(at)}`}</span>
        <span>{span ? `to ${clock(span.to)}` : ""}</span>
      </p>
    </div>
  );
}

interface Seen {
  use: Readonly<Series>;
  memory: Readonly<Series>;
}

/** Both series as they grow, looked at once a frame at most: a burst of messages is one drawing. */
function useSeries(points: Points, { use, memory }: HardwareView): Seen {
  const [version, grown] = useReducer((count: number, _: undefined) => count + 1, 0);
  useEffect(() => {
    const end = new AbortController();
    let frame = 0;
    const changed = () => {
      cancelAnimationFrame(frame);
      frame = requestAnimationFrame(() => grown(undefined));
    };
    points.subscribe(changed, end.signal);
    changed();
    return () => {
      cancelAnimationFrame(frame);
      end.abort();
    };
  }, [points]);
  return useMemo(() => ({ use: points.series(use), memory: points.series(memory) }), [points, use, memory, version]);
}

/** The measurement nearest to a time; null in a gap. */
function valueAt({ seconds, values }: Readonly<Series>, time: number): number | null {
  const value = values[indexAt(seconds, time)] ?? Number.NaN;
  return Number.isFinite(value) ? value : null;
}

function indexAt(seconds: readonly number[], time: number): number {
  const right = Math.min(lowerBound(seconds, time), seconds.length - 1);
  const left = Math.max(0, right - 1);
  return time - (seconds[left] ?? 0) < (seconds[right] ?? 0) - time ? left : right;
}

/** The time `by` measurements on; from nowhere the first or the last. */
function moved({ seconds }: Readonly<Series>, time: number | null, by: number): number | null {
  const from = time === null ? (by > 0 ? -1 : seconds.length) : indexAt(seconds, time);
  return seconds[Math.max(0, Math.min(seconds.length - 1, from + by))] ?? null;
}

/** Whole percents, and one decimal of a GiB: a live value does not dance. */
const percentWords = (value: number | null) => (value === null ? unknown : `${Math.round(value)} %`);

function memoryWords(value: number | null, total: number | null): string {
  const used = value === null ? unknown : value.toFixed(value < 99.95 ? 1 : 0);
  return total === null ? `${used} GiB` : `${used} of ${Number(total.toFixed(total < 99.95 ? 1 : 0))} GiB`;
}
