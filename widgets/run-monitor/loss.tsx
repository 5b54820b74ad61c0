// The loss with its controls: key and values above, the chart, and in one fixed line what stands under the pointer.

import { useEffect, useRef, useState } from "preact/hooks";
import { count, duration, loss } from "../shared/format";
import type { Points } from "../shared/points";
import type { RunView } from "../shared/types";
import { ownKeys, Shown } from "../shared/ui";
import { LossChart, type Readout } from "./chart";
import { heldOut, type Look, training } from "./curves";

export interface LossProps {
  points: Points;
  marks: RunView["marks"];
  maxSteps: number | null;
}

export function Loss({ points, marks, maxSteps }: LossProps) {
  const [look, setLook] = useState<Look>({ smoothing: 0.6, log: false, axis: "step" });
  const [readout, setReadout] = useState<Readout | null>(null);
  const [zoomed, setZoomed] = useState(false);
  const last = useLast(points);
  const place = useRef<HTMLDivElement>(null);
  const chart = useRef<LossChart | null>(null);

  useEffect(() => {
    const end = new AbortController();
    if (place.current) {
      const state = { look, marks, maxSteps };
      chart.current = new LossChart(
        place.current,
        { points, state, onReadout: setReadout, onZoom: setZoomed },
        end.signal,
      );
    }
    return () => {
      chart.current = null;
      end.abort();
    };
    // The chart is made once for these points; what changes reaches it below.
  }, [points]);
  useEffect(() => chart.current?.update({ look, marks, maxSteps }), [look, marks, maxSteps]);

  const onKeyDown = (event: KeyboardEvent) => {
    const by = event.key === "ArrowRight" ? 1 : event.key === "ArrowLeft" ? -1 : 0;
    if (by === 0 && event.key !== "Escape") return;
    event.preventDefault();
    if (by === 0) chart.current?.resetZoom();
    else chart.current?.moveCursor(event.shiftKey ? by * 10 : by);
  };
  const serious = marks.filter((mark) => mark.level !== "note");
  return (
    <figure class="tb-chart">
      <figcaption class="tb-chart-head">
        <h3>Loss</h3>
        <Key last={last} readout={readout} />
        <span class="tb-chart-controls">
          <label class="tb-label" {...ownKeys()}>
            smooth
            <input
              type="range"
              min="0"
              max="0.95"
              step="0.05"
              value={look.smoothing}
              onInput={(event) => setLook({ ...look, smoothing: Number(event.currentTarget.value) })}
            />
            <output>{look.smoothing.toFixed(2)}</output>
          </label>
          <span class="tb-choice">
            <button type="button" aria-pressed={look.log} onClick={() => setLook({ ...look, log: !look.log })}>
              log
            </button>
          </span>
        </span>
      </figcaption>
      {/* biome-ignore lint/a11y/noStaticElementInteractions: Escape, arrow keys and the button above do the same */}
      <div class="tb-plot" onDblClick={() => chart.current?.resetZoom()} {...ownKeys(onKeyDown)}>
        {/* biome-ignore lint/a11y/noNoninteractiveTabindex: arrow keys read the curve point by point */}
        <div class="tb-canvas" ref={place} tabIndex={0} role="img" aria-label={spoken(last)} />
        {last.training === null && last.heldOut === null && <span class="tb-plot-empty tb-muted">No loss yet</span>}
      </div>
      <div class="tb-chart-foot">
        <p class="tb-label tb-readout" role="status">
          {readout ? <At readout={readout} /> : "Drag to look closer, arrow keys to read"}
        </p>
        {zoomed && (
          <button type="button" class="tb-link tb-small" onClick={() => chart.current?.resetZoom()}>
            whole run
          </button>
        )}
        <Choice
          options={["step", "time"]}
          value={look.axis}
          label="horizontal axis"
          choose={(axis) => setLook({ ...look, axis })}
        />
      </div>
      {serious.length > 0 && (
        <ul class="tb-unseen">
          {serious.map((mark) => (
            <li key={`${mark.step} ${mark.text}`}>
              {mark.level === "stop" ? "Stopped" : "Care"} at step {count(mark.step)}: <Shown text={mark.text} />
            </li>
          ))}
        </ul>
      )}
    </figure>
  );
}

interface Last {
  training: number | null;
  heldOut: number | null;
}

/** The newest values, read once a frame at most. */
function useLast(points: Points): Last {
  const read = (): Last => ({
    training: points.last(training)?.value ?? null,
    heldOut: points.last(heldOut)?.value ?? null,
  });
  const [last, setLast] = useState(read);
  useEffect(() => {
    const end = new AbortController();
    const changed = () => setLast(read());
    points.subscribe(changed, end.signal);
    changed();
    return () => end.abort();
  }, [points]);
  return last;
}

const value = (of: number | null) => (of === null ? "" : Number.isFinite(of) ? loss(of) : "not finite");

function spoken({ training: train, heldOut: held }: Last): string {
  if (train === null && held === null) return "Loss curve, no points yet";
  return `Loss curve. ${train === null ? "" : `Training ${value(train)}. `}${held === null ? "" : `Held out ${value(held)}.`}`;
}

/** Line and ring with the values under the pointer, else the newest. */
function Key({ last, readout }: { last: Last; readout: Readout | null }) {
  return (
    <span class="tb-key tb-small">
      <span>
        <svg viewBox="0 0 14 12" class="tb-accent" aria-hidden="true">
          <path d="M0 6h14" />
        </svg>
        training <b>{value(readout ? readout.training : last.training)}</b>
      </span>
      <span>
        <svg viewBox="0 0 14 12" class="tb-second" aria-hidden="true">
          <circle cx="7" cy="6" r="3.5" />
        </svg>
        held out <b>{value(readout ? readout.heldOut : last.heldOut)}</b>
      </span>
    </span>
  );
}

function At({ readout }: { readout: Readout }) {
  return (
    <>
      step {count(readout.step)}
      {Number.isFinite(readout.seconds) && `, after ${duration(readout.seconds)}`}
      {readout.training !== null && `, training ${value(readout.training)}`}
      {readout.heldOut !== null && `, held out ${value(readout.heldOut)}`}
      {readout.mark && ": "}
      <Shown text={readout.mark} />
    </>
  );
}

interface ChoiceProps<Name extends string> {
  options: Name[];
  value: Name;
  label: string;
  choose: (name: Name) => void;
}

function Choice<Name extends string>({ options, value: chosen, label, choose }: ChoiceProps<Name>) {
  return (
    // biome-ignore lint/a11y/useSemanticElements: a fieldset cannot stand within a line
    <span class="tb-choice" role="group" aria-label={label}>
      {options.map((name) => (
        <button type="button" key={name} aria-pressed={name === chosen} onClick={() => choose(name)}>
          {name}
        </button>
      ))}
    </span>
  );
}
