// All rows of the data set: what is shown of them, the grid, and below it the row that is open or what a column holds.

import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { counted } from "../shared/format";
import type { Host } from "../shared/host";
import type { TableInfo } from "../shared/table-types";
import type { DataView as View } from "../shared/types";
import { ColumnDrawer } from "./column-profile";
import type { Limit } from "./cut";
import { columnsMost, Grid } from "./grid";
import { OpenedRow } from "./opened-row";
import { RowsSource } from "./rows-source";
import { SeenRows } from "./seen-rows";
import { Toolbar } from "./toolbar";

/** What the findings ask of the table. `turn` counts, so that the same can be asked twice. */
export interface Wish {
  turn: number;
  open?: number;
  rows?: { of: string; numbers: number[]; finding: string };
}

export interface RowsTableProps {
  host: Pick<Host<unknown>, "send" | "listen">;
  signal: AbortSignal;
  table: TableInfo;
  view: View | null;
  limit: Limit;
  wish: Wish | null;
}

/** The places that a hand is likely to turn to, from the open row's: mostly onwards. */
const nearby = [1, -1, 2, 3, 4, 5, 6, 7, -2];
const none: View["preview"] = [];

export function RowsTable({ host, signal, table, view, limit, wish }: RowsTableProps) {
  const source = useMemo(() => new RowsSource(host, table.rows, signal), [host, table.rows, signal]);
  const preview = view?.preview ?? none;
  const lens = view?.lens ?? null;
  const seen = useMemo(() => new SeenRows(source, preview), [source, preview, lens]);
  const version = useVersion(source);
  const [opened, setOpened] = useState<{ row: number; place: number } | null>(null);
  const [column, setColumn] = useState<string | null>(null);
  const [only, setOnly] = useState("");
  const at = useRef(opened);
  const open = (row: number, place: number) => {
    at.current = { row, place };
    setColumn(null);
    setOpened(at.current);
  };
  useEffect(() => {
    if (wish?.open !== undefined) open(wish.open, source.query.rows ? -1 : wish.open);
    if (wish?.rows) {
      setOnly(wish.rows.of);
      source.ask({ ...source.query, rows: wish.rows.numbers, finding: wish.rows.finding });
    }
  }, [wish, source]);

  // Without a choice it is the first row whose tokens are here: what the trainer sees is what this panel is for.
  const first = preview.find(({ tokens }) => tokens.length > 0);
  const row = opened?.row ?? first?.index ?? null;
  const turn = (by: number) => {
    const from = at.current?.place ?? first?.index ?? 0;
    const next = source.at(from + by);
    if (next) open(next.number, from + by);
    else if (source.count === source.all && !source.query.sort && from + by >= 0 && from + by < source.all)
      open(from + by, from + by);
  };
  const near = () => {
    const from = at.current?.place ?? first?.index ?? 0;
    return nearby.flatMap((by) => source.at(from + by)?.number ?? []);
  };
  const shown = table.columns.find(({ name }) => name === column);
  return (
    <div class="tb-table-side">
      <Toolbar source={source} version={version} only={only} clearOnly={() => setOnly("")} />
      <div class="tb-grid-frame">
        {source.count === 0 && !source.finding ? (
          <p class="tb-grid-empty tb-muted">
            {source.all === 0 ? "The data set has no rows." : "No row is like that."}
          </p>
        ) : (
          <Grid
            source={source}
            columns={table.columns}
            version={version}
            opened={row}
            open={open}
            profile={setColumn}
          />
        )}
      </div>
      {table.columns.length > columnsMost && (
        <p class="tb-label">
          The first {columnsMost} of {counted(table.columns.length, "column", "columns")}; an open row shows more.
        </p>
      )}
      {shown ? (
        <ColumnDrawer source={source} column={shown} close={() => setColumn(null)} />
      ) : (
        <OpenedRow
          source={source}
          columns={table.columns}
          row={row}
          seen={seen}
          lens={lens}
          limit={limit}
          near={near}
          turn={turn}
        />
      )}
    </div>
  );
}

/** A number that is another one after each change of the source. */
function useVersion(source: RowsSource): number {
  const [version, setVersion] = useState(0);
  useEffect(() => {
    const end = new AbortController();
    const changed = () => setVersion((now) => now + 1);
    source.subscribe(changed, end.signal);
    changed(); // an answer may have come before
    return () => end.abort();
  }, [source]);
  return version;
}
