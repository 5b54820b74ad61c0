// Which options are shown at once: those between which a person has to choose. The others are a click away.

import type { PlanOption, PlanView } from "../shared/plan-types";
import { samePlace } from "./asking";

/** An option and its place in the plan, by which it is asked for. */
export interface Placed {
  option: PlanOption;
  at: number;
}

export interface Groups {
  first: Placed[];
  fitting: Placed[];
  not: Placed[];
}

/** So many are no burden: nothing is folded away. */
const few = 6;
/** Shown of what has neither a front nor a fit. */
const some = 4;

/** What has no price comes last, equals stay as they came. */
const cheaper = (one: Placed, other: Placed) => price(one) - price(other) || one.at - other.at;
const price = ({ option }: Placed) => option.usd?.p50 ?? Number.MAX_VALUE;

export function groups(options: PlanOption[], chosen: PlanView["chosen"]): Groups {
  const all = options.map((option, at) => ({ option, at }));
  if (all.length <= few) return { first: all, fitting: [], not: [] };
  // Ways of tuning learn differently: beside the chosen one stand those machines that do the same.
  const alike = ({ tuning }: PlanOption) => !chosen || tuning === chosen.tuning;
  const leads = ({ option }: Placed) =>
    (option.fits && ((option.front && alike(option)) || option.recommended)) || samePlace(option, chosen);
  const first = all.filter(leads);
  const fitting = all.filter((each) => each.option.fits && !leads(each));
  const not = all.filter((each) => !each.option.fits && !leads(each));
  if (first.length === 0) first.push(...(fitting.length > 0 ? fitting : not).splice(0, some));
  return { first: first.sort(cheaper), fitting: fitting.sort(cheaper), not };
}
