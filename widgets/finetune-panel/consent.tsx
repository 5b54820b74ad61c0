// The buttons that change the run.

import { Press } from "../shared/press";
import type { PanelSnapshot, Problem, Request } from "../shared/types";

interface Props {
  testid: string;
  control: PanelSnapshot["confirm"];
  /** What the press asks for; null where it cannot be asked. */
  request: Request | null;
  /** Shown while the answer is awaited: "Starting". */
  busy: string;
  send: (request: Request) => boolean;
  /** What went wrong last: a new one is an answer too. */
  problem: Problem | null;
  primary?: boolean;
}

export function RunButton({ testid, control, request, busy, send, problem, primary = false }: Props) {
  return (
    <Press
      testid={testid}
      class={`tb-button ${primary ? "tb-primary" : ""}`}
      label={control?.label ?? ""}
      busy={busy}
      // Another label, plan or problem is another question, and may be answered anew.
      offer={control ? JSON.stringify([control, request, problem]) : ""}
      hidden={control === null}
      ask={control?.enabled && request ? () => send(request) : null}
    />
  );
}
