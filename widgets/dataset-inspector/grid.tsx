// The rows as a grid of any height: only what is in sight is drawn. A row is chosen by key or click, and opened.
// The grid holds the focus and names its active cell, for cells come and go; hence no table elements and no focus on them.

import { useEffect, useId, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import { count } from "../shared/format";
import type { TableInfo } from "../shared/table-types";
import { ownKeys, Shown } from "../shared/ui";
import { CellText } from "./cell";
import type { Row, RowsSource } from "./rows-source";
import { clamp, reveal, rowHeight, scaling } from "./scaling";

interface Props {
  source: RowsSource;
  columns: TableInfo["columns"];
  /** What changes when the source does. */
  version: number;
  opened: number | null;
  open: (row: number, place: number) => void;
  profile: (column: string) => void;
}

/** More columns than a person reads would only be slow. */
export const columnsMost = 40;
const around = 6; // rows drawn above and below those in sight
const widths = { number: "112px", bool: "80px", time: "168px", binary: "96px", text: "", nested: "" };
const least = { number: 112, bool: 80, time: 168, binary: 96, text: 160, nested: 200 };

export function Grid({ source, columns: all, version, opened, open, profile }: Props) {
  const columns = all.slice(0, columnsMost);
  const scroller = useRef<HTMLDivElement>(null);
  const frame = useRef<HTMLDivElement>(null);
  const id = useId();
  const [viewport, setViewport] = useState(rowHeight * 10);
  const [offset, setOffset] = useState(0);
  const [cursor, setCursor] = useState({ row: 0, column: 0 });
  const told = useRef(0); // the position of the scrollbar that we set ourselves
  const toOpen = useRef<number | null>(null);
  const now = useRef({ offset: 0, row: 0, column: 0 }); // from where the last key led, though it may not be drawn yet

  const rows = source.count;
  /** Opens the row that was chosen, as soon as it is here: a key can be quicker than the answer. */
  const openHere = () => {
    const row = toOpen.current === null ? undefined : source.at(toOpen.current);
    if (!row || toOpen.current === null) return;
    open(row.number, toOpen.current);
    toOpen.current = null;
  };
  useEffect(openHere, [version]);
  const scale = useMemo(() => scaling(rows, viewport), [rows, viewport]);
  const move = (to: number) => {
    const place = clamp(to, 0, Math.max(rows * rowHeight - viewport, 0));
    now.current.offset = place;
    setOffset(place);
    if (!scroller.current) return;
    scroller.current.scrollTop = scale.scrollTop(place);
    told.current = scroller.current.scrollTop;
  };
  const first = Math.max(0, Math.floor(offset / rowHeight) - around);
  const last = Math.min(rows - 1, Math.ceil((offset + viewport) / rowHeight) + around);

  useEffect(
    () =>
      source.want(
        first,
        last,
        columns.map((_, at) => at),
      ),
    [source, version, first, last],
  );

  // Another view begins at its top; the same one while it grows stays where it is.
  const query = source.query;
  useLayoutEffect(() => {
    now.current.row = 0;
    toOpen.current = null;
    setCursor((at) => ({ ...at, row: 0 }));
    move(0);
  }, [query]);

  useLayoutEffect(() => {
    const element = scroller.current;
    if (!element) return;
    const measure = () => {
      const head = frame.current?.querySelector<HTMLElement>(".tb-grid-head")?.offsetHeight ?? 0;
      setViewport(Math.max(element.clientHeight - head, rowHeight));
    };
    const observer = new ResizeObserver(measure);
    observer.observe(element);
    measure();
    return () => observer.disconnect();
  }, []);

  // A wheel turns by rows where a pixel of the scrollbar would be many of them.
  useEffect(() => {
    const element = scroller.current;
    if (!element || !scale.scaled) return;
    const onWheel = (event: WheelEvent) => {
      if (event.ctrlKey || Math.abs(event.deltaX) > Math.abs(event.deltaY)) return;
      const by =
        event.deltaMode === 1
          ? event.deltaY * rowHeight
          : event.deltaMode === 2
            ? event.deltaY * viewport
            : event.deltaY;
      const before = now.current.offset;
      move(before + by);
      if (now.current.offset !== before) event.preventDefault();
    };
    element.addEventListener("wheel", onWheel, { passive: false });
    return () => element.removeEventListener("wheel", onWheel);
  });

  const onScroll = () => {
    const at = scroller.current?.scrollTop ?? 0;
    if (Math.abs(at - told.current) < 1) return;
    told.current = at;
    now.current.offset = scale.offset(at);
    setOffset(now.current.offset);
  };

  const sortBy = (column: string) => {
    const { sort } = source.query;
    const same = sort?.column === column;
    const next = !same ? { column, descending: false } : sort.descending ? null : { column, descending: true };
    source.ask({ ...source.query, sort: next });
  };

  const onKeyDown = (event: KeyboardEvent) => {
    if (event.target !== frame.current || event.altKey || event.metaKey) return;
    if (event.ctrlKey && event.key !== "Home" && event.key !== "End") return;
    const page = Math.max(1, Math.floor(viewport / rowHeight) - 1);
    const steps: Record<string, number> = {
      ArrowDown: 1,
      ArrowUp: -1,
      PageDown: page,
      PageUp: -page,
      Home: Number.NEGATIVE_INFINITY,
      End: Number.POSITIVE_INFINITY,
    };
    const by = steps[event.key];
    const aside = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    const column = columns[now.current.column];
    if (by !== undefined) {
      // One above the first row are the heads of the columns.
      const low = event.key === "ArrowUp" ? -1 : 0;
      const row = clamp(now.current.row + by, low, Math.max(rows - 1, 0));
      now.current.row = row;
      setCursor((at) => ({ ...at, row }));
      if (row >= 0) move(reveal(row, now.current.offset, viewport));
    } else if (aside) {
      const to = clamp(now.current.column + aside, 0, columns.length - 1);
      now.current.column = to;
      setCursor((at) => ({ ...at, column: to }));
      frame.current?.querySelector(`[data-head="${to}"]`)?.scrollIntoView({ block: "nearest", inline: "nearest" });
    } else if (event.key === "Enter") {
      if (now.current.row < 0 && column) sortBy(column.name);
      else openAt(now.current.row);
    } else if (event.key === " " && column) profile(column.name);
    else return;
    event.preventDefault();
    event.stopPropagation();
  };

  const openAt = (place: number) => {
    now.current.row = place;
    setCursor((at) => ({ ...at, row: place }));
    toOpen.current = place;
    openHere();
  };

  const gutter = 24 + 7.5 * count(Math.max(source.all, 999)).length;
  const template = `${gutter}px ${columns.map(({ kind }) => widths[kind] || `minmax(${least[kind]}px, 2fr)`).join(" ")}`;
  const width = columns.reduce((sum, { kind }) => sum + least[kind], gutter);
  const drawn: number[] = [];
  for (let place = first; place <= last; place += 1) drawn.push(place);
  const top = scale.scrollTop(offset) + first * rowHeight - offset;
  const active = cursor.row < 0 || (cursor.row >= first && cursor.row <= last);
  return (
    <div
      class="tb-grid"
      role="grid"
      ref={frame}
      tabIndex={0}
      aria-label="Rows. Enter opens a row; above the first row are the columns: Enter sorts, Space shows what one holds."
      aria-rowcount={rows + 1}
      aria-colcount={columns.length + 1}
      aria-busy={source.finding}
      aria-activedescendant={active ? `${id}-${cursor.row}-${cursor.column}` : undefined}
      {...ownKeys(onKeyDown)}
    >
      <div class="tb-scroll tb-grid-scroll" ref={scroller} onScroll={onScroll}>
        <div
          class="tb-grid-head"
          role="row"
          aria-rowindex={1}
          style={{ gridTemplateColumns: template, minWidth: `${width}px` }}
        >
          <span role="columnheader" class="tb-grid-number" aria-colindex={1}>
            row
          </span>
          {columns.map(({ name, kind, type }, at) => {
            const sort = query.sort?.column === name ? (query.sort.descending ? "descending" : "ascending") : "none";
            return (
              <span
                key={at}
                role="columnheader"
                id={`${id}--1-${at}`}
                data-head={at}
                aria-colindex={at + 2}
                aria-sort={sort}
                title={type.length > 60 ? kind : type}
                class={`${kind === "number" ? "tb-number" : ""} ${cursor.row < 0 && cursor.column === at ? "tb-at" : ""}`}
              >
                <button type="button" class="tb-grid-sort" tabIndex={-1} onClick={() => sortBy(name)}>
                  <Shown text={name} />
                  {sort !== "none" && <i aria-hidden="true">{sort === "ascending" ? "▲" : "▼"}</i>}
                </button>
                <button
                  type="button"
                  class="tb-grid-what"
                  tabIndex={-1}
                  aria-label={`What ${name.slice(0, 80)} holds`}
                  onClick={() => profile(name)}
                >
                  <svg viewBox="0 0 12 12" aria-hidden="true">
                    <path d="M2 10V6M6 10V2M10 10V7" />
                  </svg>
                </button>
              </span>
            );
          })}
        </div>
        <div class="tb-grid-space" style={{ height: `${scale.height}px`, minWidth: `${width}px` }}>
          <div class="tb-grid-rows" style={{ transform: `translateY(${top}px)` }}>
            {drawn.map((place) => (
              <Line
                key={place}
                row={source.at(place)}
                place={place}
                columns={columns}
                template={template}
                id={id}
                at={cursor.row === place ? cursor.column : -1}
                opened={opened !== null && source.at(place)?.number === opened}
                search={query.search}
                open={openAt}
              />
            ))}
          </div>
        </div>
      </div>
    </div>
  );
}

interface LineProps {
  row: Row | undefined;
  place: number;
  columns: TableInfo["columns"];
  template: string;
  id: string;
  at: number; // the column of the cursor, -1 where it is in another row
  opened: boolean;
  search: string;
  open: (place: number) => void;
}

function Line({ row, place, columns, template, id, at, opened, search, open }: LineProps) {
  return (
    <div
      role="row"
      aria-rowindex={place + 2}
      aria-selected={opened}
      class={`tb-grid-row ${opened ? "tb-opened" : ""} ${at >= 0 ? "tb-cursor" : ""}`}
      style={{ gridTemplateColumns: template }}
      onClick={() => open(place)}
    >
      <span role="rowheader" class="tb-grid-number" aria-colindex={1}>
        {row ? count(row.number) : "…"}
      </span>
      {columns.map(({ kind }, column) => (
        <span
          key={column}
          role="gridcell"
          id={`${id}-${place}-${column}`}
          aria-colindex={column + 2}
          class={`${kind === "number" ? "tb-number" : ""} ${at === column ? "tb-at" : ""}`}
        >
          {row ? <CellText cell={row.cells.get(column) ?? null} search={search} /> : null}
        </span>
      ))}
    </div>
  );
}
