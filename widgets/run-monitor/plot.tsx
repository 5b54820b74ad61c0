// One curve with its key: the values under the pointer, wherever it is, else the newest.

import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import type { Points } from "../shared/points";
import type { Curve } from "../shared/types";
import { ownKeys } from "../shared/ui";
import { type ChartState, CurveChart, type Readout } from "./chart";
import { type Values, valuesAt, type Window, words } from "./curves";

interface Props {
  points: Points;
  curve: Curve;
  state: ChartState;
  readout: Readout | null;
  setReadout: (readout: Readout | null) => void;
  setWindow: (window: Window) => void;
  /** What stands at the right end of its head. */
  controls?: ComponentChildren;
}

export function Plot({ points, curve, state, readout, setReadout, setWindow, controls }: Props) {
  const last = useLast(points, curve);
  const place = useRef<HTMLDivElement>(null);
  const chart = useRef<CurveChart | null>(null);
  const own = useRef<Readout | null>(null); // what this chart itself has told

  useEffect(() => {
    const end = new AbortController();
    const onReadout = (told: Readout | null) => {
      own.current = told;
      setReadout(told);
    };
    if (place.current) {
      chart.current = new CurveChart(place.current, { points, curve, state, onReadout, onZoom: setWindow }, end.signal);
    }
    return () => {
      chart.current = null;
      end.abort();
    };
    // The chart is made once for a curve of these points; what changes reaches it below.
  }, [points, curve.train, curve.held_out, curve.kind]);
  useEffect(() => chart.current?.update(state), [state]);
  useEffect(() => {
    if (readout !== own.current) chart.current?.follow(readout?.step ?? null);
  }, [readout]);

  const onKeyDown = (event: KeyboardEvent) => {
    const by = event.key === "ArrowRight" ? 1 : event.key === "ArrowLeft" ? -1 : 0;
    if (by === 0 && event.key !== "Escape") return;
    event.preventDefault();
    if (by === 0) setWindow(null);
    else chart.current?.moveCursor(event.shiftKey ? by * 10 : by);
  };
  const empty = last.training === null && last.heldOut === null;
  return (
    <div class="tb-curve">
      <div class="tb-chart-head">
        <h3>{curve.title}</h3>
        <Key kind={curve.kind} values={readout ? valuesAt(points, curve, readout.step) : last} />
        {controls}
      </div>
      {/* biome-ignore lint/a11y/noStaticElementInteractions: Escape, arrow keys and the button below do the same */}
      <div class="tb-plot" onDblClick={() => setWindow(null)} {...ownKeys(onKeyDown)}>
        {/* biome-ignore lint/a11y/noNoninteractiveTabindex: arrow keys read the curve point by point */}
        <div class="tb-canvas" ref={place} tabIndex={0} role="img" aria-label={spoken(curve, last)} />
        {empty && <span class="tb-plot-empty tb-muted">No {curve.title.toLowerCase()} yet</span>}
      </div>
    </div>
  );
}

/** The newest values, read once a frame at most. */
function useLast(points: Points, curve: Curve): Values {
  const [last, setLast] = useState(() => valuesAt(points, curve, null));
  useEffect(() => {
    const end = new AbortController();
    const changed = () => setLast(valuesAt(points, curve, null));
    points.subscribe(changed, end.signal);
    changed();
    return () => end.abort();
  }, [points, curve.train, curve.held_out]);
  return last;
}

function spoken({ title, kind }: Curve, { training, heldOut }: Values): string {
  if (training === null && heldOut === null) return `${title} curve, no points yet`;
  const parts = [
    training !== null && ` Training ${words(kind, training)}.`,
    heldOut !== null && ` Held out ${words(kind, heldOut)}.`,
  ];
  return `${title} curve.${parts.filter(Boolean).join("")}`;
}

/** Line and ring with their values. */
function Key({ kind, values }: { kind: Curve["kind"]; values: Values }) {
  return (
    <span class="tb-key tb-small">
      <span>
        <svg viewBox="0 0 14 12" class="tb-accent" aria-hidden="true">
          <path d="M0 6h14" />
        </svg>
        training <b>{words(kind, values.training)}</b>
      </span>
      <span>
        <svg viewBox="0 0 14 12" class="tb-second" aria-hidden="true">
          <circle cx="7" cy="6" r="3.5" />
        </svg>
        held out <b>{words(kind, values.heldOut)}</b>
      </span>
    </span>
  );
}
