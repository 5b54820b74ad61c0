// A page of real rows, one at a time: as the trainer sees it, or raw.

import { useState } from "preact/hooks";
import { count } from "../shared/format";
import type { PreviewRow } from "../shared/types";
import { ownKeys, Scroll, Shown } from "../shared/ui";
import { Legend, Tokens } from "./tokens";

interface Props {
  page: PreviewRow[];
  at: number;
  go: (at: number) => void;
  /** Some rows on or back, as far as the page goes. */
  turn: (by: number) => void;
  maxLength: number | null;
}

export function Rows({ page, at, go, turn, maxLength }: Props) {
  const [raw, setRaw] = useState(false);
  const row = page[at];
  if (!row) return <p class="tb-muted">No rows to show.</p>;
  const asTokens = !raw && row.tokens.length > 0;
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.target instanceof HTMLInputElement) return;
    const by = { ArrowRight: 1, ArrowLeft: -1, End: page.length, Home: -page.length }[event.key];
    if (by === undefined) return;
    event.preventDefault();
    turn(by);
  };
  return (
    <div class="tb-rows" {...ownKeys(onKeyDown)}>
      <div class="tb-rows-head">
        <h3>Row {count(row.index)}</h3>
        <span class="tb-label">{asTokens ? "as the trainer sees it" : "as it is stored"}</span>
        <Pager page={page} at={at} go={go} turn={turn} />
        {row.tokens.length > 0 && (
          <span class="tb-choice">
            <button type="button" aria-pressed={!raw} onClick={() => setRaw(false)}>
              tokens
            </button>
            <button type="button" aria-pressed={raw} onClick={() => setRaw(true)}>
              raw
            </button>
          </span>
        )}
      </div>
      <Scroll class="tb-row-text" label={`Row ${row.index}`}>
        {asTokens ? <Tokens key={row.index} tokens={row.tokens} /> : <Raw raw={row.raw} />}
      </Scroll>
      {asTokens && <Legend row={row} maxLength={maxLength} />}
    </div>
  );
}

function Pager({ page, at, go, turn }: Omit<Props, "maxLength">) {
  const [refused, setRefused] = useState("");
  const enter = (input: HTMLInputElement) => {
    const wanted = Number(input.value);
    const place = page.findIndex((row) => row.index === wanted);
    setRefused(place < 0 ? `Row ${input.value} is not among these ${page.length}.` : "");
    if (place >= 0) go(place);
    else input.value = String(page[at]?.index ?? 0);
  };
  const step = (by: number) => {
    setRefused("");
    turn(by);
  };
  return (
    <span class="tb-pager">
      <span class="tb-label" role="status">
        {refused}
      </span>
      <button type="button" class="tb-button" disabled={at === 0} onClick={() => step(-1)} aria-label="Previous row">
        ‹
      </button>
      <input
        class="tb-number"
        inputMode="numeric"
        aria-label="Go to row"
        value={page[at]?.index ?? 0}
        onFocus={(event) => event.currentTarget.select()}
        onChange={(event) => enter(event.currentTarget)}
      />
      <button
        type="button"
        class="tb-button"
        disabled={at >= page.length - 1}
        onClick={() => step(1)}
        aria-label="Next row"
      >
        ›
      </button>
      <span class="tb-label">
        {at + 1} of {page.length}
      </span>
    </span>
  );
}

function Raw({ raw }: { raw: PreviewRow["raw"] }) {
  return (
    <pre class="tb-raw">
      <Shown text={JSON.stringify(raw, null, 2)} />
    </pre>
  );
}
