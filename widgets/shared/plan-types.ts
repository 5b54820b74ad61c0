// The plan that Python sends: its options, what would bring it within its limits, and what the sliders are answered from.

export interface Band {
  p50: number;
  p90: number;
}

/** One row of the picker: a machine, a way of tuning, and what the plan picked for it. */
export interface PlanOption {
  backend: string;
  flavor: string;
  tuning: string;
  fits: boolean;
  memory: { low: number; high: number; available: number; kind: string; source: string } | null; // GiB of one card, or RAM
  hours: Band | null;
  usd: Band | null;
  max_usd: number | null;
  why: string;
  detail?: string; // what the time is made of, and how sure it is
  settings: string; // "batch 4 × 2, checkpointing, bf16"; "" where nothing was picked
  usd_per_hour: number | null; // 0 for this machine
  front: boolean; // nothing else is both cheaper and faster
  recommended: boolean; // one at most
  selectable: boolean; // a click can choose it now
}

/** A change that would bring the plan within memory, time or budget, with what it costs then. */
export interface PlanOffer {
  label: string;
  why: string;
  hours: Band | null;
  usd: Band | null;
  lines: string[]; // of the cell, that do the same
}

export interface PlanView {
  sentence: string;
  plan_id: string | null;
  chosen: { backend: string; flavor: string; tuning: string } | null;
  options: PlanOption[];
  offers: PlanOffer[];
  /** US dollars; `cap` and `left` are null where no budget is set. */
  budget: { cap: number | null; reserved: number; spent: number; left: number | null } | null;
  prices: string; // how old the prices are and where they come from; "" where nothing costs
  explore: Explore | null;
  /** Whether the sliders for this machine can be asked for, and what is to be said while they are made, or if they fail. */
  explorable: boolean;
  exploring: string;
  /** What the plan decided and why: "learning_rate", "2e-4", "ten times the full rate, for LoRA". */
  decisions: { field: string; value: string; why: string }[];
  script: string; // the training script, as text
  script_title: string; // "The training script, 214 lines"; "" where there is none
  script_path: string;
  edit: ScriptEdit | null; // what a person changed in it
  proof: Proof | null; // its run in miniature, once that has ended
  proving: string; // "Proving the script in miniature" while it runs; how far that is, is the stage's note
  hints: string[]; // what else can be done with the script; what stands in backticks is to be typed
  missing: { line: string; link: string; sure: boolean }[]; // what the account lacks; not sure: nobody could tell
  consent: string; // the line beside the button: "Budget $2.00, reserved $0.42 = 63 min at $0.40 an hour, then the job is stopped."
  questions: { field: string; why: string }[];
}

export interface ScriptEdit {
  sentence: string; // "You edited the script: 3 lines added, 1 removed."
  diff: string; // unified, without its head
}

export interface Proof {
  passed: boolean;
  sentence: string; // "Proved in miniature in 48 s: 11 checks passed."
  checks: { id: string; name: string; passed: boolean; evidence: string }[]; // those that failed first
}

/** The values that a slider can take, rising, and the one that the plan has. */
export interface Slider {
  value: number;
  steps: number[];
}

/** Memory, time and price in closed form: a slider is answered in the browser, also while the kernel is busy. */
export interface Explore {
  context: Slider; // tokens at which a row is cut
  batch: Slider; // rows on a card at once
  rank: Slider | null; // null where no adapter is trained
  tokens: { context: number; tokens: number }[]; // that the whole training reads at each limit, rising
  laws: Record<string, MemoryLaw>;
  machines: ExploreMachine[];
}

export interface ExploreMachine {
  backend: string;
  flavor: string;
  gib: number; // of one card, what can be used
  usd_per_hour: number;
  ways: {
    tuning: string;
    law: string; // its name in `laws`
    checkpointing: boolean;
    fixed_s: Band; // start-up, evaluation, checkpoints, export
    token_s: Band; // seconds a token at rank 0
    per_rank: number; // a token takes (1 + per_rank * rank) times as long
  }[];
}

/**
 * Bytes at the peak of each phase of a training step, T tokens in rows of S, rank r: part p of a phase needs
 * c0 + c1*T + c2*r + c3*T*r + c4*T*S. The largest phase is the peak. The first regime holds whose `tokens` is null or not
 * below T. Python's twin is tunebook/pipeline/hardware/memory_law.py.
 */
export interface MemoryLaw {
  parts: string[]; // "weights", "gradients", ...
  regimes: { tokens: number | null; phases: { name: string; bytes: number[][] }[] }[];
  reserve: [low: number, high: number]; // of what is allocated, the allocator's reserve
  card: boolean; // a GPU's memory; else RAM
  context_gib: number; // of the GPU's driver; 0 for RAM
}
