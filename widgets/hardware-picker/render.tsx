// Where it runs and why: memory against what the machine has, time and price as bands, what the plan decided, the script.

import type { ComponentChildren } from "preact";
import { useId, useRef, useState } from "preact/hooks";
import { counted, durationRange, moneyRange, unknown } from "../shared/format";
import { memo } from "../shared/memo";
import type { PlanView } from "../shared/plan-types";
import { Solo, type SoloHost } from "../shared/solo";
import { CopyButton, draw, Glyph, Scroll, Shown } from "../shared/ui";
import { MemoryBand } from "./memory";
import css from "./style.css?inline";

export { css };

type Option = PlanView["options"][number];

/** `actions`: what stands beside the consent line, the confirm button in a FinetunePanel. */
export const HardwarePicker = memo(({ view, actions }: { view: PlanView; actions?: ComponentChildren }) => {
  const [open, setOpen] = useState(false);
  const id = useId();
  return (
    <div class="tb-body tb-picker">
      {view.questions.length > 0 && <Questions questions={view.questions} />}
      {view.options.length > 0 && <Options options={view.options} chosen={view.chosen} />}
      {view.decisions.length > 0 && <Decisions decisions={view.decisions} />}
      <div class="tb-consent">
        <p class="tb-small tb-muted">
          <Shown text={view.consent} />
        </p>
        {view.script && (
          <button
            type="button"
            class="tb-button"
            aria-expanded={open}
            aria-controls={id}
            onClick={() => setOpen(!open)}
          >
            {open ? "Hide the script" : "See the script"}
          </button>
        )}
        {actions}
      </div>
      <div id={id} hidden={!open}>
        {open && <Script text={view.script} path={view.script_path} />}
      </div>
    </div>
  );
});

function Options({ options, chosen }: { options: Option[]; chosen: PlanView["chosen"] }) {
  const notes = commonSources(options);
  const isChosen = (option: Option) =>
    option.backend === chosen?.backend && option.flavor === chosen.flavor && option.tuning === chosen.tuning;
  const detail = options.find(isChosen)?.detail;
  return (
    <div>
      <table class="tb-table tb-options">
        <thead>
          <tr>
            <th>hardware</th>
            <th>memory needed, of what there is, GiB</th>
            <th class="tb-number">time, P50 to P90</th>
            <th class="tb-number">price, P50 to P90</th>
            <th>tuning</th>
            <th>
              <span class="tb-unseen">remark</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {options.map((option) => {
            const picked = isChosen(option);
            return (
              <tr key={`${option.backend} ${option.flavor} ${option.tuning}`} class={picked ? "tb-picked" : ""}>
                <th scope="row">
                  <Shown text={option.flavor} />
                  {option.backend !== option.flavor && (
                    <span class="tb-small tb-muted tb-backend">
                      <Shown text={option.backend} />
                    </span>
                  )}
                </th>
                <td>
                  {option.memory ? (
                    <MemoryBand
                      memory={option.memory}
                      fits={option.fits}
                      kind={(notes?.length ?? 2) > 1}
                      source={notes === null}
                    />
                  ) : (
                    <span class="tb-muted">unknown</span>
                  )}
                </td>
                <td class="tb-number" data-label="time">
                  {option.hours ? durationRange(option.hours.p50 * 3600, option.hours.p90 * 3600) : unknown}
                </td>
                <td class="tb-number" data-label="price">
                  {option.usd ? moneyRange(option.usd.p50, option.usd.p90) : unknown}
                </td>
                <td data-label="tuning">
                  <Shown text={option.tuning} />
                </td>
                <td class="tb-remark">
                  {picked && (
                    <span class="tb-strong">
                      <Glyph name="good" /> chosen{option.why && ": "}
                    </span>
                  )}
                  {!option.fits && (
                    <span class="tb-stop">
                      <Glyph name="stop" /> does not fit{option.why && ": "}
                    </span>
                  )}
                  <span class="tb-small tb-muted">
                    <Shown text={option.why} />
                  </span>
                </td>
              </tr>
            );
          })}
        </tbody>
      </table>
      {notes?.map(({ kind, source }) => (
        <p class="tb-label tb-source" key={kind}>
          <Shown text={kind} />: <Shown text={source} />
        </p>
      ))}
      {detail && (
        <p class="tb-label tb-source">
          Time: <Shown text={detail} />
        </p>
      )}
    </div>
  );
}

/** How the memory of each kind is known, where all rows of a kind know it alike; null where each has to say it. */
function commonSources(options: Option[]): { kind: string; source: string }[] | null {
  const found = new Map<string, string>();
  for (const { memory } of options) {
    if (!memory) continue;
    const { kind, source } = memory;
    if (found.has(kind) && found.get(kind) !== source) return null;
    found.set(kind, source);
  }
  return [...found].map(([kind, source]) => ({ kind, source }));
}

function Questions({ questions }: { questions: PlanView["questions"] }) {
  return (
    <ul class="tb-questions">
      {questions.map(({ field, why }) => (
        <li key={field}>
          <Glyph name="needs_you" />
          <span>
            <Shown text={field} class="tb-mono" /> <Shown text={why} />
          </span>
        </li>
      ))}
    </ul>
  );
}

function Decisions({ decisions }: { decisions: PlanView["decisions"] }) {
  return (
    <details>
      <summary>{counted(decisions.length, "decision", "decisions")} and why</summary>
      <table class="tb-table tb-decisions">
        <tbody>
          {decisions.map(({ field, value, why }) => (
            <tr key={field}>
              <th scope="row">
                <Shown text={field} class="tb-mono" />
              </th>
              <td>
                <Shown text={value} />
              </td>
              <td class="tb-small tb-muted">
                <Shown text={why} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </details>
  );
}

function Script({ text, path }: { text: string; path: string }) {
  const block = useRef<HTMLPreElement>(null);
  return (
    <figure class="tb-script">
      <figcaption class="tb-label">
        <Shown text={path} class="tb-mono" />
        <CopyButton text={text} fallback={() => block.current} />
      </figcaption>
      <Scroll class="tb-pre" label="Training script">
        <pre ref={block}>
          <Shown text={text} />
        </pre>
      </Scroll>
    </figure>
  );
}

export function mount(root: HTMLElement, host: SoloHost<PlanView>, signal: AbortSignal): void {
  draw(
    root,
    [css],
    <Solo
      title="Plan"
      testid="tunebook-hardware-picker"
      empty="No plan yet."
      snapshot={host.snapshot}
      body={(view) => <HardwarePicker view={view} />}
    />,
    signal,
  );
}
