// The monitor alone in a cell, its chart in the same bundle.

import { Solo, type SoloHost } from "../shared/solo";
import type { RunView } from "../shared/types";
import { draw } from "../shared/ui";
import { Loss } from "./loss";
import { css, RunMonitor } from "./render";

export function mount(root: HTMLElement, host: SoloHost<RunView>, signal: AbortSignal): void {
  draw(
    root,
    [css],
    <Solo
      title="Run"
      testid="tunebook-run-monitor"
      empty="No run yet."
      snapshot={host.snapshot}
      body={(view) => <RunMonitor view={view} points={host.points} Loss={Loss} />}
    />,
    signal,
  );
}
