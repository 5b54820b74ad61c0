// A band of memory against what the machine has: each row is drawn to its own machine, so that "does it fit" is what one sees.

import { gibRange, number } from "../shared/format";
import type { PlanView } from "../shared/plan-types";
import { Shown } from "../shared/ui";

type Memory = NonNullable<PlanView["options"][number]["memory"]>;

/** Where on the track the machine's limit stands; what lies to its right does not fit. */
const limit = 0.84;

/** Shares of the track, 0 to 1, ends cut where the need runs off it. */
export function band({ low, high, available }: Memory): { low: number; high: number; over: boolean } {
  const scale = available > 0 ? limit / available : 1;
  return { low: Math.min(low * scale, 1), high: Math.min(high * scale, 1), over: high > available };
}

interface Props {
  memory: Memory;
  fits: boolean;
  /** Whether to say which memory it is, and how it is known: not where every row says the same. */
  kind: boolean;
  source: boolean;
}

export function MemoryBand({ memory, fits, kind, source }: Props) {
  const { low, high, over } = band(memory);
  const percent = (share: number) => `${(share * 100).toFixed(1)}%`;
  const words = `${gibRange(memory.low, memory.high)} of ${number(memory.available)}`;
  return (
    <div class="tb-memory">
      <div class={`tb-memory-track ${over || !fits ? "tb-memory-over" : ""}`} aria-hidden="true">
        <i class="tb-memory-need" style={{ width: percent(low) }} />
        <i class="tb-memory-band" style={{ left: percent(low), width: `max(3px, ${percent(high - low)})` }} />
        <i class="tb-memory-limit" style={{ left: percent(limit) }} />
      </div>
      <span class="tb-memory-words">
        {words}
        {kind && (
          <span class="tb-small tb-muted">
            {" "}
            <Shown text={memory.kind} />
          </span>
        )}
      </span>
      {source && memory.source && (
        <span class="tb-label tb-memory-source">
          <Shown text={memory.source} />
        </span>
      )}
    </div>
  );
}
