// The curves of a run with their controls: one beside the other, read at one step, and in one fixed line where that is.

import { useEffect, useMemo, useState } from "preact/hooks";
import { count, duration } from "../shared/format";
import type { Points } from "../shared/points";
import type { Store } from "../shared/store";
import type { Curve, RunView } from "../shared/types";
import { ownKeys, Shown } from "../shared/ui";
import type { Readout } from "./chart";
import { type Look, valuesAt, type Window, words } from "./curves";
import { Plot } from "./plot";

export interface LossProps {
  points: Points;
  curves: Curve[];
  note: string;
  marks: RunView["marks"];
  maxSteps: number | null;
  /** Told where the pointer is, in seconds since the run began: what lies along time is read there as well. */
  pointer: Store<number | null>;
}

export function Loss({ points, curves, note, marks, maxSteps, pointer }: LossProps) {
  const [look, setLook] = useState<Look>({ smoothing: 0.6, log: false, axis: "step" });
  const [readout, setReadout] = useState<Readout | null>(null);
  const [window, setWindow] = useState<Window>(null);
  const state = useMemo(() => ({ look, marks, maxSteps, window }), [look, marks, maxSteps, window]);
  useEffect(() => pointer.set(readout && Number.isFinite(readout.seconds) ? readout.seconds : null), [readout]);
  const controls = <Controls look={look} setLook={setLook} logarithmic={curves.some(({ kind }) => kind === "loss")} />;
  const alone = curves.length === 1;
  const serious = marks.filter((mark) => mark.level !== "note");
  return (
    <figure class="tb-chart">
      {!alone && (
        <figcaption class="tb-chart-head">
          <Note text={note} />
          {controls}
        </figcaption>
      )}
      <div class="tb-curves">
        {curves.map((curve) => (
          <Plot
            key={curve.train}
            controls={alone && controls}
            {...{ points, curve, state, readout, setReadout, setWindow }}
          />
        ))}
      </div>
      <div class="tb-chart-foot">
        <p class="tb-label tb-readout" role="status">
          {readout ? <At {...{ readout, points, curves }} /> : "Drag to look closer, arrow keys to read"}
        </p>
        {window && (
          <button type="button" class="tb-link tb-small" onClick={() => setWindow(null)}>
            whole run
          </button>
        )}
        <Choice
          options={["step", "time"]}
          value={look.axis}
          label="horizontal axis"
          choose={(axis) => {
            // Another axis has other numbers: the old window means nothing there.
            if (axis !== look.axis) setWindow(null);
            setLook({ ...look, axis });
          }}
        />
      </div>
      {alone && <Note text={note} />}
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

const Note = ({ text }: { text: string }) =>
  text ? (
    <p class="tb-label tb-chart-note">
      <Shown text={text} />
    </p>
  ) : null;

interface ControlsProps {
  look: Look;
  setLook: (look: Look) => void;
  /** Whether anything drawn has a logarithm. */
  logarithmic: boolean;
}

function Controls({ look, setLook, logarithmic }: ControlsProps) {
  return (
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
      {logarithmic && (
        <span class="tb-choice">
          <button type="button" aria-pressed={look.log} onClick={() => setLook({ ...look, log: !look.log })}>
            log
          </button>
        </span>
      )}
    </span>
  );
}

/** Where the pointer is, and what was measured there. */
function At({ readout, points, curves }: { readout: Readout; points: Points; curves: Curve[] }) {
  return (
    <>
      step {count(readout.step)}
      {Number.isFinite(readout.seconds) && `, after ${duration(readout.seconds)}`}
      {curves.map((curve) => {
        const { training, heldOut } = valuesAt(points, curve, readout.step);
        const named = curves.length > 1 ? curve.title.toLowerCase() : "training";
        return (
          <>
            {training !== null && `, ${named} ${words(curve.kind, training)}`}
            {heldOut !== null && `, held out ${words(curve.kind, heldOut)}`}
          </>
        );
      })}
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
