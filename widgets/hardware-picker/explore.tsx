// Other values than the plan's: sliders, what fits, what it costs and why. All of it is computed here, at once, also while
// the kernel is busy; the plan itself changes only when Python is asked to plan again.

import { useCallback, useLayoutEffect, useMemo, useState } from "preact/hooks";
import { money, number } from "../shared/format";
import { memo } from "../shared/memo";
import type { ExploreMachine, Explore as Range } from "../shared/plan-types";
import { Press } from "../shared/press";
import { Glyph, ownKeys, Shown } from "../shared/ui";
import { oneLine } from "../shared/visible";
import { type Asking, named, type Place, samePlace } from "./asking";
import { Breakdown } from "./breakdown";
import { type At, costWords, explored, planned, requestFor, shapeWords, stops, tuningLike, wayFor } from "./explored";
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
  const need = useCallback(
    (context: number, rows: number) =>
      (found && wayFor(explore, found.machine, found.way.tuning, { ...found.shape, context, rows })?.need) ?? nothing,
    [explore, found?.machine, found?.way.tuning, found?.shape.rank],
  );
  if (!found) return null;

  const set = (changes: Partial<At>) => setAt((now) => ({ ...now, ...changes }));
  const { machine, way, shape, ranked } = found;
  const here = { backend: machine.backend, flavor: machine.flavor, tuning: way.tuning };
  const moved = !samePlace(here, begin);
  const differs = moved || at.context !== plan.context || at.rows !== plan.rows || (ranked && at.rank !== plan.rank);
  const request = found.verdict === "no" ? null : requestFor(view, explore, at, plan);
  const go = ({ backend, flavor, tuning }: Place) => {
    const next = explore.machines.find((each) => each.backend === backend && each.flavor === flavor);
    if (next) set({ backend, flavor, tuning: tuningLike(next, tuning) ?? tuning });
  };
  const [tried, kept] = view.chosen ? ["Not the plan", "The plan"] : ["Tried", "As it stands"];
  const begun = (Object.keys(plan) as (keyof At)[]).every((name) => at[name] === plan[name]);
  return (
    <section class={`tb-explore ${plots ? "" : "tb-no-plot"}`} aria-label="Other values">
      <div class="tb-sliders">
        <h3>Try other values</h3>
        <Machines explore={explore} machine={machine} go={(next) => go({ ...next, tuning: at.tuning })} />
        <Tunings ways={machine.ways} tuning={way.tuning} go={(tuning) => set({ tuning })} />
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
        need={need}
        gib={machine.gib}
        contexts={stops(explore.context)}
        batches={stops(explore.batch)}
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
          <Glyph name={verdictGlyphs[found.verdict]} /> <b>{differs ? tried : kept}</b>:{" "}
          {moved && <Shown text={`${named(here)}, `} />}
          {shapeWords(found)}: {costWords(found)}
        </p>
        <span class="tb-tried-buttons">
          <button type="button" class="tb-button" disabled={begun} onClick={() => setAt(plan)}>
            {samePlace(plan, view.chosen) ? "Back to the plan" : "Back"}
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

const nothing = { low: 0, high: 0 };

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

function Tunings({ ways, tuning, go }: { ways: Way[]; tuning: string; go: (tuning: string) => void }) {
  const tunings = [...new Set(ways.map((each) => each.tuning))];
  return (
    // biome-ignore lint/a11y/useSemanticElements: a fieldset has a look of its own in every host
    <div class="tb-choice tb-ways" role="group" aria-label="Tuning">
      {tunings.map((each) => (
        <button key={each} type="button" aria-pressed={each === tuning} onClick={() => go(each)}>
          <Shown text={each} />
        </button>
      ))}
    </div>
  );
}
