// What one column holds over all rows: how much, between which ends, how spread, and what is there most often.

import { useEffect, useState } from "preact/hooks";
import { count, number, percent } from "../shared/format";
import type { ColumnHistogram, ColumnProfile, TableInfo } from "../shared/table-types";
import { Glyph, ownKeys, Shown } from "../shared/ui";
import type { RowsSource } from "./rows-source";

interface Props {
  source: RowsSource;
  column: TableInfo["columns"][number];
  close: () => void;
}

export function ColumnDrawer({ source, column, close }: Props) {
  const [told, setTold] = useState<{ profile?: ColumnProfile; histogram?: ColumnHistogram; error?: string }>({});
  const { name } = column;
  useEffect(() => {
    let here = true;
    setTold({});
    source.column(name, (part) => here && setTold((before) => ({ ...before, ...part })));
    return () => {
      here = false;
    };
  }, [source, name]);
  const { profile, histogram, error } = told;
  const measured = profile && Object.keys(profile.quantiles).length > 0 ? profile : null;
  return (
    <aside
      class="tb-drawer"
      aria-label={`Column ${name.slice(0, 80)}`}
      {...ownKeys((event) => event.key === "Escape" && close())}
    >
      <div class="tb-rows-head">
        <h3>
          <Shown text={name} />
        </h3>
        <span class="tb-label">
          <Shown text={column.type.length > 80 ? `${column.type.slice(0, 80)}…` : column.type} />
        </span>
        <button type="button" class="tb-button tb-close" onClick={close} aria-label="Close">
          ×
        </button>
      </div>
      <div class="tb-drawer-body" aria-live="polite">
        {error ? (
          <p class="tb-stop">
            <Shown text={error} />
          </p>
        ) : !profile ? (
          <p class="tb-muted">
            <Glyph name="working" /> Looking at all rows
          </p>
        ) : (
          <dl class="tb-facts-list">
            <Fact
              name="empty"
              value={profile.nulls === 0 ? "none" : `${count(profile.nulls)}, ${percent(profile.nulls / profile.rows)}`}
            />
            <Fact name="different" value={`${profile.exact ? "" : "about "}${count(profile.distinct)}`} />
            {profile.of === "value" && profile.least !== null && <Fact name="least" value={profile.least} />}
            {profile.of === "value" && profile.most !== null && <Fact name="most" value={profile.most} />}
            {measured && (
              <Fact
                name={measured.of === "length" ? "half are within" : "half are below"}
                value={`${measured.exact ? "" : "about "}${number(measured.quantiles.p50 ?? 0)}`}
              />
            )}
            {measured && (
              <Fact
                name="99 % are within"
                value={`${measured.exact ? "" : "about "}${number(measured.quantiles.p99 ?? 0)}`}
              />
            )}
          </dl>
        )}
        {histogram && histogram.counts.length > 0 && <Bars histogram={histogram} list={column.kind === "nested"} />}
        {profile && profile.frequent.length > 0 && (
          <div>
            <p class="tb-label">most frequent</p>
            <ul class="tb-frequent">
              {profile.frequent.slice(0, 8).map(([value, rows]) => (
                <li key={value}>
                  <span class="tb-cell">
                    {value === "" ? <span class="tb-nothing">empty</span> : <Shown text={value ?? "null"} />}
                  </span>
                  <span class="tb-number">{count(rows)}</span>
                  <i style={{ width: `${(100 * rows) / profile.rows}%` }} aria-hidden="true" />
                </li>
              ))}
            </ul>
          </div>
        )}
      </div>
    </aside>
  );
}

function Fact({ name, value }: { name: string; value: string }) {
  return (
    <div>
      <dt class="tb-muted">{name}</dt>
      <dd class="tb-number">
        <Shown text={value} />
      </dd>
    </div>
  );
}

const width = 280;
const height = 56;

function Bars({ histogram: { of, edges, counts }, list }: { histogram: ColumnHistogram; list: boolean }) {
  const highest = Math.max(...counts, 1);
  const bar = width / counts.length;
  const whole = of === "length";
  const first = edges[0] ?? 0;
  const last = edges.at(-1) ?? 0;
  const words = whole ? (list ? "parts of a list" : "characters of a text") : "values";
  const said = (value: number) => (Number.isInteger(value) ? count(value) : number(value));
  return (
    <figure class="tb-histogram">
      <figcaption class="tb-label">{words}</figcaption>
      <svg
        viewBox={`0 0 ${width} ${height}`}
        preserveAspectRatio="none"
        role="img"
        aria-label={`${words}, from ${said(first)} to ${said(last)}`}
      >
        {counts.map((rows, at) => {
          const tall = rows === 0 ? 0 : Math.max(1.5, (rows / highest) * (height - 4));
          return <rect key={at} x={at * bar + 0.5} width={Math.max(bar - 1, 0.5)} y={height - tall} height={tall} />;
        })}
      </svg>
      <div class="tb-label tb-ends">
        <span>{said(first)}</span>
        <span>{said(last)}</span>
      </div>
    </figure>
  );
}
