// The stages as tabs. The panel follows the run by itself until the user picks another stage than the one at work.

import { useId, useRef } from "preact/hooks";
import { duration } from "../shared/format";
import type { Stage, StageId, StageState } from "../shared/types";
import { Glyph, type GlyphName, ownKeys, Shown } from "../shared/ui";

export const stateWords: Record<StageState, { glyph: GlyphName | null; word: string }> = {
  waiting: { glyph: null, word: "not yet" },
  working: { glyph: "working", word: "at work" },
  needs_you: { glyph: "needs_you", word: "needs you" },
  done: { glyph: "good", word: "done" },
  failed: { glyph: "stop", word: "failed" },
  skipped: { glyph: "skipped", word: "skipped" },
};

interface Props {
  stages: Stage[];
  shown: StageId;
  active: StageId;
  pick: (stage: StageId) => void;
  /** Gives the ids that tie a tab to its panel. */
  ids: (stage: StageId) => { tab: string; panel: string };
}

export function useTabIds(): Props["ids"] {
  const id = useId();
  return (stage) => ({ tab: `${id}-tab-${stage}`, panel: `${id}-panel-${stage}` });
}

export function Tabs({ stages, shown, active, pick, ids }: Props) {
  const list = useRef<HTMLDivElement>(null);
  const onKeyDown = (event: KeyboardEvent) => {
    // From where the focus is, not from what was drawn last: a second key may come within the same frame.
    const tabs = [...(list.current?.querySelectorAll<HTMLElement>("[role=tab]") ?? [])];
    const at = tabs.indexOf(event.target as HTMLElement);
    const to =
      event.key === "ArrowRight"
        ? (at + 1) % stages.length
        : event.key === "ArrowLeft"
          ? (at - 1 + stages.length) % stages.length
          : event.key === "Home"
            ? 0
            : event.key === "End"
              ? stages.length - 1
              : -1;
    const stage = stages[to];
    if (!stage) return;
    event.preventDefault();
    pick(stage.id);
    tabs[to]?.focus();
  };
  const current = stages.find((stage) => stage.id === active);
  return (
    <div class="tb-tabs">
      <div role="tablist" aria-label="Stages" ref={list} {...ownKeys(onKeyDown)}>
        {stages.map((stage) => (
          <button
            type="button"
            key={stage.id}
            role="tab"
            id={ids(stage.id).tab}
            aria-controls={ids(stage.id).panel}
            aria-selected={stage.id === shown}
            tabIndex={stage.id === shown ? 0 : -1}
            class={`tb-tab-${stage.state}`}
            data-testid={`tunebook-tab-${stage.id}`}
            title={stage.seconds === null ? undefined : duration(stage.seconds)}
            onClick={() => pick(stage.id)}
          >
            <Mark state={stage.state} />
            <Shown text={stage.label} />
            <span class="tb-unseen">, {stateWords[stage.state].word}</span>
          </button>
        ))}
      </div>
      {current && shown !== active && (
        <button type="button" class="tb-link tb-small" data-testid="tunebook-follow" onClick={() => pick(active)}>
          {current.state !== "needs_you" && "Follow: "}
          <Shown text={current.label} />
          {current.state === "needs_you" && " needs you"}
        </button>
      )}
    </div>
  );
}

/** Always as wide as a glyph, so that no tab moves when its stage begins or ends. */
function Mark({ state }: { state: StageState }) {
  const { glyph } = stateWords[state];
  return <span class="tb-tab-mark">{glyph && <Glyph name={glyph} />}</span>;
}
