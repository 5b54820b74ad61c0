// The table of all rows: what the panels say of it, what the browser asks of it and what Python answers.

import type { PreviewRow } from "./types";

/** The table of all rows, in the snapshot of each panel that has one. The rows themselves are asked for. */
export interface TableState {
  table: TableInfo | null;
  opening: string; // "Preparing the table, 40%" while there is none
  table_problem: string; // one line; "" where nothing is wrong
}

export type ColumnKind = "number" | "text" | "bool" | "time" | "nested" | "binary";

export interface TableInfo {
  rows: number;
  columns: { name: string; type: string; kind: ColumnKind }[];
}

/** A cell as text: null where the row has nothing, [its beginning, its whole length] where it was cut. */
export type Cell = string | [text: string, length: number] | null;

/** Of numbers their values, of texts and lists their lengths. */
export interface ColumnHistogram {
  of: "value" | "length";
  edges: number[];
  counts: number[];
}

export interface ColumnProfile {
  column: string;
  rows: number;
  nulls: number;
  distinct: number;
  exact: boolean; // false: distinct values and quantiles are estimates
  least: string | null;
  most: string | null;
  of: "value" | "length";
  quantiles: Record<string, number>; // "p1", "p25", "p50", "p75", "p99"
  mean: number | null;
  frequent: [value: string | null, rows: number][];
}

/**
 * What the inspector's table asks. Rows and profiles do not travel in the snapshot: each answer is a TableReply with the
 * id of its request. The newest request of a kind ends the one before, which is answered with `cancelled`.
 * A view is named by the id of the request that made it; "" is all rows as they lie.
 */
export type TableRequest =
  | {
      kind: "view";
      id: string;
      search: string;
      where: string; // an SQL condition
      sort: { column: string; descending: boolean } | null;
      rows: number[] | null; // none but these
      finding: string | null; // none but all rows of the finding with this key; `rows` are a few of them
    }
  | { kind: "page"; id: string; view: string; start: number; length: number; columns: number[] }
  | { kind: "row"; id: string; row: number }
  | { kind: "tokens"; id: string; row: number; near: number[] } // `near`: rows that are likely to be next
  | { kind: "profile"; id: string; column: string }
  | { kind: "histogram"; id: string; column: string };

export interface TableReply {
  kind: "table";
  of: TableRequest["kind"];
  id: string;
  error?: string; // one line
  cancelled?: true;
  gone?: true; // page: the view is not kept any more
  count?: number; // view: rows so far
  share?: number; // view: 1 when it is whole; before that the first hits of a search
  start?: number;
  columns?: number[];
  rows?: [number, ...Cell[]][]; // page: the row's number in the data set, then its cells
  row?: number;
  cells?: Cell[];
  waiting?: string; // tokens: what takes so long; the answer follows
  seen?: PreviewRow; // tokens: without its raw cells
  near?: PreviewRow[];
  profile?: ColumnProfile;
  histogram?: ColumnHistogram;
}
