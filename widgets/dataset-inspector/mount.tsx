// The inspector alone in a cell: the table as soon as the rows are there, what was found as soon as that is known.

import { useMemo, useRef, useState } from "preact/hooks";
import { counted } from "../shared/format";
import type { Host } from "../shared/host";
import type { InspectorSnapshot, DataView as View } from "../shared/types";
import { draw, Empty, Glyph, Head, ProblemNote, Shown, useValue } from "../shared/ui";
import { css, DatasetInspector, Said, Sides } from "./render";
import { RowsSource } from "./rows-source";
import { RowsTable, type Wish } from "./rows-table";
import tableCss from "./table.css?inline";

type InspectorHost = Host<InspectorSnapshot>;

export function mount(root: HTMLElement, host: InspectorHost, signal: AbortSignal): void {
  draw(root, [css, tableCss], <Inspector host={host} signal={signal} />, signal);
}

function Inspector({ host, signal }: { host: InspectorHost; signal: AbortSignal }) {
  const state = useValue(host.snapshot);
  const view = state?.view ?? null;
  const table = state?.table ?? null;
  const working = state?.working ?? "";
  const opening = state?.opening ?? "";
  const [wish, setWish] = useState<Wish | null>(null);
  const turns = useRef(0);
  const wished = (what: Omit<Wish, "turn">) => {
    turns.current += 1;
    setWish({ ...what, turn: turns.current });
  };
  const rows = table?.rows ?? -1;
  const source = useMemo(() => (rows < 0 ? null : new RowsSource(host, rows, signal)), [host, rows, signal]);
  const only = (finding: View["findings"][number]) =>
    wished({
      rows: { of: finding.message, numbers: finding.examples, finding: finding.key },
    });

  const sentence =
    view?.sentence ??
    (table ? `${counted(table.rows, "row", "rows")}, ${counted(table.columns.length, "column", "columns")}.` : "");
  const idle = !view && !table && !(state?.problem && !working);
  return (
    <section data-testid="tunebook-dataset-inspector" aria-label="Data">
      <Head title="Data" sentence={sentence} aside={view ? working || opening : ""} />
      {state?.problem && <ProblemNote problem={state.problem} />}
      {state?.table_problem && !state.problem && (
        <ProblemNote problem={{ what: "The rows cannot be shown as a table.", why: state.table_problem, now: "" }} />
      )}
      {table && source ? (
        <Sides
          left={
            view ? (
              <Said view={view} onPage={null} jump={(row) => wished({ open: row })} only={only} />
            ) : (
              <p class="tb-muted tb-waiting">
                {working && <Glyph name="working" />}
                <Shown text={working || "Nothing was checked."} />
              </p>
            )
          }
          right={
            <RowsTable
              source={source}
              table={table}
              preview={view?.preview ?? []}
              maxLength={view?.max_length ?? null}
              wish={wish}
            />
          }
        />
      ) : (
        view && <DatasetInspector view={view} />
      )}
      {idle && <Empty sentence={opening || working || "Nothing read yet."} working={(opening || working) !== ""} />}
    </section>
  );
}
