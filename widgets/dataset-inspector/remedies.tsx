// What a person can decide about the data by a click: a finding's remedy, and to take back what was chosen.
// It is written into the spec; the file stays as it is. Beside each button stand the lines that do the same in a cell.

import { useRef } from "preact/hooks";
import { counted } from "../shared/format";
import { Press } from "../shared/press";
import type { Problem, Request, DataView as View } from "../shared/types";
import { CopyButton, Shown } from "../shared/ui";

export interface Decide {
  send: (request: Request) => boolean;
  /** What went wrong last: it answers a press, as another view does. */
  problem: Problem | null;
}

/** What a press is about: the same however often the same view is sent. */
const offered = ({ findings, chosen }: View, { problem }: Decide) =>
  JSON.stringify([findings.map(({ key }) => key), chosen, problem]);

/** The remedy of a finding, where there is one that is safe. */
export function Remedy({ finding, view, decide }: { finding: View["findings"][number]; view: View; decide: Decide }) {
  if (!finding.fix) return null;
  return (
    <p class="tb-remedy">
      <Press
        label={finding.fix.label}
        busy="Looking again"
        class="tb-button tb-small"
        offer={offered(view, decide)}
        ask={() => decide.send({ kind: "fix", finding: finding.key })}
      />{" "}
      <span class="tb-small tb-muted">
        as <Shown text={finding.fix.lines.join(", ")} class="tb-mono" />
      </span>
    </p>
  );
}

/** What was chosen by clicks, as the lines to keep it by, and a way back. */
export function Chosen({ view, decide }: { view: View; decide: Decide }) {
  const lines = useRef<HTMLElement>(null);
  if (view.chosen.length === 0) return null;
  const text = view.chosen.map(({ line }) => line).join("\n");
  return (
    <div class="tb-chosen">
      <p class="tb-small">
        <b>Chosen here.</b>{" "}
        <span class="tb-muted">
          {view.left_out > 0 && `${counted(view.left_out, "row is", "rows are")} left out; the file stays as it is. `}
          Write this into the cell to keep it:
        </span>
      </p>
      <div class="tb-lengths-line">
        <code ref={lines}>
          <Shown text={text} />
        </code>
        <CopyButton text={text} fallback={() => lines.current} />
      </div>
      {view.chosen.map(({ field }) => (
        <Press
          key={field}
          label={view.chosen.length > 1 ? `Take ${field} back` : "Take it back"}
          busy="Looking again"
          class="tb-link tb-small"
          offer={offered(view, decide)}
          ask={() => decide.send({ kind: "take_back", field })}
        />
      ))}
    </div>
  );
}
