// The data as the trainer will see it: what was found on the left, real rows on the right.

import { useState } from "preact/hooks";
import { count, counted } from "../shared/format";
import { memo } from "../shared/memo";
import { Solo, type SoloHost } from "../shared/solo";
import type { DataView as View } from "../shared/types";
import { draw, Shown } from "../shared/ui";
import { Findings } from "./findings";
import { Lengths } from "./lengths";
import { Rows } from "./rows";
import css from "./style.css?inline";

export { css };

export const DatasetInspector = memo(({ view }: { view: View }) => {
  const [at, setAt] = useState(0);
  const page = view.preview;
  const shown = Math.min(at, Math.max(0, page.length - 1));
  // From where the last turn led, though it may not be drawn yet: two keys can come within one frame.
  const turn = (by: number) => setAt((now) => Math.max(0, Math.min(page.length - 1, now + by)));
  const jump = (index: number) => {
    const place = page.findIndex((row) => row.index === index);
    if (place >= 0) setAt(place);
  };
  return (
    <div class="tb-body tb-inspector">
      <div class="tb-inspector-left">
        <Findings
          findings={view.findings}
          checks={view.checks}
          onPage={new Set(page.map((row) => row.index))}
          jump={jump}
        />
        {view.histogram && (
          <Lengths effects={view.lengths} histogram={view.histogram} maxLength={view.max_length} tokens={view.tokens} />
        )}
        <Columns columns={view.columns} />
        <p class="tb-label">
          <Shown text={view.dataset} />, {counted(view.rows, "row", "rows")}
          {view.tokens && `, ${count(view.tokens.total)} tokens`}
        </p>
      </div>
      <Rows page={page} at={shown} go={setAt} turn={turn} maxLength={view.max_length} />
    </div>
  );
});

function Columns({ columns }: { columns: View["columns"] }) {
  return (
    <details>
      <summary>{counted(columns.length, "column", "columns")}</summary>
      <ul class="tb-fold">
        {columns.map(({ name, type, nulls }) => (
          <li key={name}>
            <Shown text={name} class="tb-mono" />{" "}
            <span class="tb-small tb-muted">
              <Shown text={type} />
              {nulls > 0 && `, ${counted(nulls, "is empty", "are empty")}`}
            </span>
          </li>
        ))}
      </ul>
    </details>
  );
}

export function mount(root: HTMLElement, host: SoloHost<View>, signal: AbortSignal): void {
  draw(
    root,
    [css],
    <Solo
      title="Data"
      testid="tunebook-dataset-inspector"
      empty="Nothing read yet."
      snapshot={host.snapshot}
      body={(view) => <DatasetInspector view={view} />}
    />,
    signal,
  );
}
