// What of the rows is shown: a search, a condition, a finding's rows; and how many that are.

import { useEffect, useRef, useState } from "preact/hooks";
import { count, counted, percent } from "../shared/format";
import { ownKeys, Shown } from "../shared/ui";
import { everything, type RowsSource } from "./rows-source";

interface Props {
  source: RowsSource;
  version: number;
  /** The finding whose rows are shown: its words. */
  only: string;
  clearOnly: () => void;
}

/** Typing is searched for when it rests this long. */
const rest = 250;

export function Toolbar({ source, only, clearOnly }: Props) {
  const [search, setSearch] = useState(source.query.search);
  const [where, setWhere] = useState(source.query.where);
  const timer = useRef(0);
  useEffect(() => () => clearTimeout(timer.current), []);

  const ask = (changes: Partial<typeof everything>) => {
    clearTimeout(timer.current);
    const next = { ...source.query, ...changes };
    if (next.search !== source.query.search || next.where !== source.query.where || source.error) source.ask(next);
  };
  const typed = (value: string) => {
    setSearch(value);
    clearTimeout(timer.current);
    timer.current = window.setTimeout(() => ask({ search: value }), rest);
  };
  const { query } = source;
  const narrowed = query.search !== "" || query.where !== "" || query.rows !== null;
  const clear = () => {
    clearTimeout(timer.current);
    setSearch("");
    setWhere("");
    clearOnly();
    source.ask({ ...everything, sort: query.sort });
  };
  // What the field holds, though it may not be drawn yet.
  const onEnter = (name: "search" | "where") => (event: KeyboardEvent) => {
    if (event.key === "Enter") ask({ [name]: (event.currentTarget as HTMLInputElement).value.trim() });
  };
  return (
    <div class="tb-tools" {...ownKeys()}>
      <label>
        <span class="tb-label">Search</span>
        <input
          type="search"
          class="tb-field"
          placeholder="any text"
          value={search}
          onInput={(event) => typed(event.currentTarget.value)}
          onKeyDown={onEnter("search")}
        />
      </label>
      <label class="tb-where">
        <span class="tb-label">Where</span>
        <input
          class="tb-field tb-mono"
          placeholder="score > 3 and label = 'good'"
          spellcheck={false}
          autocomplete="off"
          value={where}
          aria-invalid={source.error !== ""}
          aria-label="Where: a condition in SQL"
          onInput={(event) => setWhere(event.currentTarget.value)}
          onChange={(event) => ask({ where: event.currentTarget.value.trim() })}
          onKeyDown={onEnter("where")}
        />
      </label>
      <div class="tb-shown-rows">
        {source.error ? (
          <p class="tb-stop tb-small" role="alert">
            <Shown text={source.error} />
          </p>
        ) : (
          <p role="status" class="tb-label">
            {words(source, narrowed)}
            {only && query.rows && (
              <>
                : <Shown text={only} />
              </>
            )}
          </p>
        )}
        {source.finding ? (
          <button type="button" class="tb-link tb-small" onClick={() => source.stop()}>
            Stop
          </button>
        ) : (
          narrowed && (
            <button type="button" class="tb-link tb-small" onClick={clear}>
              Show all
            </button>
          )
        )}
      </div>
    </div>
  );
}

/** How many rows are shown, or how far the looking is. */
function words(source: RowsSource, narrowed: boolean): string {
  const all = counted(source.all, "row", "rows");
  if (source.finding && source.share === 0) return "Looking…";
  if (source.finding) return `${counted(source.count, "row", "rows")} so far, ${percent(source.share)} looked at`;
  return narrowed ? `${count(source.count)} of ${all}` : all;
}
