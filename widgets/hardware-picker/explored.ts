// Where the sliders stand: the machine, the way of tuning and the three values; and how that differs from the plan.

import { count, durationRange, gibRange, moneyRange, number } from "../shared/format";
import type { Explore, ExploreMachine, MemoryLaw, PlanView, Slider } from "../shared/plan-types";
import type { Request, Shape as ShapeRequest } from "../shared/types";
import { samePlace } from "./asking";
import { forecast, type Way } from "./forecast";
import { band, type Need, type Shape, type Verdict, verdict } from "./memory-law";

/** Values, not places in lists, so that another plan's lists cannot shift them. */
export interface At {
  backend: string;
  flavor: string;
  tuning: string;
  checkpointing: boolean;
  context: number;
  rows: number;
  rank: number;
}

export const verdictWords: Record<Verdict, string> = { fits: "fits", tight: "tight", no: "does not fit" };

/** What a slider can take, the plan's own value among it. */
export function stops({ value, steps }: Slider): number[] {
  return steps.includes(value) ? steps : [...steps, value].sort((a, b) => a - b);
}

/** The plan's own place; where nothing is chosen, the first machine's. */
export function planned(explore: Explore, chosen: PlanView["chosen"]): At {
  const { machines, context, batch, rank } = explore;
  const machine = machines.find((each) => placeOf(each, each.ways, chosen)) ?? machines[0];
  const way = machine?.ways.find(({ tuning }) => tuning === chosen?.tuning) ?? machine?.ways[0];
  return {
    backend: machine?.backend ?? "",
    flavor: machine?.flavor ?? "",
    tuning: way?.tuning ?? "",
    checkpointing: way?.checkpointing ?? false,
    context: context.value,
    rows: batch.value,
    rank: rank?.value ?? 0,
  };
}

const placeOf = (machine: ExploreMachine, ways: Way[], chosen: PlanView["chosen"]) =>
  ways.some(({ tuning }) => samePlace({ ...machine, tuning }, chosen));

/** The way on another machine that is most like the one at hand. */
export function wayLike(machine: ExploreMachine, at: Pick<At, "tuning" | "checkpointing">): Way | undefined {
  const { ways } = machine;
  return (
    ways.find(({ tuning, checkpointing }) => tuning === at.tuning && checkpointing === at.checkpointing) ??
    ways.find(({ tuning }) => tuning === at.tuning) ??
    ways[0]
  );
}

export interface Explored {
  machine: ExploreMachine;
  way: Way;
  law: MemoryLaw;
  shape: Shape;
  /** Whether the rank changes anything: an adapter is trained. */
  ranked: boolean;
  need: Need;
  verdict: Verdict;
  seconds: { p50: number; p90: number };
  usd: { p50: number; p90: number };
}

/** Everything that follows from where the sliders stand; null where there is no such machine or law. */
export function explored(explore: Explore, at: At): Explored | null {
  const machine = explore.machines.find(({ backend, flavor }) => backend === at.backend && flavor === at.flavor);
  const way = machine && wayLike(machine, at);
  const law = way && explore.laws[way.law];
  if (!machine || !law) return null;
  const ranked = explore.rank !== null && usesRank(law);
  const shape = { rows: at.rows, context: at.context, rank: ranked ? at.rank : 0 };
  const need = band(law, shape);
  return {
    ...{ machine, way, law, shape, ranked, need },
    verdict: verdict(need, machine.gib),
    ...forecast(explore, machine, way, shape),
  };
}

function usesRank({ regimes }: MemoryLaw): boolean {
  return regimes.some(({ phases }) => phases.some(({ bytes }) => bytes.some((each) => each[2] || each[3])));
}

export const gib = ({ low, high }: Need) => gibRange(low, high);

/** "4,096 tokens, batch 2, rank 32". */
export function shapeWords({ rows, context, rank }: Shape, ranked: boolean): string {
  return `${count(context)} tokens, batch ${count(rows)}${ranked ? `, rank ${count(rank)}` : ""}`;
}

/** "11.2 to 13.0 GiB, 25 to 38 min, $0.42 to $0.61". */
export function costWords({ need, machine, verdict: found, seconds, usd }: Explored): string {
  const room = found === "fits" ? "" : ` of ${number(machine.gib)}, ${verdictWords[found]}`;
  return `${gib(need)} GiB${room}, ${durationRange(seconds.p50, seconds.p90)}, ${moneyRange(usd.p50, usd.p90)}`;
}

/** What to ask of Python so that it plans with this; null where nothing differs or it cannot be planned. */
export function requestFor(view: PlanView, explore: Explore, at: At, plan: At): Request | null {
  const asked: Omit<ShapeRequest, "kind" | "plan_id" | "option"> = {
    ...(at.context !== plan.context && { max_length: at.context }),
    ...(at.rows !== plan.rows && { device_batch_size: at.rows }),
    ...(explore.rank && at.rank !== plan.rank && { lora_rank: at.rank }),
  };
  const plan_id = view.plan_id ?? "";
  const shaped = Object.keys(asked).length > 0;
  if (at.backend === plan.backend && at.flavor === plan.flavor && at.tuning === plan.tuning && view.chosen)
    return shaped ? { kind: "shape", plan_id, ...asked } : null;
  const option = view.options.findIndex((each) => samePlace(each, at));
  if (option < 0) return null;
  if (shaped) return { kind: "shape", plan_id, option, ...asked };
  return view.options[option]?.selectable ? { kind: "choose", plan_id, option } : null;
}
