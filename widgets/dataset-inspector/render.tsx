// The data as the trainer will see it: what was found on the left, rows on the right. The rows are a table of all of them
// where Python has one to offer, else the page that the inspection leaves.

import type { ComponentChildren } from "preact";
import { useRef, useState } from "preact/hooks";
import { count, counted } from "../shared/format";
import type { Host } from "../shared/host";
import { memo } from "../shared/memo";
import type { TableState } from "../shared/table-types";
import type { Problem, DataView as View } from "../shared/types";
import { Glyph, ProblemNote, Shown } from "../shared/ui";
import { Findings, type Props as FindingsProps } from "./findings";
import { Lengths } from "./lengths";
import { Methods } from "./methods";
import { Chosen } from "./remedies";
import { Rows } from "./rows";
import rowsStyle from "./rows.css?inline";
import type { RowsTableProps, Wish } from "./rows-table";
import style from "./style.css?inline";

export const css = `${style}\n${rowsStyle}`;

interface Props extends TableState {
  /** null: the inspection is at work, and `working` says so. */
  view: View | null;
  working: string;
  host: Pick<Host<unknown>, "send" | "listen">;
  signal: AbortSignal;
  problem: Problem | null;
  /** How all rows are shown; null while that is not here, and then why, if it will not come. */
  Table: ((props: RowsTableProps) => ComponentChildren) | null;
  noTable?: string | undefined;
  /** Whether the rows can be looked at as another method does. */
  sees?: boolean;
}

export const DatasetInspector = memo(
  ({ view, working, table, opening, table_problem, host, signal, problem, Table, noTable, sees }: Props) => {
    const [wish, setWish] = useState<Wish | null>(null);
    const [tried, setTried] = useState<number | null>(null);
    const turns = useRef(0);
    const wished = (what: Omit<Wish, "turn">) => {
      turns.current += 1;
      setWish({ ...what, turn: turns.current });
    };
    const limit = { planned: view?.max_length ?? null, tried };
    const page = view?.preview ?? [];
    // What is asked of a table that is still to come is done when it is there.
    const coming = noTable ? "" : opening || (table ? "Preparing the table" : "");
    const offered = Boolean(table && Table) || coming !== "";
    return (
      <>
        <TableProblem why={table_problem || (table && noTable) || ""} />
        <div class="tb-body tb-inspector">
          <div class="tb-inspector-left">
            {view ? (
              <Said
                view={view}
                onPage={offered ? null : new Set(page.map(({ index }) => index))}
                jump={(row) => wished({ open: row })}
                only={
                  offered
                    ? ({ message, examples, key }) => wished({ rows: { of: message, numbers: examples, finding: key } })
                    : undefined
                }
                limit={limit}
                tryOut={setTried}
                decide={{ send: host.send, problem }}
                see={sees ? (method) => host.send({ kind: "see_as", method }) : undefined}
              />
            ) : (
              <Waiting text={working || "Nothing was checked."} working={working !== ""} />
            )}
          </div>
          {table && Table ? (
            <Table host={host} signal={signal} table={table} view={view} limit={limit} wish={wish} />
          ) : (
            <div class="tb-table-side">
              {coming && (
                <div class={`tb-table-coming ${opening ? "" : "tb-to-come"}`}>
                  <Waiting text={coming} working />
                </div>
              )}
              <Rows page={page} wish={wish} lens={view?.lens ?? null} limit={limit} />
            </div>
          )}
        </div>
      </>
    );
  },
);

export function TableProblem({ why }: { why: string }) {
  return why ? <ProblemNote problem={{ what: "The rows cannot be shown as a table.", why, now: "" }} /> : null;
}

function Waiting({ text, working }: { text: string; working: boolean }) {
  return (
    <p class="tb-muted tb-waiting">
      {working && <Glyph name="working" />}
      <Shown text={text} />
    </p>
  );
}

type SaidProps = FindingsProps &
  Pick<Parameters<typeof Lengths>[0], "limit" | "tryOut"> &
  Pick<Parameters<typeof Methods>[0], "see">;

/** What is said of the data beside its rows. `jump` opens a row, `only` shows the rows of a finding, where there is a table. */
function Said({ view, jump, only, onPage, limit, tryOut, decide, see }: SaidProps): ComponentChildren {
  return (
    <>
      <Chosen view={view} decide={decide} />
      <Findings view={view} decide={decide} onPage={onPage} jump={jump} only={only} />
      {view.histogram && (
        <Lengths
          effects={view.lengths}
          histogram={view.histogram}
          limit={limit}
          tryOut={tryOut}
          tokens={view.tokens}
          method={view.lens?.method}
        />
      )}
      <Methods view={view} see={see} />
      <Columns columns={view.columns} />
      <p class="tb-label">
        <Shown text={view.dataset} />, {counted(view.rows, "row", "rows")}
        {view.tokens && `, ${count(view.tokens.total)} tokens`}
      </p>
    </>
  );
}

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
