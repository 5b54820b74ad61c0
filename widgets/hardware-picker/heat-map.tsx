// Which contexts and batches fit the card, all at once. A cell differs by its pattern as well as by its colour; click and
// arrow keys set the sliders.

import { useMemo, useRef, useState } from "preact/hooks";
import { count, counted, number } from "../shared/format";
import { ownKeys } from "../shared/ui";
import { gib, verdictWords } from "./explored";
import { type Need, verdict } from "./memory-law";

interface Props {
  gib: number; // of the card
  contexts: number[];
  batches: number[];
  /** What a cell needs. Another function, other cells. */
  need: (context: number, rows: number) => Need;
  context: number;
  rows: number;
  plan: { context: number; rows: number };
  set: (context: number, rows: number) => void;
}

const short = (tokens: number) => (tokens >= 1024 && tokens % 256 === 0 ? `${number(tokens / 1024)}k` : count(tokens));

export function HeatMap({ gib: room, contexts, batches, need, context, rows, plan, set }: Props) {
  const table = useRef<HTMLTableElement>(null);
  const [under, setUnder] = useState<{ context: number; rows: number } | null>(null);
  // More rows are higher up, as on an axis.
  const upwards = [...batches].reverse();
  // They change with the machine and the rank, not with the sliders that choose among them.
  const cells = useMemo(
    () =>
      upwards.map((many) =>
        contexts.map((each) => {
          const needed = need(each, many);
          const found = verdict(needed, room);
          return { found, words: `${gib(needed)} GiB, ${verdictWords[found]}` };
        }),
      ),
    [need, room, contexts, batches],
  );
  const every = Math.ceil(contexts.length / 7);
  const read = (cell: EventTarget | null) => {
    const { at } = (cell as HTMLElement | null)?.closest<HTMLElement>("[data-at]")?.dataset ?? {};
    const [column = -1, line = -1] = at?.split(" ").map(Number) ?? [];
    return { column, line };
  };
  const go = (column: number, line: number) => {
    const [to, many] = [contexts[column], upwards[line]];
    if (to === undefined || many === undefined) return;
    set(to, many);
    table.current?.querySelector<HTMLElement>(`[data-at="${column} ${line}"]`)?.focus();
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const { column, line } = read(event.target); // where the focus is: a second key may come within one frame
    const moves: Record<string, [number, number]> = {
      ArrowRight: [column + 1, line],
      ArrowLeft: [column - 1, line],
      ArrowUp: [column, line - 1],
      ArrowDown: [column, line + 1],
      Home: [0, line],
      End: [contexts.length - 1, line],
      PageUp: [column, 0],
      PageDown: [column, upwards.length - 1],
    };
    const to = moves[event.key];
    if (!to || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    go(...to);
  };
  const point = (event: Event) => {
    const { column, line } = read(event.target);
    const [at, many] = [contexts[column], upwards[line]];
    setUnder(at === undefined || many === undefined ? null : { context: at, rows: many });
  };
  const told = under ?? { context, rows };
  return (
    <figure class="tb-heat">
      <figcaption class="tb-label">rows on the card × tokens of a row</figcaption>
      {/* biome-ignore lint/a11y/useKeyWithClickEvents: ownKeys below */}
      <table
        // biome-ignore lint/a11y/noNoninteractiveElementToInteractiveRole: a table whose cells are chosen is a grid
        role="grid"
        ref={table}
        aria-label="What fits, by rows on the card and tokens of a row"
        onPointerOver={point}
        onPointerLeave={() => setUnder(null)}
        onClick={(event) => {
          const { column, line } = read(event.target);
          go(column, line);
        }}
        {...ownKeys(onKeyDown)}
      >
        <tbody>
          {upwards.map((many, line) => (
            <tr key={many}>
              <th scope="row">{count(many)}</th>
              {contexts.map((each, column) => {
                const { found = "no", words = "" } = cells[line]?.[column] ?? {};
                const chosen = each === context && many === rows;
                const mine = each === plan.context && many === plan.rows;
                return (
                  <td
                    key={each}
                    // biome-ignore lint/a11y/noNoninteractiveElementToInteractiveRole: see above
                    role="gridcell"
                    data-at={`${column} ${line}`}
                    tabIndex={chosen ? 0 : -1}
                    aria-selected={chosen}
                    aria-label={`${count(each)} tokens × ${counted(many, "row", "rows")}: ${words}${mine ? ", the plan" : ""}`}
                    class={`tb-${found} ${mine ? "tb-of-plan" : ""}`}
                  />
                );
              })}
            </tr>
          ))}
          <tr>
            <td />
            {contexts.map((each, column) => (
              <th key={each} scope="col" aria-label={count(each)}>
                {(contexts.length - 1 - column) % every === 0 && <span>{short(each)}</span>}
              </th>
            ))}
          </tr>
        </tbody>
      </table>
      <p class="tb-label tb-heat-told" aria-hidden="true">
        {count(told.rows)} × {count(told.context)}:{" "}
        {cells[upwards.indexOf(told.rows)]?.[contexts.indexOf(told.context)]?.words}
      </p>
      <ul class="tb-key-line tb-label">
        <li>
          <i class="tb-fits" /> fits
        </li>
        <li>
          <i class="tb-tight" /> tight, may not fit
        </li>
        <li>
          <i class="tb-no" /> does not fit
        </li>
      </ul>
    </figure>
  );
}
