// The machines and ways of tuning as a table: the front of price and time first, the rest folded.

import type { ComponentChild } from "preact";
import { useId, useState } from "preact/hooks";
import { count, durationRange, money, moneyRange } from "../shared/format";
import { memo } from "../shared/memo";
import type { PlanOption } from "../shared/plan-types";
import { Press } from "../shared/press";
import { Glyph, Shown } from "../shared/ui";
import { type Asking, named, samePlace } from "./asking";
import { groups, type Placed } from "./groups";
import { MemoryBand } from "./memory";

export const Options = memo(({ asking }: { asking: Asking }) => {
  const { options, chosen } = asking.view;
  const { first, fitting, not } = groups(options, chosen);
  const also = first.every(({ option }) => option.fits) ? "" : " more";
  const notes = commonSources(options);
  const rows = (placed: Placed[]) =>
    placed.map(({ option, at }) => <Row key={at} option={option} at={at} asking={asking} notes={notes} />);
  const detail = options.find((option) => samePlace(option, chosen))?.detail;
  return (
    <div>
      <table class="tb-table tb-options">
        <thead>
          <tr>
            <th>hardware and tuning</th>
            <th>memory needed, of what there is, GiB</th>
            <th class="tb-number">time, P50 to P90</th>
            <th class="tb-number">price, P50 to P90</th>
            <th>settings</th>
            <th>
              <span class="tb-unseen">remark</span>
            </th>
          </tr>
        </thead>
        <tbody>{rows(first)}</tbody>
        <Folded
          folds={[
            {
              label: `${count(fitting.length)} more that ${fitting.length === 1 ? "fits" : "fit"}`,
              rows: rows(fitting),
            },
            { label: `${count(not.length)}${also} that ${not.length === 1 ? "does" : "do"} not fit`, rows: rows(not) },
          ]}
        />
      </table>
      <div class="tb-label tb-sources">
        {notes?.map(({ kind, source }) => (
          <p key={kind}>
            <Shown text={kind} />: <Shown text={source} />
          </p>
        ))}
        {detail && (
          <p>
            Time: <Shown text={detail} />
          </p>
        )}
      </div>
    </div>
  );
});

/** Rows that are a click away, a button for each kind of them. */
function Folded({ folds }: { folds: { label: string; rows: ComponentChild[] }[] }) {
  const [open, setOpen] = useState<Record<number, boolean>>({});
  const id = useId();
  if (folds.every(({ rows }) => rows.length === 0)) return null;
  return (
    <>
      <tbody class="tb-more">
        <tr>
          <td colSpan={6}>
            {folds.map(
              ({ label, rows }, at) =>
                rows.length > 0 && (
                  <button
                    key={at}
                    type="button"
                    class="tb-link tb-small"
                    aria-expanded={open[at] ?? false}
                    aria-controls={`${id}-${at}`}
                    onClick={() => setOpen({ ...open, [at]: !open[at] })}
                  >
                    {label}
                  </button>
                ),
            )}
          </td>
        </tr>
      </tbody>
      {folds.map(({ rows }, at) => (
        <tbody key={at} id={`${id}-${at}`} hidden={!open[at]}>
          {open[at] && rows}
        </tbody>
      ))}
    </>
  );
}

interface RowProps {
  option: PlanOption;
  at: number;
  asking: Asking;
  notes: ReturnType<typeof commonSources>;
}

const unknown = <span class="tb-muted">unknown</span>;

function Row({ option, at, asking, notes }: RowProps) {
  const { backend, flavor, tuning, memory, hours, usd, settings, usd_per_hour: price } = option;
  const picked = samePlace(option, asking.view.chosen);
  const where = [backend === flavor ? "" : backend, price ? `${money(price)}/h` : ""];
  return (
    <tr class={picked ? "tb-picked" : ""}>
      <th scope="row">
        <Shown text={flavor} /> <Shown class="tb-tuning" text={tuning} />
        <span class="tb-label tb-under">
          <Shown text={where.filter(Boolean).join(", ")} />
        </span>
      </th>
      <td>
        {memory ? (
          <MemoryBand memory={memory} fits={option.fits} kind={(notes?.length ?? 2) > 1} source={notes === null} />
        ) : (
          unknown
        )}
      </td>
      <td class="tb-number" data-label="time">
        {hours ? durationRange(hours.p50 * 3600, hours.p90 * 3600) : unknown}
      </td>
      <td class="tb-number" data-label="price">
        {usd ? moneyRange(usd.p50, usd.p90) : unknown}
      </td>
      <td class="tb-label tb-settings">
        <Shown text={settings} />
      </td>
      <td class="tb-remark">
        <div>
          <Remark option={option} picked={picked} />
          {option.selectable && !picked && asking.send && (
            <Press
              label="Choose"
              about={named(option)}
              busy="Planning"
              class="tb-button tb-small tb-choose"
              offer={asking}
              ask={() => asking.send?.({ kind: "choose", plan_id: asking.view.plan_id ?? "", option: at }) ?? false}
            />
          )}
        </div>
      </td>
    </tr>
  );
}

function Remark({ option: { fits, recommended, why }, picked }: { option: PlanOption; picked: boolean }) {
  const words = [picked && "chosen", recommended && "recommended"].filter(Boolean).join(", ");
  return (
    <span class="tb-remark-words">
      {words && (
        <span class="tb-strong">
          {picked && <Glyph name="good" />} {words}
          {why && ": "}
        </span>
      )}
      {!fits && (
        <span class="tb-stop">
          <Glyph name="stop" /> does not fit{why && ": "}
        </span>
      )}
      <Shown class="tb-small tb-muted" text={why} />
    </span>
  );
}

/** How the memory of each kind is known, where all rows of a kind know it alike; null where each has to say it. */
function commonSources(options: PlanOption[]): { kind: string; source: string }[] | null {
  const found = new Map<string, string>();
  for (const { memory } of options) {
    if (!memory) continue;
    const { kind, source } = memory;
    if (found.has(kind) && found.get(kind) !== source) return null;
    found.set(kind, source);
  }
  return [...found].map(([kind, source]) => ({ kind, source }));
}
