// The state that Python sends and the panels draw: the one contract between notebook_ext/tunebook/widgets/ and widgets/.
// Every string that a person reads as a sentence is made in Python, so that the text form and the report say the same.

import type { PlanView } from "./plan-types";
import type { TableRequest, TableState } from "./table-types";

export type StageId = "request" | "data" | "plan" | "run" | "compare" | "publish";
export type StageState = "waiting" | "working" | "needs_you" | "done" | "failed" | "skipped";

export interface Stage {
  id: StageId;
  label: string; // "Request", "Data", "Plan", "Run", "Compare", "Publish"
  state: StageState;
  seconds: number | null; // how long it took
  note: string; // "evaluating checkpoint-40, 120 of 200", one short line while it works
  progress: number | null; // 0 to 1 while it works and knows
}

/** What went wrong, read as its user: what happened, why, what now. */
export interface Problem {
  what: string;
  why: string;
  now: string;
}

export interface RequestView {
  sentence: string;
  instruction: string;
  /** start and end index into `instruction`; null where a field was given as an option. */
  fields: { field: string; value: string; start: number | null; end: number | null }[];
  questions: { field: string; why: string }[];
  ignored: string[];
}

export type TokenRole = "trained" | "masked" | "cut";

/** One sequence as the trainer sees it. */
export interface PreviewSequence {
  tokens: { text: string; role: TokenRole }[];
  trained: number;
  masked: number;
  cut: number;
  hidden: number; // tokens at the end that are counted above but not listed in `tokens`
  joined: [at: number, tokens: number][]; // places in `tokens` that are more than one, sharing the bytes of a character
  whole: [role: TokenRole, tokens: number][]; // the roles of all tokens without a limit, as runs
}

/** One row; of a pair its own sequence is the chosen answer after the prompt. Without tokens where TRL drops it. */
export interface PreviewRow extends PreviewSequence {
  index: number;
  raw: Record<string, unknown>;
  rejected: PreviewSequence | null;
}

/** What one length limit would do to all the rows. */
export interface LengthEffect {
  max_length: number;
  cut: number; // rows that are longer
  dead: number; // of these, rows that lose every trained token
  lost: number; // trained tokens beyond the limit
  trained: number; // trained tokens without a limit
  tokens: number; // that one epoch would read
  filled: number; // share of packed rows that would be text, 0 to 1
}

export interface DataView {
  sentence: string;
  dataset: string;
  rows: number;
  columns: { name: string; type: string; nulls: number }[];
  tokens: { p50: number; p99: number; max: number; total: number } | null;
  findings: {
    id: string;
    key: string; // tells it from the others, wherever it stands among them
    severity: "error" | "warning" | "info";
    rows: number;
    share: number;
    examples: number[];
    listed: number; // how many of its rows the table can show alone
    message: string;
    remedy: string;
    /** A remedy that is safe and can be chosen now, and the lines that do the same in a cell. */
    fix: { label: string; lines: string[] } | null;
  }[];
  checks: { id: string; status: "passed" | "found" | "skipped"; why: string }[];
  methods: { name: string; status: "ready" | "mapping" | "no"; why: string; code: string | null }[];
  recommended: string | null;
  /** What was set by a click: the field, and the line of the cell that sets it. */
  chosen: { field: string; line: string }[];
  left_out: number; // rows
  preview: PreviewRow[];
  /** Whether the tokens of any row can be asked for, and what its colours do not say of the method. */
  lens: { method: string; note: string } | null;
  max_length: number | null;
  histogram: { edges: number[]; counts: number[] } | null;
  lengths: LengthEffect[]; // the shortest limit first, the last one cuts nothing; empty without a model
}

/** What is drawn of a run: a loss, a share from 0 to 1, or another number. */
export interface Curve {
  title: string; // "Preference accuracy"
  kind: "loss" | "share" | "number";
  train: string; // the names of its series
  held_out: string;
}

/** The use of a machine's GPU, or of its CPU where it has none; its series lie along `seconds`, their `step` only counts. */
export interface HardwareView {
  title: string; // "GPU"
  use: string; // the names of its series: percent
  memory: string; // and GiB
  total: number | null; // GiB
  shown: { use: number | null; memory: number | null }; // now, or of the whole run where `note` says so
  note: string; // "mean use, most memory", "" for now
}

export interface RunView {
  sentence: string;
  step: number | null;
  max_steps: number | null;
  curves: Curve[]; // the first says how it goes; what follows is drawn beside it
  note: string; // what the curves do not say by themselves; "" where nothing
  rented: { label: string; value: string }[]; // "spent", "$0.11 of at most $0.42"; [] on this machine
  hardware: HardwareView | null; // null without measurements
  facts: { label: string; value: string }[]; // "tokens/s", "171": a fixed set, "–" where unknown, so that nothing jumps
  marks: { step: number; text: string; level: "care" | "stop" | "note" }[]; // checkpoints, spikes
  sample: { step: number; prompt: string; text: string } | null;
  log: string[]; // the last lines of the job's log
}

export interface CompareView {
  sentence: string;
  benchmark: string;
  metric: string;
  higher_is_better: boolean;
  rows: {
    checkpoint: string;
    step: number;
    passed: number | null;
    total: number | null;
    score: number;
    ci: [number, number];
    vs_base: { delta: number; p: number | null } | null;
    heldout_loss: number | null;
    note: string; // "best, earliest within noise"
  }[];
  best: string | null;
  pending: string[]; // checkpoints that are not scored yet
}

export interface PublishView {
  sentence: string;
  files: { label: string; path: string; bytes: number | null; detail: string }[];
  certificate: { passed: boolean; token_ids_equal: boolean; top1_agreement: number; mean_kl: number } | null;
  answer: { prompt: string; expected: string | null; answer: string; tokens_per_second: number } | null;
  report: string | null; // path
  try_it: string; // one command that serves the GGUF
}

/** The whole FinetunePanel. A standalone panel's snapshot is `{seq, view, problem, working}` with its own view in `view`. */
export interface PanelSnapshot extends TableState {
  seq: number;
  run_id: string | null;
  state: string; // a run state of DESIGN.md, or "preparing"
  title: string;
  subtitle: string;
  active: StageId; // the stage that the run is at
  stages: Stage[];
  status: { pill: string; left: string; spent: string }; // "step 118 of 240", "4 min left", "$0.11 of at most $0.42"; "" where nothing to say
  problem: Problem | null;
  /** "Start, at most $0.42", and why not now; null when there is nothing to confirm. */
  confirm: { label: string; enabled: boolean; why?: string } | null;
  cancel: { label: string; enabled: boolean } | null;
  stop: { label: string; enabled: boolean } | null; // "Stop and evaluate"
  request: RequestView | null;
  data: DataView | null;
  plan: PlanView | null;
  run: RunView | null;
  compare: CompareView | null;
  publish: PublishView | null;
}

export interface SoloSnapshot<View> {
  seq: number;
  view: View | null; // null: empty or loading
  working: string; // "Reading 1,200 rows", "" when nothing is under way
  problem: Problem | null;
  decides?: boolean; // the picker: whether `choose`, `offer` and `shape` are answered with another plan
}

/** The inspector alone in a cell: its table is there before its view. */
export interface InspectorSnapshot extends SoloSnapshot<DataView>, TableState {
  model: string; // as it was named; "" for none
  method: string; // "" where it follows from the rows
}

/**
 * Metrics do not travel in the snapshot. Python sends them as they come:
 *   content {kind: "points", seq, reset, series: [{name, n}]}, one buffer a series in the same order:
 *   n points of three little-endian float64: step, value (NaN for a value that was not finite), seconds since the run began.
 * `reset` true: drop what you have first (a resumed run overlapped, or the answer to a `since` that is too old).
 * A view that mounts, or sees a gap in seq, sends {kind: "since", seq: last seen or 0}.
 * Series names: "train/" and the trainer's own name, "eval/" for what was held out: "train/loss", "eval/rewards/margins";
 * "hardware/" for what a rented machine measures of itself, whose step is only its number: "hardware/gpu_pct".
 */
export interface PointsMessage {
  kind: "points";
  seq: number;
  reset: boolean;
  series: { name: string; n: number }[];
}

/**
 * The answer to {kind: "part", name}: the text of tunebook/widgets/static/NAME.part.js, or why it cannot be given.
 * It comes as a message, to every view of the panel.
 */
export interface PartReply {
  kind: "part";
  name: string;
  text?: string;
  error?: string; // the end of a sentence
}

/** Plan again with what the sliders say: the fields that differ from the plan; `option`: for another of its options too. */
export interface Shape {
  kind: "shape";
  plan_id: string;
  option?: number;
  max_length?: number;
  device_batch_size?: number;
  lora_rank?: number;
}

/** What the browser asks of Python. Every request is idempotent; the answer is the next snapshot. */
export type Request =
  | { kind: "hello" } // the first render: a front end that shows widgets is there
  | { kind: "look" } // somebody looks at the data: the table is wanted
  | { kind: "since"; seq: number }
  | { kind: "part"; name: string } // a part of the panel that is looked at for the first time
  | { kind: "confirm"; plan_id: string } // consent to exactly the plan on the screen
  | { kind: "cancel"; of?: TableRequest["kind"] | "inspection" } // `of`: what the table works at, or the checks; else the run
  | { kind: "stop" }
  | { kind: "fix"; finding: string } // the remedy of the finding with this key
  | { kind: "explore" } // somebody looks at the plan: the sliders for this machine are wanted
  | { kind: "take_back"; field: string } // what was chosen for it by a click
  | { kind: "choose"; plan_id: string; option: number } // plan again for this option of the plan on the screen
  | { kind: "offer"; plan_id: string; offer: number } // take this offer of it
  | Shape
  | { kind: "see_as"; model?: string; method?: string } // the inspector alone: look with another model or method
  | TableRequest;
