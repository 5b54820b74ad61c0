// The data as the trainer will see it: what was found on the left, real rows on the right.

import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import { count, counted } from "../shared/format";
import { memo } from "../shared/memo";
import type { DataView as View } from "../shared/types";
import { Shown } from "../shared/ui";
import { Findings, type Props as FindingsProps } from "./findings";
import { Lengths } from "./lengths";
import { Rows } from "./rows";
import css from "./style.css?inline";

export { css };

/** What is said of the data beside its rows. `jump` opens a row, `only` shows the rows of a finding, where there is a table. */
export function Said({ view, jump, only, onPage }: { view: View } & Pick<FindingsProps, "jump" | "only" | "onPage">) {
  return (
    <>
      <Findings findings={view.findings} checks={view.checks} onPage={onPage} jump={jump} only={only} />
      {view.histogram && (
        <Lengths effects={view.lengths} histogram={view.histogram} maxLength={view.max_length} tokens={view.tokens} />
      )}
      <Columns columns={view.columns} />
      <p class="tb-label">
        <Shown text={view.dataset} />, {counted(view.rows, "row", "rows")}
        {view.tokens && `, ${count(view.tokens.total)} tokens`}
      </p>
    </>
  );
}

/** Two columns: what was found, and rows. */
export function Sides({ left, right }: { left: ComponentChildren; right: ComponentChildren }) {
  return (
    <div class="tb-body tb-inspector">
      <div class="tb-inspector-left">{left}</div>
      {right}
    </div>
  );
}

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
    <Sides
      left={<Said view={view} jump={jump} onPage={new Set(page.map((row) => row.index))} />}
      right={<Rows page={page} at={shown} go={setAt} turn={turn} maxLength={view.max_length} />}
    />
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
