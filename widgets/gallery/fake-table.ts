// Rows as Python would answer with, made as they are asked for: ten million of them weigh nothing here.

import type { Cell, ColumnKind, TableInfo, TableReply, TableRequest } from "../shared/table-types";
import type { PreviewRow } from "../shared/types";
import { dropped, row as rowOf } from "./fixtures";
import * as hostile from "./hostile";

export interface FakeTable {
  info: TableInfo;
  cell: (row: number, column: string) => Cell;
  /** Whether pages are never answered. */
  slowPages?: true;
  /** What the trainer sees of a row, why it sees nothing, or what it waits for. */
  seen?: (row: number) => PreviewRow | { error: string } | { waiting: string };
  /** What a view is answered with: its rows, or what is wrong; `later` is never answered. */
  view?: (request: Extract<TableRequest, { kind: "view" }>) => number[] | string | "later";
}

const column = (name: string, kind: ColumnKind, type = kind === "number" ? "BIGINT" : "VARCHAR") => ({
  name,
  kind,
  type,
});
const nouns = ["owl", "rosemary", "flat bread", "clockmaker", "hammer", "satisfaction", "isthmus", "dusk"];
const kinds = ["animal", "plant", "food", "person", "object", "feeling", "place", "time"];

function turns(row: number, question: string, answer: string): string {
  return JSON.stringify([
    { role: "system", content: "You are a helpful assistant." },
    { role: "user", content: question },
    { role: "assistant", content: row % 9 === 4 ? `${answer}\n\nIt is said of it in older books as well.` : answer },
  ]);
}

function plain(row: number, name: string): Cell {
  const what = nouns[row % nouns.length] ?? "";
  switch (name) {
    case "messages":
      return turns(row, `What kind of thing is this?\n${what}`, kinds[row % kinds.length] ?? "");
    case "kind":
      return row % 13 === 7 ? null : (kinds[row % kinds.length] ?? "");
    case "score":
      return String(((row * 2654435761) % 1000) / 10);
    case "source":
      return row % 5 === 3 ? "" : `dictionary ${row % 4}`;
    default:
      return "true";
  }
}

const columns = [
  column("messages", "nested", 'STRUCT("role" VARCHAR, "content" VARCHAR)[]'),
  column("kind", "text"),
  column("score", "number", "DOUBLE"),
  column("source", "text"),
];

const refusal =
  "The trainer cannot read this row (TemplateError: Conversation roles must alternate user/assistant/user/assistant/...).";

function ordinary(rows: number): FakeTable {
  return {
    info: { rows, columns },
    cell: plain,
    seen: (row) =>
      row % 50 === 13
        ? { error: refusal }
        : row % 50 === 14
          ? dropped(row)
          : rowOf(row, `What kind of thing is this?\n${nouns[row % nouns.length]}`, kinds[row % kinds.length] ?? ""),
    view: ({ search, where, sort, rows: only }) => {
      if (where.includes("nope")) {
        return 'The condition does not work (Referenced column "nope" not found in FROM clause): write one over the columns, such as `score > 3`.';
      }
      let found = only ?? Array.from({ length: Math.min(rows, 5000) }, (_, at) => at);
      if (search)
        found = found.filter((row) => String(plain(row, "messages")).toLowerCase().includes(search.toLowerCase()));
      if (where) found = found.filter((row) => Number(plain(row, "score")) > 90);
      if (sort) {
        const by = (row: number) => plain(row, sort.column);
        const sign = sort.descending ? -1 : 1;
        found = [...found].sort(
          (a, b) => sign * (Number(by(a)) - Number(by(b)) || String(by(a)).localeCompare(String(by(b)))),
        );
      }
      return found;
    },
  };
}

const longest = "A sentence that goes on and on. ".repeat(200);

export const tables: Record<string, FakeTable> = {
  ordinary: ordinary(1200),
  none: { info: { rows: 0, columns }, cell: plain },
  huge: ordinary(10_000_000),
  loading: { ...ordinary(1200), seen: () => ({ waiting: "Loading the tokenizer and TRL" }) },
  slowPages: { ...ordinary(10_000_000), slowPages: true },
  slow: { ...ordinary(10_000_000), view: () => "later" },
  hostile: {
    info: {
      rows: 40,
      columns: [column(hostile.nasty, "text"), column("constructor", "nested", "JSON"), column("<b>n</b>", "number")],
    },
    cell: (row, name) =>
      name === "constructor"
        ? JSON.stringify([{ role: hostile.markup, content: hostile.nasty, __proto__: row }])
        : name === "<b>n</b>"
          ? "-1.7976931348623157e308"
          : ([hostile.nasty, null, "", "\n\n\n", "\u202e\u200b", '"</script>'][row % 6] as Cell),
    view: () => hostile.nasty,
    seen: (row) => (row % 2 ? { error: hostile.nasty } : rowOf(row, hostile.nasty, hostile.markup, hostile.nasty)),
  },
  long: {
    info: { rows: 3, columns: [column("id", "number"), column("text", "text"), column("notes", "text")] },
    cell: (row, name) =>
      name === "id" ? String(row) : name === "text" ? [longest.slice(0, 300), 6400 * (row + 1)] : "x".repeat(300),
  },
  wide: {
    info: { rows: 50, columns: Array.from({ length: 5000 }, (_, at) => column(`feature_${at}`, "number")) },
    cell: (row, name) => String((row * name.length * 37) % 1000),
  },
};

/** Answers one request as the desk in Python does; null where it would still be at work. */
export function answered(table: FakeTable, views: Map<string, number[]>, request: TableRequest): TableReply | null {
  const told = { kind: "table" as const, of: request.kind, id: request.id };
  const { info } = table;
  switch (request.kind) {
    case "view": {
      const whole = !request.search && !request.where && !request.sort && !request.rows;
      const found = whole ? [] : (table.view?.(request) ?? []);
      if (found === "later") return null;
      if (typeof found === "string") return { ...told, error: found };
      if (!whole) views.set(request.id, found);
      return { ...told, count: whole ? info.rows : found.length, share: 1 };
    }
    case "page": {
      if (table.slowPages) return null;
      const view = views.get(request.view);
      const end = Math.min(request.start + request.length, view?.length ?? info.rows);
      const rows: TableReply["rows"] = [];
      for (let at = request.start; at < end; at += 1) {
        const row = view ? (view[at] ?? 0) : at;
        rows.push([row, ...request.columns.map((each) => table.cell(row, info.columns[each]?.name ?? ""))]);
      }
      return { ...told, start: request.start, columns: request.columns, rows };
    }
    case "row":
      return {
        ...told,
        row: request.row,
        cells: info.columns.slice(0, 1000).map(({ name }) => table.cell(request.row, name)),
      };
    case "tokens": {
      const seen = table.seen?.(request.row) ?? { waiting: "Loading the tokenizer and TRL" };
      if (!("index" in seen)) return { ...told, ...seen };
      const near = request.near.map((row) => table.seen?.(row)).filter((one) => one && "index" in one);
      return { ...told, seen, near: near as PreviewRow[] };
    }
    case "profile": {
      const number = info.columns.find(({ name }) => name === request.column)?.kind === "number";
      return {
        ...told,
        profile: {
          column: request.column,
          rows: info.rows,
          nulls: number ? 0 : Math.floor(info.rows / 13),
          distinct: 8,
          exact: info.rows <= 1_000_000,
          least: "0",
          most: "99.9",
          of: number ? "value" : "length",
          quantiles: { p1: 1, p25: 24, p50: 50.2, p75: 75, p99: 98.9 },
          mean: 50,
          frequent: kinds.map((kind, at) => [
            table === tables.hostile ? hostile.nasty : kind,
            Math.floor(info.rows / (at + 8)),
          ]),
        },
      };
    }
    case "histogram":
      return {
        ...told,
        histogram: {
          of: "value",
          edges: Array.from({ length: 25 }, (_, at) => at * 4),
          counts: Array.from({ length: 24 }, (_, at) => Math.round(1000 * Math.exp(-((at - 9) ** 2) / 30))),
        },
      };
  }
}
