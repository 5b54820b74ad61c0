// Where it runs and why: memory against what the machine has, time and price as bands, what the plan decided, the script.

import type { ComponentChildren } from "preact";
import { useEffect, useMemo } from "preact/hooks";
import { counted } from "../shared/format";
import type { PlanView } from "../shared/plan-types";
import type { Request } from "../shared/types";
import { Glyph, Shown } from "../shared/ui";
import { oneLine } from "../shared/visible";
import type { Asking } from "./asking";
import { Budget } from "./budget";
import { Explore } from "./explore";
import exploreStyle from "./explore.css?inline";
import { Offers } from "./offers";
import { Options } from "./options";
import { ScriptPart } from "./script";
import scriptStyle from "./script.css?inline";
import style from "./style.css?inline";

export const css = `${style}\n${exploreStyle}\n${scriptStyle}`;

interface Props extends Asking {
  /** What stands beside the consent line: the confirm button in a FinetunePanel. */
  actions?: ComponentChildren;
  /** Whether it is looked at, and who can be asked for the sliders of this machine, which take a while to make. */
  looked: boolean;
  ask: (request: Request) => boolean;
}

export function HardwarePicker({ view, send, problem, actions, looked, ask }: Props) {
  useEffect(() => {
    if (looked && view.explorable) ask({ kind: "explore" });
  }, [looked, view.explorable, view.plan_id]);
  const asking = useMemo(() => ({ view, send, problem }), [view, send, problem]);
  return (
    <div class="tb-body tb-picker">
      {view.questions.length > 0 && <Questions questions={view.questions} />}
      {!view.chosen && <Offers asking={asking} />}
      {view.options.length > 0 && <Options asking={asking} />}
      {view.chosen && <Offers asking={asking} />}
      <Budget budget={view.budget} prices={view.prices} />
      <ScriptPart view={view} />
      <Missing missing={view.missing} />
      <Consent view={view} actions={actions} />
      {view.exploring && (
        <p class="tb-small tb-muted" role="status">
          <Shown text={view.exploring} />
        </p>
      )}
      <Explore asking={asking} />
      {view.decisions.length > 0 && <Decisions decisions={view.decisions} />}
    </div>
  );
}

/** What is consented to: the plan by its name, its most, and where there is one the button. */
function Consent({ view, actions }: { view: PlanView; actions: ComponentChildren }) {
  return (
    <div class="tb-consent">
      <p class="tb-small tb-muted">
        <Shown text={view.consent} />
        {view.plan_id && (
          <>
            {" "}
            Plan{" "}
            <span title={oneLine(view.plan_id)}>
              <Shown class="tb-mono" text={view.plan_id.slice(0, 12)} />
            </span>
            .
          </>
        )}
      </p>
      {actions}
    </div>
  );
}

/** What has to be mended at the Hub before the job can start, with the page for it: as text, since a panel has no links. */
function Missing({ missing }: { missing: PlanView["missing"] }) {
  if (!missing.length) return null;
  return (
    <ul class="tb-questions" data-testid="tunebook-missing">
      {missing.map(({ line, link, sure }) => (
        <li key={line}>
          <Glyph name={sure ? "needs_you" : "info"} />
          <span>
            <Shown text={line} /> <Shown text={link} class="tb-mono" />
          </span>
        </li>
      ))}
    </ul>
  );
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
