// The frame that holds the stages: what runs, how far, what it costs, and in each stage its panel.

import type { ComponentChildren, VNode } from "preact";
import { useEffect, useMemo, useState } from "preact/hooks";
import { CheckpointTable, css as checkpointCss } from "../checkpoint-table/render";
import { css as datasetCss } from "../dataset-inspector/render";
import { HardwarePicker, css as hardwareCss } from "../hardware-picker/render";
import { PublishView, css as publishCss } from "../publish-view/render";
import { RequestView, css as requestCss } from "../request-view/render";
import { css as runCss } from "../run-monitor/render";
import { duration } from "../shared/format";
import type { PlanView } from "../shared/plan-types";
import type { PanelSnapshot, Stage, StageId } from "../shared/types";
import { draw, Empty, Head, ProblemNote, Shown, Told, useValue } from "../shared/ui";
import { RunButton } from "./consent";
import { emptyStage } from "./empty";
import { linked } from "./linked";
import { type BodyProps, Data, type PanelHost, Run } from "./parted";
import { Parts } from "./parts";
import { hideStaticForm } from "./static-form";
import css from "./style.css?inline";
import { stateWords, Tabs, useTabIds } from "./tabs";

/** Before the first snapshot: every stage is still to come, the first is at work. */
const preparing: PanelSnapshot = {
  seq: 0,
  run_id: null,
  state: "preparing",
  title: "Preparing",
  subtitle: "",
  active: "request",
  stages: (["request", "data", "plan", "run", "compare", "publish"] as const).map((id) => ({
    id,
    label: `${id.slice(0, 1).toUpperCase()}${id.slice(1)}`,
    state: id === "request" ? "working" : "waiting",
    seconds: null,
    note: "",
    progress: null,
  })),
  status: { pill: "", left: "", spent: "" },
  problem: null,
  confirm: null,
  cancel: null,
  stop: null,
  request: null,
  data: null,
  plan: null,
  run: null,
  compare: null,
  publish: null,
  table: null,
  opening: "",
  table_problem: "",
};

/** The four panels by the stage they belong to, as the checks look for them. */
const testids: Partial<Record<StageId, string>> = {
  data: "tunebook-dataset-inspector",
  plan: "tunebook-hardware-picker",
  run: "tunebook-run-monitor",
  compare: "tunebook-checkpoint-table",
};

export function FinetunePanel({ host, signal }: { host: PanelHost; signal: AbortSignal }) {
  const state = useValue(host.snapshot) ?? preparing;
  // What the user looks at; null while the panel follows the run by itself.
  const [picked, setPicked] = useState<StageId | null>(null);
  const shown = picked ?? state.active;
  const ids = useTabIds();
  const parts = useMemo(() => new Parts(host, linked, signal), [host, signal]);

  useEffect(() => {
    const end = new AbortController();
    if (state.run_id) hideStaticForm(document, state.run_id, end.signal);
    return () => end.abort();
  }, [state.run_id]);

  return (
    <section class="tb-panel" data-testid="tunebook-panel" aria-label="Fine-tuning">
      <Header state={state} send={host.send} />
      <Progress stage={state.stages.find(({ id }) => id === state.active)} />
      <Tabs
        stages={state.stages}
        shown={shown}
        active={state.active}
        pick={(id) => setPicked(id === state.active ? null : id)}
        ids={ids}
      />
      {state.problem && <ProblemNote problem={state.problem} />}
      {state.stages.map((each) => (
        <div
          key={each.id}
          role="tabpanel"
          id={ids(each.id).panel}
          aria-labelledby={ids(each.id).tab}
          hidden={each.id !== shown}
          data-testid={testids[each.id]}
        >
          <StageBody stage={each} state={state} host={host} signal={signal} parts={parts} looked={each.id === shown} />
        </div>
      ))}
      <Announcement stages={state.stages} active={state.active} />
    </section>
  );
}

function Header({ state, send }: { state: PanelSnapshot; send: PanelHost["send"] }) {
  const { pill, left, spent } = state.status;
  return (
    <header class="tb-header">
      <div class="tb-titles">
        <h2>
          <Shown text={state.title} />
        </h2>
        <p class="tb-muted">
          <Shown text={state.subtitle} />
        </p>
      </div>
      <div class="tb-status">
        {pill && (
          <span class={`tb-pill tb-pill-${tone(state.state)}`}>
            <Shown text={pill} />
          </span>
        )}
        {(left || spent) && (
          <span class="tb-amounts tb-small">
            <span class="tb-muted">
              <Shown text={left} />
            </span>
            <Shown text={spent} />
          </span>
        )}
        <RunButton
          testid="tunebook-stop"
          control={state.stop}
          request={{ kind: "stop" }}
          busy="Stopping"
          problem={state.problem}
          send={send}
        />
        <RunButton
          testid="tunebook-cancel"
          control={state.cancel}
          request={{ kind: "cancel" }}
          busy="Cancelling"
          problem={state.problem}
          send={send}
        />
      </div>
    </header>
  );
}

function tone(state: string): "good" | "care" | "stop" | "going" {
  if (state === "succeeded") return "good";
  if (state === "failed") return "stop";
  return state === "interrupted" || state === "needs_person" || state === "cancelled" ? "care" : "going";
}

/** Two pixels that are always there, so that nothing moves when work begins or ends. */
function Progress({ stage }: { stage: Stage | undefined }) {
  if (stage?.state !== "working") return <div class="tb-progress tb-idle" />;
  return (
    <div
      class="tb-progress"
      role="progressbar"
      aria-label={stage.note || stage.label}
      aria-valuenow={stage.progress === null ? undefined : Math.round(stage.progress * 100)}
    >
      {stage.progress === null ? (
        <i class="tb-unknown" />
      ) : (
        <i style={{ width: `${Math.max(0, Math.min(1, stage.progress)) * 100}%` }} />
      )}
    </div>
  );
}

function StageBody(props: BodyProps) {
  const { stage, state, host } = props;
  const confirm = stage.id === "plan" && (
    <>
      {state.confirm?.why && (
        <span class="tb-small tb-why">
          <Told text={state.confirm.why} />
        </span>
      )}
      <RunButton
        testid="tunebook-confirm"
        control={state.confirm}
        request={state.plan?.plan_id ? { kind: "confirm", plan_id: state.plan.plan_id } : null}
        busy="Starting"
        problem={state.problem}
        send={host.send}
        primary
      />
    </>
  );
  const view = body(props, confirm || undefined);
  if (!view) {
    const { sentence, working } = emptyStage(stage);
    return (
      <>
        <Empty sentence={sentence} working={working} />
        {confirm && <div class="tb-alone">{confirm}</div>}
      </>
    );
  }
  return (
    <>
      <Head sentence={view.sentence} aside={<Aside stage={stage} />} />
      {view.drawn}
    </>
  );
}

function body(props: BodyProps, confirm: VNode | undefined): { sentence: string; drawn: VNode } | null {
  const { request, data, plan, run, compare, publish } = props.state;
  switch (props.stage.id) {
    case "request":
      return request && { sentence: request.sentence, drawn: <RequestView view={request} /> };
    case "data":
      return data && { sentence: data.sentence, drawn: <Data view={data} {...props} /> };
    case "plan":
      return plan && { sentence: plan.sentence, drawn: <Plan view={plan} actions={confirm} {...props} /> };
    case "run":
      return run && { sentence: run.sentence, drawn: <Run view={run} {...props} /> };
    case "compare":
      return compare && { sentence: compare.sentence, drawn: <CheckpointTable view={compare} /> };
    case "publish":
      return publish && { sentence: publish.sentence, drawn: <PublishView view={publish} /> };
  }
}

/** The plan, which a click can change until it is confirmed. */
function Plan({ view, actions, state, host, looked }: BodyProps & { view: PlanView; actions: ComponentChildren }) {
  // Another plan would not have what a person has edited in the script of this one.
  const open = !state.run && !view.edit && !["succeeded", "failed", "cancelled"].includes(state.state);
  const asking = { send: open ? host.send : null, ask: host.send, looked };
  return <HardwarePicker view={view} problem={state.problem} actions={actions} {...asking} />;
}

/** What the stage is doing now, or how long it took. */
function Aside({ stage }: { stage: Stage }): ComponentChildren {
  if (stage.note) return <Shown text={stage.note} />;
  return stage.seconds === null ? null : duration(stage.seconds);
}

/** For those who listen: which stage is at work or needs them, not each step of it. */
function Announcement({ stages, active }: { stages: Stage[]; active: StageId }) {
  const stage = stages.find(({ id }) => id === active);
  return (
    <p class="tb-unseen" role="status" aria-live="polite">
      {stage && (
        <>
          <Shown text={stage.label} /> {stateWords[stage.state].word}
        </>
      )}
    </p>
  );
}

export function mount(root: HTMLElement, host: PanelHost, signal: AbortSignal): void {
  const styles = [css, requestCss, datasetCss, hardwareCss, runCss, checkpointCss, publishCss];
  draw(root, styles, <FinetunePanel host={host} signal={signal} />, signal);
}
