// One row, whole, in the ways that there are: as the trainer sees it, as a conversation, as it is stored. Of the first it
// says what is missing: that the tokens are still coming, that TRL drops the row, that the template refuses it.

import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import { count } from "../shared/format";
import type { PreviewRow, DataView as View } from "../shared/types";
import { Glyph, ownKeys, Scroll, Shown } from "../shared/ui";
import { cutAt, type Limit } from "./cut";
import type { Looked } from "./seen-rows";
import { Legend, Tokens } from "./tokens";

type Way = "tokens" | "conversation" | "raw";
/** A way beside the tokens, and how it is drawn. */
export type OtherWay = [Exclude<Way, "tokens">, () => ComponentChildren];
const words: Record<Way, string> = {
  tokens: "as the trainer sees it",
  conversation: "as a conversation",
  raw: "as it is stored",
};

export interface Eyes {
  limit: Limit;
  lens: View["lens"];
}

interface Props extends Eyes {
  row: number | null;
  seen: PreviewRow | null;
  looked: Looked;
  /** The other ways that there are, the better one first. */
  others: OtherWay[];
  pager: ComponentChildren;
  onKeyDown: (event: KeyboardEvent) => void;
}

export function RowPane({ row, seen, looked, lens, limit, others, pager, onKeyDown }: Props) {
  const [wanted, setWanted] = useState<Way>("tokens");
  const ways: Way[] = others.map(([name]) => name);
  // With a lens it is there for every row, so that no button moves while rows are turned.
  if (row !== null && (lens || seen?.tokens.length)) ways.unshift("tokens");
  const chosen = ways.includes(wanted) ? wanted : (ways[0] ?? "raw");
  const cut = seen && seen.tokens.length > 0 ? cutAt(seen, limit.tried) : null;
  // Until the tokens are here, and where there are none, the row can be read all the same.
  const drawn = chosen === "tokens" && !cut ? (ways[1] ?? "raw") : chosen;
  const note = chosen === "tokens" && row !== null ? noteOf(seen, looked, cut?.dropped ?? false, limit) : null;
  return (
    <section class="tb-rows tb-opened-row" aria-label={row === null ? "Row" : `Row ${row}`} {...ownKeys(onKeyDown)}>
      <div class="tb-rows-head">
        <h3>{row === null ? "Row" : `Row ${count(row)}`}</h3>
        <span class="tb-label">{row === null ? "" : words[drawn]}</span>
        {pager}
        {ways.length > 1 && (
          <span class="tb-choice">
            {ways.map((each) => (
              <button type="button" key={each} aria-pressed={each === chosen} onClick={() => setWanted(each)}>
                {each}
              </button>
            ))}
          </span>
        )}
      </div>
      <Scroll class="tb-row-text" label={row === null ? "No row is open" : `Row ${row}`}>
        {row === null ? (
          <p class="tb-muted">Click a row, or press Enter on it, to read it whole.</p>
        ) : drawn === "tokens" && cut ? (
          <div class="tb-sequences" key={row}>
            {cut.sequences.map(({ tokens }, at) => (
              <div key={at}>
                {cut.sequences.length > 1 && <p class="tb-label">{at === 0 ? "chosen" : "rejected"}</p>}
                <Tokens tokens={tokens} />
              </div>
            ))}
          </div>
        ) : (
          others.find(([name]) => name === drawn)?.[1]()
        )}
      </Scroll>
      {(lens || cut) && (
        <div class="tb-row-foot">
          {drawn === "tokens" && cut && <Legend sequences={cut.sequences} limit={limit} />}
          {drawn === "tokens" && lens?.note && (
            <p class="tb-label">
              <Shown text={lens.note} />
            </p>
          )}
          <p class={`tb-small ${note?.tone ?? ""}`} role="status">
            {note && (
              <>
                <Glyph name={note.glyph} /> <Shown text={note.text} />
              </>
            )}
          </p>
        </div>
      )}
    </section>
  );
}

/** What there is to say of the row's tokens. */
function noteOf(seen: PreviewRow | null, { waiting, error }: Looked, dropped: boolean, { tried, planned }: Limit) {
  if (!seen && error) return { text: error, glyph: "stop", tone: "tb-stop" } as const;
  if (!seen) return waiting ? ({ text: waiting, glyph: "working", tone: "tb-muted" } as const) : null;
  if (!dropped && seen.tokens.length > 0) return null;
  const at = tried ?? planned;
  const text =
    seen.tokens.length === 0 || at === null
      ? "TRL drops this row: none of its tokens would be trained."
      : `TRL drops this row: cut at ${count(at)} tokens, it has nothing left to train on.`;
  return { text, glyph: "care", tone: "tb-care" } as const;
}
