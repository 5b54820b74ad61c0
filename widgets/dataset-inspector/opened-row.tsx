// The row of the table that is open: its cells and its tokens are asked for when it is opened.

import { useEffect, useState } from "preact/hooks";
import { count } from "../shared/format";
import type { Cell, TableInfo } from "../shared/table-types";
import { Shown } from "../shared/ui";
import { type Eyes, type OtherWay, RowPane } from "./row-pane";
import type { RowsSource } from "./rows-source";
import type { Looked, SeenRows } from "./seen-rows";
import { type Turn, turnsOf } from "./turns";

interface Props extends Eyes {
  source: RowsSource;
  seen: SeenRows;
  columns: TableInfo["columns"];
  row: number | null;
  /** The rows that are likely to be opened next, the likeliest first. */
  near: () => number[];
  /** To the row before or after in the order of the table. */
  turn: (by: number) => void;
}

export function OpenedRow({ source, seen, columns, row, near, turn, lens, limit }: Props) {
  const [told, setTold] = useState<{ row: number; cells: Cell[]; error: string } | null>(null);
  const [looked, setLooked] = useState<Looked & { row: number | null }>({ row: null });
  useEffect(() => {
    if (row === null) return;
    let here = true;
    source.row(row, (reply) => {
      if (here && !reply.cancelled) setTold({ row, cells: reply.cells ?? [], error: reply.error ?? "" });
    });
    return () => {
      here = false;
    };
  }, [source, row]);
  useEffect(() => {
    if (row === null || !lens) return;
    let here = true;
    seen.want(row, near(), (what) => here && setLooked({ row, ...what }));
    return () => {
      here = false;
    };
  }, [seen, lens, row]);

  const shown = told?.row === row ? told : null;
  const turns = shown ? turnsOf(columns, shown.cells) : [];
  const others: OtherWay[] = [["raw", () => shown && <Stored columns={columns} {...shown} />]];
  if (turns.length > 0) others.unshift(["conversation", () => <Conversation turns={turns} />]);
  const step = (by: number, name: string, sign: string) => (
    <button type="button" class="tb-button" disabled={row === null} onClick={() => turn(by)} aria-label={name}>
      {sign}
    </button>
  );
  return (
    <RowPane
      row={row}
      seen={row === null ? null : (seen.at(row) ?? null)}
      looked={looked.row === row ? looked : {}}
      lens={lens}
      limit={limit}
      others={others}
      pager={
        <span class="tb-pager">
          {step(-1, "Previous row", "‹")}
          {step(1, "Next row", "›")}
        </span>
      }
      onKeyDown={(event) => {
        const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
        if (by === undefined || event.target instanceof HTMLInputElement) return;
        event.preventDefault();
        turn(by);
      }}
    />
  );
}
function Conversation({ turns }: { turns: { column: string; turns: Turn[] }[] }) {
  return (
    <>
      {turns.map(({ column, turns: each }) => (
        <div key={column}>
          {turns.length > 1 && (
            <p class="tb-label">
              <Shown text={column} />
            </p>
          )}
          <ol class="tb-turns" aria-label={column.slice(0, 80)}>
            {each.map(({ role, text }, at) => (
              <li key={at} class={role === "assistant" ? "tb-turn tb-answer" : "tb-turn"}>
                <span class="tb-label">
                  <Shown text={role} />
                </span>
                <p>
                  <Shown text={text} />
                </p>
              </li>
            ))}
          </ol>
        </div>
      ))}
    </>
  );
}

function Stored({ columns, cells, error }: { columns: TableInfo["columns"]; cells: Cell[]; error: string }) {
  if (error)
    return (
      <p class="tb-stop">
        <Shown text={error} />
      </p>
    );
  return (
    <dl class="tb-stored">
      {cells.map((cell, at) => {
        const text = cell === null || typeof cell === "string" ? cell : cell[0];
        return (
          <div key={at}>
            <dt class="tb-label">
              <Shown text={columns[at]?.name ?? ""} />
            </dt>
            <dd class="tb-mono">
              {text === null ? (
                <span class="tb-nothing">null</span>
              ) : text === "" ? (
                <span class="tb-nothing">empty</span>
              ) : (
                <Shown text={columns[at]?.kind === "nested" ? indented(text) : text} />
              )}
              {Array.isArray(cell) && <span class="tb-muted"> … of {count(cell[1])} characters</span>}
            </dd>
          </div>
        );
      })}
    </dl>
  );
}

/** JSON on lines of its own, where it is whole. */
function indented(text: string): string {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}
