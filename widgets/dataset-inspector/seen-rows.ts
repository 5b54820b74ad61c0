// Rows as the trainer sees them: those of the page are here, any other is asked for when it is opened, with those that
// are likely to be next, so that turning rows does not wait. They live here; the lens that made them does not change.

import type { PreviewRow } from "../shared/types";
import type { RowsSource } from "./rows-source";

/** What is known of a row that is looked at; neither for a moment after it was asked for. */
export interface Looked {
  waiting?: string;
  error?: string;
}

const most = 500;
/** So many of the next rows must be here, else they are asked for. */
const ahead = 2;
const again = 500;

export class SeenRows {
  readonly #source: RowsSource;
  readonly #known = new Map<number, PreviewRow>();
  #asked = ""; // the newest request

  constructor(source: RowsSource, preview: PreviewRow[]) {
    this.#source = source;
    for (const row of preview) this.#known.set(row.index, row);
  }

  at(row: number): PreviewRow | undefined {
    return this.#known.get(row);
  }

  /** See to it that a row is known. `changed` is called with each answer; `near` are the next rows, the likeliest first. */
  want(row: number, near: number[], changed: (looked: Looked) => void): void {
    const missing = near.filter((each) => !this.#known.has(each));
    if (!this.#known.has(row)) this.#ask(row, missing, changed);
    else if (missing[0] !== undefined && near.indexOf(missing[0]) < ahead)
      this.#ask(missing[0], missing.slice(1), () => {});
  }

  #ask(row: number, near: number[], changed: (looked: Looked) => void): void {
    const id = this.#source.tokens(row, near, (reply) => {
      for (const seen of [...(reply.seen ? [reply.seen] : []), ...(reply.near ?? [])]) this.#keep(seen);
      // Another view of the same panel asked for one of its own.
      if (reply.cancelled) setTimeout(() => this.#asked === id && this.#ask(row, near, changed), again);
      else changed({ ...(reply.waiting && { waiting: reply.waiting }), ...(reply.error && { error: reply.error }) });
    });
    this.#asked = id;
  }

  #keep(row: PreviewRow): void {
    this.#known.set(row.index, row);
    for (const oldest of this.#known.keys()) {
      if (this.#known.size <= most) break;
      this.#known.delete(oldest);
    }
  }
}
