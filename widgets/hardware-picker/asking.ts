// What a person can decide about a plan by a click: Python plans again, and nothing is started.

import type { PlanView } from "../shared/plan-types";
import type { Problem, Request } from "../shared/types";

export interface Asking {
  /** null: nobody would answer, so that there are no buttons. */
  send: ((request: Request) => boolean) | null;
  view: PlanView;
  /** What went wrong last: it answers a press, as another view does. */
  problem: Problem | null;
}

/** "l4x1, lora": what tells an option from the others. */
export const named = ({ flavor, tuning }: { flavor: string; tuning: string }) => `${flavor}, ${tuning}`;

export type Place = { backend: string; flavor: string; tuning: string };

export const samePlace = (one: Place, other: Place | null) =>
  one.backend === other?.backend && one.flavor === other.flavor && one.tuning === other.tuning;
