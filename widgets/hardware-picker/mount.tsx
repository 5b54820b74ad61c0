// The picker alone in a cell. Nothing is confirmed there, and only where Python says so can another plan be asked for.

import type { PlanView } from "../shared/plan-types";
import { Solo, type SoloHost } from "../shared/solo";
import { draw } from "../shared/ui";
import { css, HardwarePicker } from "./render";

export function mount(root: HTMLElement, host: SoloHost<PlanView>, signal: AbortSignal): void {
  draw(
    root,
    [css],
    <Solo
      title="Plan"
      testid="tunebook-hardware-picker"
      empty="No plan yet."
      snapshot={host.snapshot}
      body={(view, { decides, problem }) => (
        <HardwarePicker view={view} send={decides ? host.send : null} problem={problem} looked ask={host.send} />
      )}
    />,
    signal,
  );
}
