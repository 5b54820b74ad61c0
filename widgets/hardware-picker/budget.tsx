// The budget as a sentence and a bar: what is spent, what is promised, what is left.

import { money } from "../shared/format";
import type { PlanView } from "../shared/plan-types";
import { Shown } from "../shared/ui";

export function Budget({ budget, prices }: Pick<PlanView, "budget" | "prices">) {
  if (!budget && !prices) return null;
  const { cap = null, reserved = 0, spent = 0, left = null } = budget ?? {};
  const used = `${money(reserved)} reserved, ${money(spent)} spent`;
  const rest = left === null ? "" : left < 0 ? `, ${money(-left)} over it` : `, ${money(left)} left`;
  const share = (usd: number) => `${cap ? Math.max(0, Math.min(1, usd / cap)) * 100 : 0}%`;
  return (
    <div class="tb-budget tb-small">
      {budget && cap !== null && (
        <span class="tb-budget-bar" aria-hidden="true">
          <i style={{ width: share(spent) }} />
          <i class="tb-reserved" style={{ width: share(reserved) }} />
        </span>
      )}
      {budget && <span>{cap === null ? `No budget is set: ${used}.` : `Budget ${money(cap)}: ${used}${rest}.`}</span>}
      <Shown class="tb-muted" text={prices} />
    </div>
  );
}
