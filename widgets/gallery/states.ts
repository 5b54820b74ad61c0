// Every state that is looked at: one entry a screenshot, by bundle and name.

import type { PlanView } from "../shared/plan-types";
import type {
  InspectorSnapshot,
  DataView as InspectorView,
  PanelSnapshot,
  SoloSnapshot,
  Stage,
  StageId,
  StageState,
} from "../shared/types";
import { tables } from "./fake-table";
import * as made from "./fixtures";
import * as hostile from "./hostile";
import * as plans from "./plans";

export interface State {
  bundle: string;
  snapshot: PanelSnapshot | SoloSnapshot<unknown> | null;
  points?: string; // a key of `curves`
  table?: string; // a key of `tables`
  steps?: Step[]; // what a hand did before it is looked at
}

/** A click on the first element of a selector, a slider moved, a text put into a field and confirmed, or a scroll to the end. */
export type Step =
  | { click: string }
  | { slide: string; to: number }
  | { fill: string; text: string }
  | { scroll: string };

const stageIds: StageId[] = ["request", "data", "plan", "run", "compare", "publish"];
const labels = ["Request", "Data", "Plan", "Run", "Compare", "Publish"];

function stages(active: StageId, state: StageState, note = "", progress: number | null = null): Stage[] {
  const at = stageIds.indexOf(active);
  return stageIds.map((id, place) => ({
    id,
    label: labels[place] ?? id,
    state: place < at ? "done" : place === at ? state : "waiting",
    seconds: place < at ? ([0.2, 9.1, 31, 284, 96, 41][place] ?? null) : null,
    note: place === at ? note : "",
    progress: place === at ? progress : null,
  }));
}

const empty: PanelSnapshot = {
  seq: 1,
  run_id: null,
  state: "preparing",
  title: "SmolLM2-135M-Instruct",
  subtitle: "on kinds.jsonl",
  active: "request",
  stages: stages("request", "working"),
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

const cancel = { label: "Cancel", enabled: true };
const known = { request: made.request, data: made.data };
const needsYou: PanelSnapshot = {
  ...empty,
  ...known,
  seq: 5,
  state: "draft",
  subtitle: "on kinds.jsonl, SFT with LoRA",
  active: "plan",
  stages: stages("plan", "needs_you"),
  confirm: { label: "Start, at most $0.42", enabled: true },
  plan: plans.paidPlan,
};
const running: PanelSnapshot = {
  ...needsYou,
  seq: 40,
  run_id: "kinds-20",
  state: "running",
  active: "run",
  stages: stages("run", "working", "training, 118 of 240 steps", 118 / 240),
  status: { pill: "step 118 of 240", left: "4 min left", spent: "$0.11 of at most $0.42" },
  confirm: null,
  cancel,
  stop: { label: "Stop and evaluate", enabled: true },
  plan: plans.plan,
  run: made.run,
};
/** An inspection on a rented machine, which waits for its button: nothing is trained, so there are two stages. */
const inspection: PanelSnapshot = {
  ...empty,
  seq: 2,
  run_id: "kinds-21",
  state: "draft",
  title: "kinds",
  subtitle: "inspection on cpu-basic, with the tokenizer of SmolLM2-135M-Instruct",
  active: "plan",
  stages: [
    { id: "plan", label: "Plan", state: "needs_you", seconds: null, note: "waits for you", progress: null },
    { id: "data", label: "Data", state: "waiting", seconds: null, note: "", progress: null },
  ],
  status: { pill: "ready to start", left: "", spent: "$0 of at most $0.01" },
  confirm: { label: "Start, at most $0.01", enabled: true },
  cancel,
  plan: plans.inspectionPlan,
};
const inspecting: PanelSnapshot = {
  ...inspection,
  seq: 9,
  state: "running",
  active: "data",
  stages: [
    { id: "plan", label: "Plan", state: "done", seconds: null, note: "", progress: null },
    {
      id: "data",
      label: "Data",
      state: "working",
      seconds: null,
      note: "Counting tokens, 31,000 of 64,000",
      progress: 0.48,
    },
  ],
  status: { pill: "inspecting", left: "", spent: "$0.00 of at most $0.01" },
  confirm: null,
};
const inspected: PanelSnapshot = {
  ...inspecting,
  seq: 12,
  state: "succeeded",
  stages: [
    { id: "plan", label: "Plan", state: "done", seconds: null, note: "", progress: null },
    { id: "data", label: "Data", state: "done", seconds: 41, note: "", progress: null },
  ],
  status: { pill: "finished", left: "", spent: "under $0.01 of at most $0.01" },
  cancel: null,
  data: made.data,
};
/** A script that a person edited, at the proof that decides whether it may start. */
const edited: PanelSnapshot = {
  ...needsYou,
  run_id: "kinds-20",
  status: { pill: "ready to start", left: "", spent: "costs nothing, on this machine" },
  confirm: { label: "Start, costs nothing", enabled: true },
  cancel,
  plan: plans.editedProved,
};
const proving: PanelSnapshot = {
  ...edited,
  state: "preparing",
  stages: stages("plan", "working", "learning eight rows by heart, 3 of 6", 0.5),
  status: { pill: "proving", left: "", spent: "costs nothing, on this machine" },
  confirm: {
    label: "Start, costs nothing",
    enabled: false,
    why: "The edited script can start when its proof has passed.",
  },
  plan: plans.provingPlan,
};
const proofFailed: PanelSnapshot = {
  ...edited,
  state: "failed",
  stages: stages("plan", "failed"),
  status: { pill: "failed", left: "", spent: "" },
  confirm: null,
  cancel: null,
  problem: {
    what: "The script did not pass its proof in miniature, so nothing was started and nothing is spent.",
    why: "Failed: It learns a few rows by heart; Trained weights move.",
    now: "Mend it with `%finetune script kinds-20`, or change the cell and run it again.",
  },
  plan: plans.editedFailed,
};
const failed: PanelSnapshot = {
  ...running,
  state: "failed",
  stages: stages("run", "failed"),
  status: { pill: "stopped at step 62", left: "", spent: "$0" },
  cancel: null,
  stop: null,
  problem: {
    what: "Training was stopped at step 62: the loss is not a number.",
    why: "The learning rate 5e-2 is a hundred times what LoRA usually takes.",
    now: "checkpoint-40 is whole. Run the cell again with learning_rate: 5e-4.",
  },
  run: {
    ...made.run,
    sentence: "Stopped at step 62: the loss is not a number.",
    marks: [
      { step: 40, text: "checkpoint-40", level: "note" },
      { step: 61, text: "loss is not a number", level: "stop" },
    ],
  },
};
const comparing: PanelSnapshot = {
  ...running,
  active: "compare",
  stages: stages("compare", "working", "evaluating checkpoint-160, 120 of 200", 0.6),
  status: { pill: "evaluating", left: "1 min left", spent: "$0" },
  stop: null,
  compare: {
    ...made.compare,
    sentence: "Two of four are scored; checkpoint-80 is not yet told apart from the base.",
    rows: made.compare.rows.slice(0, 2),
    best: null,
    pending: ["checkpoint-160", "checkpoint-240"],
  },
};
const finished: PanelSnapshot = {
  ...running,
  state: "succeeded",
  active: "publish",
  stages: stages("publish", "done").map((stage) => ({ ...stage, state: "done", seconds: stage.seconds ?? 41 })),
  status: { pill: "finished", left: "", spent: "7 min 32 s, $0" },
  cancel: null,
  stop: null,
  compare: made.compare,
  publish: made.publish,
};
const hostileAll: PanelSnapshot = {
  ...finished,
  run_id: "x} body{display:none",
  title: hostile.nasty,
  subtitle: hostile.nasty,
  status: { pill: hostile.markup, left: hostile.markup, spent: hostile.markup },
  confirm: { label: hostile.markup, enabled: true },
  problem: { what: hostile.nasty, why: hostile.nasty, now: hostile.nasty },
  stages: finished.stages.map((stage) => ({
    ...stage,
    label: `${stage.label} ${hostile.markup}`,
    note: hostile.nasty,
  })),
  request: hostile.hostileRequest,
  data: hostile.hostileData,
  plan: hostile.hostilePlan,
  run: hostile.hostileRun,
  compare: hostile.hostileCompare,
  publish: hostile.hostilePublish,
};

const problem = {
  what: "The data set could not be read.",
  why: "data/kinds.jsonl does not exist.",
  now: "Name a file that is there, or a data set on the Hub.",
};
const solo = (view: unknown, working = "") => ({ seq: 1, view, working, problem: null, model: "", method: "" });
const broken = { ...solo(null), problem };
/** The inspector with its table; `view` null while the inspection runs. */
function rows(table: string, view: InspectorView | null, working = "", steps: Step[] = []): State {
  const { info } = tables[table] ?? {};
  const snapshot: InspectorSnapshot = {
    seq: 1,
    view,
    working,
    problem: null,
    table: info ?? null,
    opening: "",
    table_problem: "",
    model: "HuggingFaceTB/SmolLM2-135M-Instruct",
    method: "",
  };
  return { bundle: "dataset-inspector", snapshot, table, steps };
}
/** The picker where Python plans again on a click. */
const picker = (view: PlanView, steps: Step[] = []): State => ({
  bundle: "hardware-picker",
  snapshot: { ...solo(view), decides: true },
  steps,
});
const sized = (count: number, sentence: string): InspectorView => ({ ...made.data, rows: count, sentence });
const at = (active: StageId, snapshot: PanelSnapshot = finished): PanelSnapshot => ({ ...snapshot, active });

export const states: Record<string, State> = {
  "panel-loading": { bundle: "finetune-panel", snapshot: null },
  "panel-asking": {
    bundle: "finetune-panel",
    snapshot: { ...empty, stages: stages("request", "needs_you"), request: made.asking },
  },
  "panel-reading-data": {
    bundle: "finetune-panel",
    snapshot: {
      ...empty,
      request: made.request,
      active: "data",
      stages: stages("data", "working", "Reading 1,200 rows", null),
      cancel,
    },
  },
  "panel-needs-you": { bundle: "finetune-panel", snapshot: needsYou },
  "panel-nothing-fits": {
    bundle: "finetune-panel",
    snapshot: { ...needsYou, confirm: null, plan: plans.nothingFits },
  },
  "panel-inspection": { bundle: "finetune-panel", snapshot: inspection },
  "panel-inspecting": { bundle: "finetune-panel", snapshot: inspecting },
  "panel-inspected": { bundle: "finetune-panel", snapshot: inspected },
  "panel-many-options": { bundle: "finetune-panel", snapshot: { ...needsYou, plan: plans.manyPlan } },
  "panel-running": { bundle: "finetune-panel", snapshot: running, points: "half" },
  "panel-rented": { bundle: "finetune-panel", snapshot: { ...running, run: made.rentedRun }, points: "rented" },
  "panel-script": { bundle: "finetune-panel", snapshot: needsYou, steps: [{ click: ".tb-script summary" }] },
  "panel-proved": {
    bundle: "finetune-panel",
    snapshot: { ...needsYou, plan: plans.provedPlan },
    steps: [{ click: ".tb-script summary" }],
  },
  "panel-proving": { bundle: "finetune-panel", snapshot: proving },
  "panel-edited": { bundle: "finetune-panel", snapshot: edited },
  "panel-proof-failed": { bundle: "finetune-panel", snapshot: proofFailed },
  "panel-dpo": {
    bundle: "finetune-panel",
    snapshot: { ...running, subtitle: "on pairs.jsonl, DPO with LoRA", run: made.dpoRun },
    points: "dpo",
  },
  "panel-grpo": {
    bundle: "finetune-panel",
    snapshot: { ...running, subtitle: "on sums.jsonl, GRPO with LoRA", run: made.grpoRun },
    points: "grpo",
  },
  "panel-no-loss-yet": {
    bundle: "finetune-panel",
    snapshot: { ...running, run: made.notYetRun, stages: stages("run", "working", "loading the model") },
  },
  "panel-failed": { bundle: "finetune-panel", snapshot: failed, points: "nan" },
  "panel-comparing": { bundle: "finetune-panel", snapshot: comparing, points: "half" },
  "panel-finished": { bundle: "finetune-panel", snapshot: finished, points: "half" },
  "panel-request": { bundle: "finetune-panel", snapshot: at("request") },
  "panel-data": { bundle: "finetune-panel", snapshot: at("data") },
  "panel-data-opening": {
    bundle: "finetune-panel",
    snapshot: { ...at("data"), opening: "Preparing the table, 40%" },
  },
  "panel-data-table": {
    bundle: "finetune-panel",
    snapshot: { ...at("data"), table: tables.ordinary?.info ?? null },
    table: "ordinary",
  },
  "panel-data-chosen": {
    bundle: "finetune-panel",
    snapshot: { ...at("data"), data: made.chosen, table: tables.ordinary?.info ?? null },
    table: "ordinary",
  },
  "panel-data-no-table": {
    bundle: "finetune-panel",
    snapshot: { ...at("data"), table_problem: "Data/kinds.jsonl is not there: check the path." },
  },
  "panel-hostile-request": { bundle: "finetune-panel", snapshot: at("request", hostileAll) },
  "panel-hostile-data": { bundle: "finetune-panel", snapshot: at("data", hostileAll) },
  "panel-hostile-plan": { bundle: "finetune-panel", snapshot: at("plan", hostileAll) },
  "panel-hostile-run": { bundle: "finetune-panel", snapshot: at("run", hostileAll), points: "half" },
  "panel-hostile-compare": { bundle: "finetune-panel", snapshot: at("compare", hostileAll) },
  "panel-hostile-publish": { bundle: "finetune-panel", snapshot: at("publish", hostileAll) },
  "data-empty": { bundle: "dataset-inspector", snapshot: solo(null) },
  "data-loading": { bundle: "dataset-inspector", snapshot: solo(null, "Reading 1,200 rows") },
  "data-error": { bundle: "dataset-inspector", snapshot: broken },
  "data-findings": { bundle: "dataset-inspector", snapshot: solo(made.data) },
  "data-chosen": { bundle: "dataset-inspector", snapshot: solo(made.chosen) },
  "data-clean": { bundle: "dataset-inspector", snapshot: solo(made.clean) },
  "data-without-model": {
    bundle: "dataset-inspector",
    snapshot: solo({
      ...made.clean,
      tokens: null,
      histogram: null,
      lengths: [],
      max_length: null,
      preview: made.data.preview.map((each) => ({ ...each, tokens: [], trained: 0, masked: 0, cut: 0, hidden: 0 })),
    }),
  },
  "table-ready": rows("ordinary", made.data),
  "table-not-checked-yet": rows("ordinary", null, "Reading /home/me/data/kinds.jsonl"),
  "table-10m": rows(
    "huge",
    sized(10_000_000, "10,000,000 rows, conversations: ready for SFT. 13 rows lose every answer token."),
  ),
  "table-10m-end": rows("huge", made.data, "", [{ scroll: ".tb-grid-scroll" }]),
  "table-profile": rows("ordinary", made.data, "", [{ click: ".tb-grid-head > :nth-child(3) .tb-grid-what" }]),
  "table-searched": rows("ordinary", made.data, "", [
    { fill: "input[type=search]", text: "hammer" },
    { click: ".tb-grid-head > :nth-child(4) .tb-grid-sort" },
  ]),
  "table-wrong-condition": rows("ordinary", made.data, "", [{ fill: ".tb-where input", text: "nope = 1" }]),
  "table-nothing-found": rows("ordinary", made.data, "", [{ fill: "input[type=search]", text: "not there" }]),
  "table-conversation": rows("ordinary", null, "", [{ click: ".tb-grid-row:nth-child(5)" }]),
  "table-tokens": rows("ordinary", made.data, "", [{ click: ".tb-grid-row:nth-child(12)" }]),
  "table-tokens-loading": rows("loading", made.data, "", [{ click: ".tb-grid-row:nth-child(12)" }]),
  "table-tokens-refused": rows("ordinary", made.data, "", [{ click: ".tb-grid-row:nth-child(14)" }]),
  "table-tokens-dropped": rows("ordinary", made.data, "", [{ click: ".tb-grid-row:nth-child(15)" }]),
  "table-tried": rows("ordinary", made.data, "", [{ fill: ".tb-lengths input", text: "1" }]),
  "table-tried-dropped": rows("ordinary", made.data, "", [{ fill: ".tb-lengths input", text: "0" }]),
  "table-pairs": rows("ordinary", made.preferences),
  "table-prompts": rows("ordinary", made.prompts),
  "table-slow": rows("slow", made.data),
  "table-slow-pages": rows("slowPages", null, "Reading /home/me/data/kinds.jsonl"),
  "table-none": rows("none", null),
  "table-hostile": rows("hostile", hostile.hostileData),
  "table-long": rows("long", made.clean),
  "table-wide": rows("wide", made.clean),
  "table-opening": {
    bundle: "dataset-inspector",
    snapshot: {
      ...solo(null, "Reading data/kinds.jsonl"),
      table: null,
      opening: "Preparing the table, 40%",
      table_problem: "",
    } as InspectorSnapshot,
  },
  "table-failed": {
    bundle: "dataset-inspector",
    snapshot: {
      ...solo(made.clean),
      table: null,
      opening: "",
      table_problem:
        "Dataset data/kinds.jsonl cannot be read as a table (line 812): check the file, or convert it to Parquet.",
    } as InspectorSnapshot,
  },
  "plan-empty": { bundle: "hardware-picker", snapshot: solo(null) },
  "plan-loading": { bundle: "hardware-picker", snapshot: solo(null, "Asking what there is to train on") },
  "plan-error": { bundle: "hardware-picker", snapshot: broken },
  "plan-questions": { bundle: "hardware-picker", snapshot: solo(plans.questionsOnly) },
  "plan-local": picker(plans.plan),
  "plan-paid": picker(plans.paidPlan),
  "plan-missing": picker(plans.missingPlan),
  "plan-only-seen": { bundle: "hardware-picker", snapshot: solo(plans.paidPlan) },
  "plan-tried": picker(plans.paidPlan, [
    { slide: ".tb-slider input", to: 9 },
    { slide: ".tb-slider + .tb-slider input", to: 3 },
  ]),
  "plan-tried-too-much": picker(plans.paidPlan, [{ slide: ".tb-slider + .tb-slider input", to: 5 }]),
  "plan-fine-steps": picker(plans.fineSteps),
  "plan-many": picker(plans.manyPlan),
  "plan-many-open": picker(plans.manyPlan, [{ click: ".tb-more button" }, { click: ".tb-more button + button" }]),
  "plan-nothing-fits": picker(plans.nothingFits),
  "plan-no-price": picker(plans.noPrice),
  "plan-long-names": picker(plans.longNames),
  "plan-hostile": picker(hostile.hostilePlan),
  "run-empty": { bundle: "run-monitor", snapshot: solo(made.notYetRun) },
  "run-first-point": { bundle: "run-monitor", snapshot: solo({ ...made.run, step: 1, marks: [] }), points: "first" },
  "run-rented": { bundle: "run-monitor", snapshot: solo(made.rentedRun), points: "rented" },
  "run-rented-queued": { bundle: "run-monitor", snapshot: solo(made.queuedRun) },
  "run-rented-cpu": { bundle: "run-monitor", snapshot: solo(made.rentedCpuRun), points: "loading" },
  "run-rented-ended": { bundle: "run-monitor", snapshot: solo(made.rentedEnded), points: "rented" },
  "run-5000-points": {
    bundle: "run-monitor",
    snapshot: solo({
      ...made.run,
      step: 5000,
      max_steps: 5000,
      marks: [{ step: 3100, text: "spike at 3,100, recovered by itself", level: "care" }],
    }),
    points: "many",
  },
  "compare-empty": { bundle: "checkpoint-table", snapshot: solo(null, "Scoring the base") },
  "compare-finished": { bundle: "checkpoint-table", snapshot: solo(made.compare) },
  "compare-60": { bundle: "checkpoint-table", snapshot: solo(made.manyCheckpoints) },
  "compare-perplexity": { bundle: "checkpoint-table", snapshot: solo(made.perplexity) },
};
