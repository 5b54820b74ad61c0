// The length limit as a slider: what each limit would cut, drop and cost is known beforehand, so it moves at once.

import { useId, useRef } from "preact/hooks";
import { count, counted, percent } from "../shared/format";
import type { LengthEffect, DataView as View } from "../shared/types";
import { CopyButton, ownKeys } from "../shared/ui";
import type { Limit } from "./cut";
import { Histogram } from "./histogram";

interface Props {
  effects: LengthEffect[];
  histogram: NonNullable<View["histogram"]>;
  limit: Limit;
  /** Another limit than the plan's is looked at; null: the plan's again. */
  tryOut: (limit: number | null) => void;
  tokens: View["tokens"];
  /** Of a reward model a longer row is dropped whole; only SFT packs rows. */
  method: string | undefined;
}

export function Lengths({ effects, histogram, limit, tryOut, tokens, method }: Props) {
  const id = useId();
  const line = useRef<HTMLElement>(null);
  const last = effects.length - 1;
  // Where the trainer cuts as things stand: the first stop that is no shorter than the limit, or the one that cuts nothing.
  const fits = effects.findIndex((effect) => effect.max_length >= (limit.planned ?? Number.POSITIVE_INFINITY));
  const planned = fits < 0 ? last : fits;
  const tried = effects.findIndex((effect) => effect.max_length === limit.tried);
  const at = tried < 0 ? planned : tried;
  const effect = effects[at];
  if (!effect) return <Histogram histogram={histogram} maxLength={limit.planned} tokens={tokens} />;
  const choose = (to: number) => tryOut(to === planned ? null : (effects[to]?.max_length ?? null));
  const cuts = method === "reward" ? "dropped beyond" : "cut at";
  const rows = histogram.counts.reduce((sum, bin) => sum + bin, 0);
  return (
    <div class="tb-lengths">
      <Histogram histogram={histogram} maxLength={effect.max_length} tokens={tokens} cuts={cuts} />
      {last > 0 && (
        <label class="tb-label" for={id} {...ownKeys()}>
          <span>
            if {cuts} <b>{count(effect.max_length)}</b> tokens
          </span>
          <input
            id={id}
            type="range"
            min="0"
            max={last}
            value={at}
            aria-valuetext={`${count(effect.max_length)} tokens`}
            onInput={(event) => choose(Number(event.currentTarget.value))}
          />
        </label>
      )}
      <ul class="tb-lengths-say tb-small" aria-live="polite">
        {said(effect, rows, method).map(({ text, bad }) => (
          <li key={text} class={bad ? "tb-care" : "tb-muted"}>
            {text}
          </li>
        ))}
      </ul>
      {effect.cut > 0 && (
        <p class="tb-lengths-line">
          <code ref={line}>max_length: {effect.max_length}</code>
          <CopyButton text={`max_length: ${effect.max_length}`} fallback={() => line.current} />
        </p>
      )}
    </div>
  );
}

/** What a limit does, in words; `bad` where something is lost. */
function said(effect: LengthEffect, rows: number, method?: string): { text: string; bad: boolean }[] {
  const { cut, dead, lost, trained, tokens, filled } = effect;
  const share = (part: number, whole: number) => (whole > 0 ? ` (${percent(part / whole)})` : "");
  const packed = method === "sft" ? `; packed rows would be ${percent(filled)} full` : "";
  const epoch = { text: `${count(tokens)} tokens an epoch${packed}`, bad: false };
  if (method === "reward") {
    const text = counted(cut, "row is longer and is dropped", "rows are longer and are dropped");
    return [cut > 0 ? { text: text + share(cut, rows), bad: true } : { text: "no row is longer", bad: false }, epoch];
  }
  return [
    cut > 0
      ? { text: `${counted(cut, "row is", "rows are")} cut${share(cut, rows)}`, bad: lost > 0 }
      : { text: "no row is cut", bad: false },
    ...(dead > 0 ? [{ text: dropped(dead), bad: true }] : []),
    ...(lost > 0 ? [{ text: `${count(lost)} answer tokens are lost${share(lost, trained)}`, bad: true }] : []),
    epoch,
  ];
}

function dropped(rows: number): string {
  return rows === 1
    ? "1 row loses its whole answer and is dropped"
    : `${count(rows)} rows lose their whole answer and are dropped`;
}
