// Other values than the plan's: sliders, what fits, what it costs and why. All of it is computed here, at once, also while
// the kernel is busy; the plan itself changes only when Python is asked to plan again.

import { useLayoutEffect, useMemo, useState } from "preact/hooks";
import { money, number } from "../shared/format";
import { memo } from "../shared/memo";
import type { ExploreMachine, Explore as Range } from "../shared/plan-types";
import { Press } from "../shared/press";
import { Glyph, ownKeys, Shown } from "../shared/ui";
import { oneLine } from "../shared/visible";
import { type Asking, named } from "./asking";
import { Breakdown } from "./breakdown";
import { type At, costWords, explored, planned, requestFor, shapeWords, stops, wayLike } from "./explored";
import type { Way } from "./forecast";
import { HeatMap } from "./heat-map";
import { drawable, Plot } from "./plot";
import { Slider } from "./slider";

export const Explore = memo(({ asking }: { asking: Asking }) => {
  const { view } = asking;
  const plots = drawable(view).length > 1;
  if (view.explore && view.explore.machines.length > 0)
    return <Explorer asking={asking} explore={view.explore} plots={plots} />;
  return plots ? (
    <div class="tb-explore">
      <Plot view={view} tried={null} pick={null} />
    </div>
  ) : null;
});

function Explorer({ asking, explore, plots }: { asking: Asking; explore: Range; plots: boolean }) {
  const { view, send } = asking;
  const begin = view.chosen ?? view.options[0] ?? null;
  const plan = useMemo(() => planned(explore, begin), [explore, begin]);
  const [at, setAt] = useState(plan);
  // Another plan has values of its own: what was tried before belongs to the old one.
  useLayoutEffect(() => setAt(plan), [view.plan_id, plan]);
  // A press is about where the sliders stand, and another place is another question.
  const offer = useMemo(() => ({ asking, at }), [asking, at]);
  const found = explored(explore, at) ?? explored(explore, plan);
  if (!found) return null;

  const set = (changes: Partial<At>) => setAt((now) => ({ ...now, ...changes }));
  const { machine, way, law, shape, ranked } = found;
  const moved = !sameWay(at, plan);
  const differs = moved || at.context !== plan.context || at.rows !== plan.rows || (ranked && at.rank !== plan.rank);
  const request = found.verdict === "no" ? null : requestFor(view, explore, at, plan);
  const go = ({ backend, flavor, tuning }: Pick<At, "backend" | "flavor" | "tuning">) => {
    const next = explore.machines.find((each) => each.backend === backend && each.flavor === flavor);
    const like = next && wayLike(next, { tuning, checkpointing: at.checkpointing });
    if (like) set({ backend, flavor, tuning: like.tuning, checkpointing: like.checkpointing });
  };
  const subject = differs ? "Not the plan" : view.chosen ? "The plan" : "As it stands";
  return (
    <section class={`tb-explore ${plots ? "" : "tb-no-plot"}`} aria-label="Other values">
      <div class="tb-sliders">
        <h3>Try other values</h3>
        <Machines explore={explore} machine={machine} go={(next) => go({ ...next, tuning: at.tuning })} />
        <Ways ways={machine.ways} way={way} go={({ tuning, checkpointing }) => set({ tuning, checkpointing })} />
        <Slider
          name="context"
          unit="tokens"
          stops={stops(explore.context)}
          value={shape.context}
          plan={plan.context}
          set={(context) => set({ context })}
        />
        <Slider
          name="rows on the card at once"
          stops={stops(explore.batch)}
          value={shape.rows}
          plan={plan.rows}
          set={(rows) => set({ rows })}
        />
        <Slider
          name="rank of the adapter"
          stops={explore.rank ? stops(explore.rank) : [0]}
          value={at.rank}
          plan={plan.rank}
          idle={!ranked}
          set={(rank) => set({ rank })}
        />
      </div>
      <HeatMap
        law={law}
        gib={machine.gib}
        contexts={stops(explore.context)}
        batches={stops(explore.batch)}
        rank={shape.rank}
        context={shape.context}
        rows={shape.rows}
        plan={{ context: plan.context, rows: plan.rows }}
        set={(context, rows) => set({ context, rows })}
      />
      {plots && (
        <Plot
          view={view}
          tried={
            differs ? { flavor: machine.flavor, tuning: way.tuning, seconds: found.seconds, usd: found.usd } : null
          }
          pick={go}
        />
      )}
      <div class="tb-tried-line">
        <p role="status" class={differs ? "" : "tb-muted"}>
          <Glyph name={verdictGlyphs[found.verdict]} /> <b>{subject}</b>:{" "}
          {moved && <Shown text={`${named({ flavor: machine.flavor, tuning: wayWords(way, machine.ways) })}, `} />}
          {shapeWords(shape, ranked)}: {costWords(found)}
        </p>
        <span class="tb-tried-buttons">
          <button type="button" class="tb-button" disabled={!differs} onClick={() => setAt(plan)}>
            {view.chosen ? "Back to the plan" : "Back"}
          </button>
          {send && (
            <Press
              label="Plan with this"
              busy="Planning"
              class="tb-button"
              offer={offer}
              ask={request && differs ? () => send(request) : null}
            />
          )}
        </span>
      </div>
      <Breakdown explore={explore} found={found} />
    </section>
  );
}

const verdictGlyphs = { fits: "good", tight: "care", no: "stop" } as const;

const sameWay = (one: At, other: At) =>
  one.backend === other.backend &&
  one.flavor === other.flavor &&
  one.tuning === other.tuning &&
  one.checkpointing === other.checkpointing;

/** The tuning, and what else tells it from another way of the same. */
function wayWords(way: Way, ways: Way[]): string {
  const alike = ways.filter(({ tuning }) => tuning === way.tuning).length > 1;
  return alike && !way.checkpointing ? `${way.tuning}, no checkpointing` : way.tuning;
}

interface MachinesProps {
  explore: Range;
  machine: ExploreMachine;
  go: (machine: ExploreMachine) => void;
}

function Machines({ explore: { machines }, machine, go }: MachinesProps) {
  return (
    <select
      class="tb-field"
      aria-label="Machine"
      value={machines.indexOf(machine)}
      {...ownKeys()}
      onChange={(event) => {
        const next = machines[Number(event.currentTarget.value)];
        if (next) go(next);
      }}
    >
      {machines.map(({ flavor, gib, usd_per_hour: price }, place) => (
        <option key={place} value={place}>
          {oneLine(flavor)}, {number(gib)} GiB{price > 0 && `, ${money(price)}/h`}
        </option>
      ))}
    </select>
  );
}

function Ways({ ways, way, go }: { ways: Way[]; way: Way; go: (way: Way) => void }) {
  return (
    // biome-ignore lint/a11y/useSemanticElements: a fieldset has a look of its own in every host
    <div class="tb-choice tb-ways" role="group" aria-label="Tuning">
      {ways.map((each, at) => (
        <button key={at} type="button" aria-pressed={each === way} onClick={() => go(each)}>
          <Shown text={wayWords(each, ways)} />
        </button>
      ))}
    </div>
  );
}
