// The two stages of which a part is sent when somebody looks: the table of the data, and the curve of the run.

import { useEffect, useMemo } from "preact/hooks";
import { DatasetInspector } from "../dataset-inspector/render";
import { RunMonitor } from "../run-monitor/render";
import type { Host } from "../shared/host";
import type { PanelSnapshot, RunView, Stage, DataView as View } from "../shared/types";
import { written } from "../shared/ui";
import { PartToCome, usePart } from "./part";
import type { Parts } from "./parts";

export type PanelHost = Host<PanelSnapshot>;

export interface BodyProps {
  stage: Stage;
  state: PanelSnapshot;
  host: PanelHost;
  signal: AbortSignal;
  parts: Parts;
  /** Whether it is the stage that is looked at. */
  looked: boolean;
}

/** The data with its table, which Python opens when somebody looks, and sends what draws it. */
export function Data({ view, state, host, signal, parts, looked }: BodyProps & { view: View }) {
  useEffect(() => {
    if (looked) host.send({ kind: "look" });
  }, [looked]);
  const { module, failed } = usePart<typeof import("../dataset-inspector/part")>(parts, "dataset-inspector", looked);
  const { table, opening, table_problem, problem } = state;
  const shown = { view, table, opening, table_problem, problem, host, signal };
  return (
    <>
      {module && <style>{written(module.css)}</style>}
      <DatasetInspector
        {...shown}
        working=""
        Table={module?.RowsTable ?? null}
        noTable={failed && `What draws it is not here: ${failed}. Open this tab again to try it once more.`}
      />
    </>
  );
}

/** The run; its chart is a part that is sent when somebody looks. */
export function Run({ view, host, parts, looked }: BodyProps & { view: RunView }) {
  const { module, failed } = usePart<typeof import("../run-monitor/part")>(parts, "run-monitor", looked);
  const instead = useMemo(
    () => <PartToCome what="The curve" failed={failed} again={() => parts.want("run-monitor")} />,
    [parts, failed],
  );
  return <RunMonitor view={view} points={host.points} Loss={module?.Loss ?? null} instead={instead} />;
}
