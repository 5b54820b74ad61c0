// One row, whole: as the trainer sees it where its tokens are here, as a conversation where it is one, or as it is stored.

import { useEffect, useState } from "preact/hooks";
import { count } from "../shared/format";
import type { Cell, PreviewRow, TableInfo } from "../shared/types";
import { ownKeys, Scroll, Shown } from "../shared/ui";
import type { RowsSource } from "./rows-source";
import { Legend, Tokens } from "./tokens";
import { type Turn, turnsOf } from "./turns";

type Way = "tokens" | "conversation" | "raw";
const words: Record<Way, string> = {
  tokens: "as the trainer sees it",
  conversation: "as a conversation",
  raw: "as it is stored",
};

interface Props {
  source: RowsSource;
  columns: TableInfo["columns"];
  row: number | null;
  /** The rows whose tokens are here. */
  preview: PreviewRow[];
  maxLength: number | null;
  /** To the row before or after in the order of the table. */
  turn: (by: number) => void;
}

export function OpenedRow({ source, columns, row, preview, maxLength, turn }: Props) {
  const [way, setWay] = useState<Way>("tokens");
  const [told, setTold] = useState<{ row: number; cells: Cell[]; error: string } | null>(null);
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

  const shown = told?.row === row ? told : null;
  const seen = preview.find(({ index }) => index === row);
  const turns = shown ? turnsOf(columns, shown.cells) : [];
  const ways: Way[] = [];
  if (seen && seen.tokens.length > 0) ways.push("tokens");
  if (turns.length > 0) ways.push("conversation");
  ways.push("raw");
  const chosen = ways.includes(way) ? way : (ways[0] ?? "raw");
  const onKeyDown = (event: KeyboardEvent) => {
    const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (by === undefined || event.target instanceof HTMLInputElement) return;
    event.preventDefault();
    turn(by);
  };
  return (
    <section class="tb-rows tb-opened-row" aria-label={row === null ? "Row" : `Row ${row}`} {...ownKeys(onKeyDown)}>
      <div class="tb-rows-head">
        <h3>{row === null ? "Row" : `Row ${count(row)}`}</h3>
        <span class="tb-label">{row === null ? "" : words[chosen]}</span>
        <span class="tb-pager">
          <button
            type="button"
            class="tb-button"
            disabled={row === null}
            onClick={() => turn(-1)}
            aria-label="Previous row"
          >
            ‹
          </button>
          <button type="button" class="tb-button" disabled={row === null} onClick={() => turn(1)} aria-label="Next row">
            ›
          </button>
        </span>
        {ways.length > 1 && (
          <span class="tb-choice">
            {ways.map((each) => (
              <button type="button" key={each} aria-pressed={each === chosen} onClick={() => setWay(each)}>
                {each}
              </button>
            ))}
          </span>
        )}
      </div>
      <Scroll class="tb-row-text" label={row === null ? "No row is open" : `Row ${row}`}>
        {row === null ? (
          <p class="tb-muted">Click a row, or press Enter on it, to read it whole.</p>
        ) : chosen === "tokens" && seen ? (
          <Tokens key={row} tokens={seen.tokens} />
        ) : shown?.error ? (
          <p class="tb-stop">
            <Shown text={shown.error} />
          </p>
        ) : chosen === "conversation" ? (
          <Conversation turns={turns} />
        ) : (
          shown && <Stored columns={columns} cells={shown.cells} />
        )}
      </Scroll>
      {chosen === "tokens" && seen && <Legend row={seen} maxLength={maxLength} />}
    </section>
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

function Stored({ columns, cells }: { columns: TableInfo["columns"]; cells: Cell[] }) {
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
