// The inspector alone in a cell: the table as soon as the rows are there, what was found as soon as that is known.

import { counted } from "../shared/format";
import type { Host } from "../shared/host";
import type { InspectorSnapshot } from "../shared/types";
import { draw, Empty, Head, ProblemNote, useValue } from "../shared/ui";
import { css, DatasetInspector, TableProblem } from "./render";
import { RowsTable } from "./rows-table";
import { SeeAs } from "./see-as";
import tableStyle from "./table.css?inline";

type InspectorHost = Host<InspectorSnapshot>;

export function mount(root: HTMLElement, host: InspectorHost, signal: AbortSignal): void {
  draw(root, [css, tableStyle], <Inspector host={host} signal={signal} />, signal);
}

function Inspector({ host, signal }: { host: InspectorHost; signal: AbortSignal }) {
  const state = useValue(host.snapshot);
  const view = state?.view ?? null;
  const table = state?.table ?? null;
  const working = state?.working ?? "";
  const opening = state?.opening ?? "";
  // The same model is worth another look as long as something did not come of the last one.
  const fresh = !view || Boolean(state?.problem || state?.table_problem);
  const sentence =
    view?.sentence ??
    (table ? `${counted(table.rows, "row", "rows")}, ${counted(table.columns.length, "column", "columns")}.` : "");
  return (
    <section data-testid="tunebook-dataset-inspector" aria-label="Data">
      <Head title="Data" sentence={sentence} aside={view ? working : ""} />
      {state && <SeeAs model={state.model} working={working !== ""} fresh={fresh} send={host.send} />}
      {state?.problem && <ProblemNote problem={state.problem} />}
      {view || table ? (
        <DatasetInspector
          view={view}
          working={working}
          table={table}
          opening={opening}
          table_problem={state?.table_problem ?? ""}
          host={host}
          signal={signal}
          problem={state?.problem ?? null}
          Table={RowsTable}
          sees
        />
      ) : (
        <>
          {!state?.problem && <TableProblem why={state?.table_problem ?? ""} />}
          {!(state?.problem && !working) && (
            <Empty sentence={opening || working || "Nothing read yet."} working={(opening || working) !== ""} />
          )}
        </>
      )}
    </section>
  );
}
