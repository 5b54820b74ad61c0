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
  context: number;
  rows: number;
  rank: number;
}

export const verdictWords: Record<Verdict, string> = { fits: "fits", tight: "tight", no: "does not fit" };

/** What a slider can take, the plan's own value among it. */
export function stops({ value, steps }: Slider): number[] {
  return steps.includes(value) ? steps : [...steps, value].sort((a, b) => a - b);
}

/** The place of what is chosen; where that is none of the machines, the first one's. */
export function planned(explore: Explore, chosen: PlanView["chosen"]): At {
  const { machines, context, batch, rank } = explore;
  const machine = machines.find((each) => placeOf(each, each.ways, chosen)) ?? machines[0];
  return {
    backend: machine?.backend ?? "",
    flavor: machine?.flavor ?? "",
    tuning: (machine && tuningLike(machine, chosen?.tuning ?? "")) ?? "",
    context: context.value,
    rows: batch.value,
    rank: rank?.value ?? 0,
  };
}

const placeOf = (machine: ExploreMachine, ways: Way[], chosen: PlanView["chosen"]) =>
  ways.some(({ tuning }) => samePlace({ ...machine, tuning }, chosen));

/** This way of tuning if the machine has it, else its first. */
export function tuningLike({ ways }: ExploreMachine, wanted: string): string | undefined {
  return (ways.find(({ tuning }) => tuning === wanted) ?? ways[0])?.tuning;
}

/** A way of training, and what it needs of the card. */
export interface Fitted {
  way: Way;
  law: MemoryLaw;
  need: Need;
}

/**
 * The way that a plan would take for these values, with checkpointing or without: the fastest that fits, and where none
 * does the one that needs least.
 */
export function wayFor({ laws }: Explore, { ways, gib: room }: ExploreMachine, tuning: string, shape: Shape) {
  let best: Fitted | null = null;
  const speed = ({ token_s, per_rank }: Way) => token_s.p50 * (1 + per_rank * shape.rank);
  for (const way of ways) {
    const law = laws[way.law];
    if (way.tuning !== tuning || !law) continue;
    const need = band(law, shape);
    const fits = need.high <= room;
    const better = !best || (fits ? best.need.high > room || speed(way) < speed(best.way) : need.high < best.need.high);
    if (better) best = { way, law, need };
  }
  return best;
}

export interface Explored extends Fitted {
  machine: ExploreMachine;
  shape: Shape;
  /** Whether the rank changes anything: an adapter is trained. */
  ranked: boolean;
  verdict: Verdict;
  seconds: { p50: number; p90: number };
  usd: { p50: number; p90: number };
}

/** Everything that follows from where the sliders stand; null where there is no such machine or law. */
export function explored(explore: Explore, at: At): Explored | null {
  const machine = explore.machines.find(({ backend, flavor }) => backend === at.backend && flavor === at.flavor);
  const shape = { rows: at.rows, context: at.context, rank: explore.rank ? at.rank : 0 };
  const fitted = machine && wayFor(explore, machine, at.tuning, shape);
  if (!machine || !fitted) return null;
  return {
    ...{ machine, shape, ...fitted },
    ranked: explore.rank !== null && usesRank(fitted.law),
    verdict: verdict(fitted.need, machine.gib),
    ...forecast(explore, machine, fitted.way, shape),
  };
}

function usesRank({ regimes }: MemoryLaw): boolean {
  return regimes.some(({ phases }) => phases.some(({ bytes }) => bytes.some((each) => each[2] || each[3])));
}

export const gib = ({ low, high }: Need) => gibRange(low, high);

/** "4,096 tokens, batch 2, rank 32, checkpointing". */
export function shapeWords({ shape: { rows, context, rank }, ranked, way }: Explored): string {
  const more = [ranked && `rank ${count(rank)}`, way.checkpointing && "checkpointing"].filter(Boolean);
  return [`${count(context)} tokens`, `batch ${count(rows)}`, ...more].join(", ");
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
  if (samePlace(at, view.chosen)) return shaped ? { kind: "shape", plan_id, ...asked } : null;
  const option = view.options.findIndex((each) => samePlace(each, at));
  if (option < 0) return null;
  if (shaped) return { kind: "shape", plan_id, option, ...asked };
  return view.options[option]?.selectable ? { kind: "choose", plan_id, option } : null;
}
