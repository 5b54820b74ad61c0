// A run as it goes: the loss as it is measured, a fixed set of facts beside it, a sample, the end of the log.

import type { ComponentChildren } from "preact";
import { useMemo } from "preact/hooks";
import { count } from "../shared/format";
import { memo } from "../shared/memo";
import type { Points } from "../shared/points";
import { Store } from "../shared/store";
import type { RunView } from "../shared/types";
import { Scroll, Shown } from "../shared/ui";
import { Hardware } from "./hardware";
import type { LossProps } from "./loss";
import css from "./style.css?inline";

export { css };

interface Props {
  view: RunView;
  points: Points;
  /** How the curve is drawn; null while that is not here, and `instead` stands in its place. */
  Loss: ((props: LossProps) => ComponentChildren) | null;
  instead?: ComponentChildren;
}

export const RunMonitor = memo(({ view, points, Loss, instead }: Props) => {
  // A value that is watched and not a state: only the small plot is drawn anew where the pointer goes.
  const pointer = useMemo(() => new Store<number | null>(null), []);
  const { curves, note, marks, max_steps } = view;
  return (
    <div class="tb-body tb-run">
      {Loss ? (
        <Loss {...{ points, curves, note, marks, pointer }} maxSteps={max_steps} />
      ) : (
        <div class="tb-chart-to-come">{instead}</div>
      )}
      <div class="tb-run-side">
        {view.rented.length > 0 && <Facts facts={view.rented} />}
        <Facts facts={view.facts} />
        {view.sample && <Sample sample={view.sample} />}
      </div>
      {view.hardware && <Hardware {...{ points, pointer }} view={view.hardware} />}
      <Log lines={view.log} />
    </div>
  );
});

const Facts = ({ facts }: { facts: RunView["facts"] }) => (
  <dl class="tb-facts">
    {facts.map(({ label, value }) => (
      <div key={label}>
        <dt>
          <Shown text={label} />
        </dt>
        <dd>
          <Shown text={value} />
        </dd>
      </div>
    ))}
  </dl>
);

function Sample({ sample }: { sample: NonNullable<RunView["sample"]> }) {
  return (
    <div class="tb-sample">
      <p class="tb-label">sample at step {count(sample.step)}</p>
      <Scroll class="tb-sample-text" label="Sample">
        <p class="tb-small tb-muted">
          <Shown text={sample.prompt} />
        </p>
        <p>
          <Shown text={sample.text} />
        </p>
      </Scroll>
    </div>
  );
}

function Log({ lines }: { lines: string[] }) {
  if (lines.length === 0) return null;
  return (
    <details class="tb-log">
      <summary>{lines.length === 1 ? "Last line" : `Last ${count(lines.length)} lines`} of the log</summary>
      <Scroll class="tb-pre tb-wrap" label="Log">
        {lines.map((line, at) => (
          <div key={at}>
            <Shown text={line} class="tb-mono" />
          </div>
        ))}
      </Scroll>
    </details>
  );
}
