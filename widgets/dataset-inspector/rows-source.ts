// The rows that the table shows, wherever they lie: one view at a time, pages of it as they are needed.
// Lives here: the request at work, the pages that were answered. Never leaves the browser: what is scrolled to.

import type { Host } from "../shared/host";
import { Watchers } from "../shared/store";
import type { Cell, ColumnHistogram, ColumnProfile, TableReply, TableRequest } from "../shared/table-types";

export interface Query {
  search: string;
  where: string;
  sort: { column: string; descending: boolean } | null;
  rows: number[] | null;
  finding: string | null;
}

export interface Row {
  number: number;
  cells: Map<number, Cell>; // by the place of their column
}

export const everything: Query = { search: "", where: "", sort: null, rows: null, finding: null };

/** Rows are asked for in blocks, so that scrolling by one row asks for nothing new. */
export const block = 60;
const blocksKept = 60;
/** When an answer takes longer than this and is not what is wanted by then, that is asked instead. */
const patience = 400;

type Ask = Pick<Host<unknown>, "send" | "listen">;
// biome-ignore lint/suspicious/noExplicitAny: what each request gives differs
type Omitted<T> = T extends any ? Omit<T, "id"> : never;

export class RowsSource {
  readonly #host: Ask;
  readonly #watchers = new Watchers();
  readonly #name = Math.random().toString(36).slice(2, 8); // two views of one panel hear each other's answers
  readonly #waiting = new Map<string, (reply: TableReply) => void>();
  readonly #blocks = new Map<number, Row[]>();
  #asked = 0;
  #all: number;
  #query = everything;
  #view = ""; // the name of the view at hand
  #count: number;
  #share = 1;
  #finding = false;
  #error = "";
  #wanted: { first: number; last: number; columns: number[] } | null = null;
  #inFlight: { id: string; at: number; view: string; from: number; to: number } | null = null;

  constructor(host: Ask, rows: number, signal: AbortSignal) {
    this.#host = host;
    this.#all = rows;
    this.#count = rows;
    host.listen("table", (reply) => this.#waiting.get(reply.id)?.(reply), signal);
  }

  subscribe(changed: () => void, signal: AbortSignal): void {
    this.#watchers.add(changed, signal);
  }

  get query(): Query {
    return this.#query;
  }
  /** Rows of the view so far. */
  get count(): number {
    return this.#count;
  }
  get all(): number {
    return this.#all;
  }
  /** How much of a search has been looked at. */
  get share(): number {
    return this.#share;
  }
  /** Whether a view is being made. */
  get finding(): boolean {
    return this.#finding;
  }
  /** What is wrong with the query, in one line; the rows are then those of the one before. */
  get error(): string {
    return this.#error;
  }

  /** Show other rows, or the same in another order. */
  ask(query: Query): void {
    this.#query = query;
    this.#error = "";
    this.#finding = true;
    this.#share = 0;
    const id = this.#send({ kind: "view", ...query }, (reply) => {
      if (id !== this.#latest) return;
      if (reply.error !== undefined || reply.cancelled) {
        this.#error = reply.error ?? "";
        this.#finding = false;
        this.#share = 1;
        this.#waiting.delete(id);
      } else {
        const count = reply.count ?? 0;
        const last = Math.floor(Math.max(this.#count - 1, 0) / block);
        if (this.#view !== id) this.#blocks.clear();
        else if (count > this.#count) this.#blocks.delete(last); // it was not whole
        this.#view = id;
        this.#count = count;
        this.#share = reply.share ?? 1;
        if (this.#share >= 1) {
          this.#finding = false;
          this.#waiting.delete(id);
        }
        this.#load();
      }
      this.#watchers.notify();
    });
    this.#latest = id;
    this.#watchers.notify();
  }
  #latest = "";

  /** Stop a view that takes too long; what was there before stays. */
  stop(): void {
    this.#host.send({ kind: "cancel", of: "view" });
  }

  /** The row at a place of the view, if it is here. */
  at(place: number): Row | undefined {
    return this.#blocks.get(Math.floor(place / block))?.[place % block];
  }

  /** Say which places are in sight: what of them is missing is asked for. */
  want(first: number, last: number, columns: number[]): void {
    this.#wanted = { first, last, columns };
    this.#load();
  }

  /** All cells of one row, whole as far as can be sent. */
  row(number: number, answered: (reply: TableReply) => void): void {
    const id = this.#send({ kind: "row", row: number }, (reply) => {
      this.#waiting.delete(id);
      answered(reply);
    });
  }

  /** What the trainer sees of a row, and of those near it; perhaps first what it waits for. The request's name. */
  tokens(row: number, near: number[], answered: (reply: TableReply) => void): string {
    const id = this.#send({ kind: "tokens", row, near }, (reply) => {
      if (!reply.waiting) this.#waiting.delete(id);
      answered(reply);
    });
    return id;
  }

  /** The profile and the histogram of a column, each as it comes. */
  column(
    name: string,
    answered: (part: { profile?: ColumnProfile; histogram?: ColumnHistogram; error?: string }) => void,
  ): void {
    for (const kind of ["profile", "histogram"] as const) {
      const id = this.#send({ kind, column: name }, (reply) => {
        this.#waiting.delete(id);
        if (reply.profile) answered({ profile: reply.profile });
        else if (reply.histogram) answered({ histogram: reply.histogram });
        else if (reply.error && kind === "profile") answered({ error: reply.error });
      });
    }
  }

  #send(request: Omitted<TableRequest>, answered: (reply: TableReply) => void): string {
    this.#asked += 1;
    const id = `${this.#name}-${this.#asked}`;
    this.#waiting.set(id, answered);
    if (!this.#host.send({ ...request, id } as TableRequest)) {
      this.#waiting.delete(id);
      this.#error = "The kernel cannot be reached: run the cell again.";
      this.#finding = false;
    }
    return id;
  }

  #load(): void {
    const wanted = this.#wanted;
    if (!wanted || this.#count === 0) return;
    const last = Math.min(wanted.last, this.#count - 1);
    let from = Math.floor(wanted.first / block);
    let to = Math.floor(last / block);
    while (from <= to && this.#blocks.has(from)) from += 1;
    while (to >= from && this.#blocks.has(to)) to -= 1;
    if (from > to) return;
    to = Math.min(to, from + 4);
    const view = this.#view;
    // An answer that takes long is waited for as long as it is still wanted: to ask again would only begin it anew.
    const { at: asked, ...before } = this.#inFlight ?? { at: 0, view: null, from: 0, to: 0 };
    if (before.view === view && before.from <= from && before.to >= to) return;
    if (before.view !== null && performance.now() - asked < patience) return;
    const start = from * block;
    const length = (to - from + 1) * block;
    const id = this.#send({ kind: "page", view, start, length, columns: wanted.columns }, (reply) => {
      this.#waiting.delete(id);
      if (this.#inFlight?.id === id) this.#inFlight = null;
      if (view !== this.#view) {
        this.#load();
        return;
      }
      if (reply.rows) this.#keep(from, to, reply);
      else if (reply.gone) this.ask(this.#query);
      else if (reply.error) this.#error = reply.error;
      this.#watchers.notify();
      if (reply.rows) this.#load();
      else if (reply.cancelled && !this.#inFlight) setTimeout(() => this.#load(), patience);
    });
    this.#inFlight = { id, at: performance.now(), view, from, to };
    // Without an answer by then, what is in sight by then is asked for, which ends this request.
    setTimeout(() => this.#inFlight?.id === id && this.#load(), patience + 10);
  }

  #keep(from: number, to: number, reply: TableReply): void {
    const columns = reply.columns ?? [];
    const rows = (reply.rows ?? []).map(([number, ...cells]) => ({
      number,
      cells: new Map(columns.map((column, at) => [column, cells[at] ?? null])),
    }));
    for (let each = from; each <= to; each += 1) {
      this.#blocks.delete(each);
      this.#blocks.set(each, rows.slice((each - from) * block, (each - from + 1) * block));
    }
    for (const oldest of this.#blocks.keys()) {
      if (this.#blocks.size <= blocksKept) break;
      this.#blocks.delete(oldest);
    }
  }
}
