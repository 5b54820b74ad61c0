// The page of rows that the inspection leaves, one at a time: where there is no table, or until it is there.

import { useLayoutEffect, useState } from "preact/hooks";
import type { PreviewRow } from "../shared/types";
import { Shown } from "../shared/ui";
import { type Eyes, type OtherWay, RowPane } from "./row-pane";
import type { Wish } from "./rows-table";

interface Props extends Eyes {
  page: PreviewRow[];
  wish: Wish | null;
}

export function Rows({ page, wish, lens, limit }: Props) {
  const [at, setAt] = useState(0);
  useLayoutEffect(() => {
    const place = page.findIndex(({ index }) => index === wish?.open);
    if (place >= 0) setAt(place);
  }, [wish]);
  const shown = Math.min(at, Math.max(0, page.length - 1));
  const row = page[shown];
  if (!row) return <p class="tb-muted">No rows to show.</p>;
  // From where the last turn led, though it may not be drawn yet: two keys can come within one frame.
  const turn = (by: number) => setAt((now) => Math.max(0, Math.min(page.length - 1, now + by)));
  const raw: OtherWay = ["raw", () => <Raw raw={row.raw} />];
  return (
    <RowPane
      row={row.index}
      seen={row}
      looked={{}}
      lens={lens}
      limit={limit}
      others={[raw]}
      pager={<Pager page={page} at={shown} go={setAt} turn={turn} />}
      onKeyDown={(event) => {
        if (event.target instanceof HTMLInputElement) return;
        const by = { ArrowRight: 1, ArrowLeft: -1, End: page.length, Home: -page.length }[event.key];
        if (by === undefined) return;
        event.preventDefault();
        turn(by);
      }}
    />
  );
}

interface PagerProps {
  page: PreviewRow[];
  at: number;
  go: (at: number) => void;
  /** Some rows on or back, as far as the page goes. */
  turn: (by: number) => void;
}

function Pager({ page, at, go, turn }: PagerProps) {
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
