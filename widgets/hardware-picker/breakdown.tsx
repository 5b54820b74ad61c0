// What fills the card at the peak, stacked against what the card has.

import { useMemo } from "preact/hooks";
import { number } from "../shared/format";
import type { Explore } from "../shared/plan-types";
import { Shown } from "../shared/ui";
import { type Explored, gib } from "./explored";
import { peak } from "./memory-law";
import { driver, type Piece, pieces, process, ranks } from "./stack";

/** Where on the bar the card ends; what is right of it does not fit. */
const limit = 0.84;
/** When that is: the phases of tunebook/pipeline/hardware/meta/step.py, as they stand in a sentence. */
const phases: Record<string, string> = {
  forward: "in the forward pass",
  loss: "at the loss",
  "loss backward": "in the backward pass of the loss",
  "top layers": "in the backward pass of the top layers",
  "bottom layers": "in the backward pass of the bottom layers",
  embeddings: "in the backward pass of the embeddings",
  optimizer: "in the optimizer's step",
  generation: "while it samples answers",
};
const one = (size: number) => gib({ low: size, high: size });

export function Breakdown({ explore, found }: { explore: Explore; found: Explored }) {
  const { law, shape, need, machine, way } = found;
  const ordered = useMemo(() => {
    // With checkpointing and without: a slider that changes it must not change what is listed.
    const laws = machine.ways.filter(({ tuning }) => tuning === way.tuning).map((each) => explore.laws[each.law]);
    return ranks(
      laws.filter((each) => each !== undefined),
      machine.gib,
      explore,
    );
  }, [machine, way.tuning, explore]);
  const parts = pieces(law, shape, ordered);
  const { phase } = peak(law, shape);
  const used = parts.reduce((sum, each) => sum + each.gib, 0);
  // As long as it is within the picture the card stays in its place; a need far beyond it makes the card small.
  const scale = 1 / Math.max(machine.gib / limit, need.high);
  const percent = (size: number) => `${(Math.max(0, size) * scale * 100).toFixed(2)}%`;
  const tone = (at: number) => ({ "--tb-share": `${Math.max(20, 100 - at * 22)}%` });
  // What the card's driver takes is no part of the training.
  const kind = ({ name }: Piece) => (name === driver || name === process ? "tb-piece tb-driver" : "tb-piece");
  const reserve = { low: Math.max(0, need.low - used), high: Math.max(0, need.high - used) };
  return (
    <div class="tb-breakdown">
      <p>
        <b>At its peak</b>
        {phase && (
          <>
            , <Shown text={Object.hasOwn(phases, phase) ? (phases[phase] ?? "") : phase} />,
          </>
        )}{" "}
        it needs <span class="tb-live">{gib(need)}</span> of {number(machine.gib)} GiB
      </p>
      <div class="tb-stack" aria-hidden="true">
        {parts.map((each, at) => (
          <i key={each.name} class={kind(each)} style={{ width: percent(each.gib), ...tone(at) }} />
        ))}
        <i class="tb-reserve" style={{ width: percent(reserve.high) }} />
        <i class="tb-stack-over" style={{ left: percent(machine.gib), width: percent(need.high - machine.gib) }} />
        <i class="tb-stack-limit" style={{ left: percent(machine.gib) }} />
      </div>
      <ul class="tb-parts tb-small">
        {parts.map((each, at) => (
          <li key={each.name}>
            <i class={kind(each)} style={tone(at)} aria-hidden="true" />
            <Shown text={each.name} /> <b>{one(each.gib)}</b>
          </li>
        ))}
        {reserve.high > 0 && (
          <li>
            <i class="tb-reserve" aria-hidden="true" />
            reserve <b>{gib(reserve)}</b>
          </li>
        )}
      </ul>
    </div>
  );
}
