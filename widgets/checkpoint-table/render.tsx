// The base and every checkpoint on one benchmark: what was solved, how sure that is, whether it beats the base.

import { count, delta, loss, number, pValue, unknown } from "../shared/format";
import { memo } from "../shared/memo";
import { Solo, type SoloHost } from "../shared/solo";
import type { CompareView } from "../shared/types";
import { draw, Glyph, Scroll, Shown } from "../shared/ui";
import { type Axis, axisOf, Interval } from "./interval";
import css from "./style.css?inline";

export { css };

type Row = CompareView["rows"][number];

export const CheckpointTable = memo(({ view }: { view: CompareView }) => {
  const axis = axisOf(view.rows);
  const base = view.rows.find((row) => row.checkpoint === "base") ?? null;
  const counted = view.rows.some((row) => row.passed !== null);
  const withLoss = view.rows.some((row) => row.heldout_loss !== null);
  return (
    <div class="tb-body">
      <Scroll class="tb-scroll" label="Checkpoints">
        <table class="tb-table tb-checkpoints">
          <caption class="tb-unseen">
            <Shown text={view.benchmark} />, <Shown text={view.metric} />
          </caption>
          <thead>
            <tr>
              <th>checkpoint</th>
              <th class="tb-number">{counted ? "solved" : <Shown text={view.metric} />}</th>
              <th class="tb-interval-cell">
                <Scale axis={axis} metric={view.metric} better={view.higher_is_better} />
              </th>
              <th class="tb-number">against base{counted && ", points"}</th>
              {withLoss && <th class="tb-number">held-out loss</th>}
              <th>
                <span class="tb-unseen">remark</span>
              </th>
            </tr>
          </thead>
          <tbody>
            {view.rows.map((row) => (
              <tr key={row.checkpoint} class={row.checkpoint === view.best ? "tb-picked" : ""}>
                <th scope="row">
                  <Shown text={row.checkpoint} />
                </th>
                <td class="tb-number" data-label={counted ? "solved" : "score"}>
                  {solved(row)}
                </td>
                <td class="tb-interval-cell">
                  <Interval row={row} axis={axis} base={base?.score ?? null} />
                </td>
                <td class="tb-number" data-label="against base">
                  <Against row={row} />
                </td>
                {withLoss && (
                  <td class="tb-number" data-label="held-out loss">
                    {row.heldout_loss === null ? unknown : loss(row.heldout_loss)}
                  </td>
                )}
                <td class="tb-remark">
                  {row.checkpoint === view.best && <span class="tb-unseen">best. </span>}
                  <Shown text={row.note} />
                </td>
              </tr>
            ))}
            {view.pending.map((checkpoint) => (
              <tr key={checkpoint} class="tb-pending">
                <th scope="row">
                  <Shown text={checkpoint} />
                </th>
                <td />
                <td colSpan={withLoss ? 4 : 3}>
                  <Glyph name="waiting" /> not scored yet
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </Scroll>
      <p class="tb-label tb-benchmark">
        <Shown
          text={view.benchmark.replaceAll("_", " ") === view.metric ? view.metric : `${view.benchmark}, ${view.metric}`}
        />
        : 95 % intervals; p is paired, against the base.
      </p>
    </div>
  );
});

/** "61 of 100" where the metric is a count, else the score itself. */
function solved(row: Row): string {
  return row.passed !== null && row.total !== null ? `${count(row.passed)} of ${count(row.total)}` : number(row.score);
}

/** A share is compared in percentage points, another metric in its own unit. */
function Against({ row }: { row: Row }) {
  if (!row.vs_base) return <span class="tb-muted">{unknown}</span>;
  const { delta: difference, p } = row.vs_base;
  return (
    <>
      {delta(row.passed === null ? difference : difference * 100)}
      {p !== null && <span class="tb-muted">, {pValue(p)}</span>}
    </>
  );
}

/** The head of the intervals' column: the ends of the axis that all rows share. */
function Scale({ axis, metric, better }: { axis: Axis; metric: string; better: boolean }) {
  return (
    <span class="tb-scale">
      <span>{number(axis.low, 2)}</span>
      <span class="tb-scale-name">
        <Shown text={metric} />
        {better ? "" : ", less is better"}
      </span>
      <span>{number(axis.high, 2)}</span>
    </span>
  );
}

export function mount(root: HTMLElement, host: SoloHost<CompareView>, signal: AbortSignal): void {
  draw(
    root,
    [css],
    <Solo
      title="Compare"
      testid="tunebook-checkpoint-table"
      empty="No checkpoint is scored yet."
      snapshot={host.snapshot}
      body={(view) => <CheckpointTable view={view} />}
    />,
    signal,
  );
}
