// What would bring the plan within memory, time or budget. Nothing is cut without a click, and each says what it costs then.

import { durationRange, moneyRange } from "../shared/format";
import { memo } from "../shared/memo";
import { Press } from "../shared/press";
import { Shown } from "../shared/ui";
import type { Asking } from "./asking";

export const Offers = memo(({ asking }: { asking: Asking }) => {
  const { view, send } = asking;
  if (view.offers.length === 0) return null;
  return (
    <div>
      <h3>{view.chosen ? "Also possible" : "What would fit"}</h3>
      <ul class="tb-offers">
        {view.offers.map(({ label, why, hours, usd, lines }, at) => (
          <li key={at}>
            {send ? (
              <Press
                label={label}
                busy="Planning"
                class="tb-button"
                offer={asking}
                ask={() => send({ kind: "offer", plan_id: view.plan_id ?? "", offer: at })}
              />
            ) : (
              <Shown class="tb-strong" text={label} />
            )}
            <span class="tb-small">
              <Shown text={why} /> {lines.length > 0 && <span class="tb-muted">As </span>}
              {lines.map((line, place) => (
                <span key={place} class="tb-muted tb-line">
                  <Shown class="tb-mono" text={line} />
                  {place < lines.length - 1 && ", "}
                </span>
              ))}
            </span>
            <span class="tb-number" data-label="time">
              {hours ? durationRange(hours.p50 * 3600, hours.p90 * 3600) : "unknown"}
            </span>
            <span class="tb-number" data-label="price">
              {usd ? moneyRange(usd.p50, usd.p90) : "unknown"}
            </span>
          </li>
        ))}
      </ul>
    </div>
  );
});
