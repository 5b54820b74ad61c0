// Made-up states of every view, for the gallery and the tests: each one a state that Python can send.

import { lossCurve } from "../run-monitor/curves";
import type { CompareView, Curve, DataView as DatasetView, PublishView, RequestView, RunView } from "../shared/types";

const instruction =
  "Fine-tune SmolLM2-135M-Instruct on data/kinds.jsonl so that it names the kind of thing a definition describes, " +
  "for 80 steps, stay under $2\nbenchmark: exact-match\ngguf: Q4_K_M";

const span = (text: string) => {
  const start = instruction.indexOf(text);
  return { start, end: start + text.length };
};

export const request: RequestView = {
  sentence: "Train SmolLM2-135M-Instruct on kinds.jsonl for 80 steps, score it by exact match, make a Q4_K_M GGUF.",
  instruction,
  fields: [
    { field: "model", value: "HuggingFaceTB/SmolLM2-135M-Instruct", ...span("SmolLM2-135M-Instruct") },
    { field: "dataset", value: "data/kinds.jsonl", ...span("data/kinds.jsonl") },
    { field: "max_steps", value: "80", ...span("80 steps") },
    { field: "budget_usd", value: "$2.00", ...span("under $2") },
    { field: "benchmark", value: "exact-match", ...span("benchmark: exact-match") },
    { field: "gguf", value: "Q4_K_M", ...span("gguf: Q4_K_M") },
    { field: "seed", value: "7", start: null, end: null },
  ],
  questions: [],
  ignored: [],
};

export const asking: RequestView = {
  ...request,
  sentence: "Two things are needed before a plan can be made.",
  questions: [
    { field: "dataset", why: "is not named: which data set holds the rows to learn from?" },
    { field: "budget_usd", why: "is said twice, $2 and $20: which one holds?" },
  ],
  ignored: ["and send me an e-mail when it is done"],
};

type Preview = DatasetView["preview"][number];

function tokens(question: string, answer: string, cut = ""): Preview["tokens"] {
  const split = (text: string) => text.match(/<\|[a-z_]+\|>|\n| ?[^\s<]+|\s+|</g) ?? [];
  return [
    ...split(`<|im_start|>system\nYou are a helpful assistant.<|im_end|>\n<|im_start|>user\n${question}<|im_end|>\n`),
    ...split("<|im_start|>assistant\n"),
  ]
    .map((text) => ({ text, role: "masked" as const }))
    .concat(split(`${answer}<|im_end|>`).map((text) => ({ text, role: "trained" as never })))
    .concat(split(cut).map((text) => ({ text, role: "cut" as never })));
}

function sequence(question: string, answer: string, cut = ""): Omit<Preview, "index" | "raw" | "rejected"> {
  const all = tokens(question, answer, cut);
  const of = (role: string) => all.filter((token) => token.role === role).length;
  return {
    tokens: all,
    trained: of("trained"),
    masked: of("masked"),
    cut: of("cut"),
    hidden: 0,
    joined: [],
    whole: [
      ["masked", of("masked")],
      ["trained", of("trained") + of("cut")],
    ],
  };
}

export function row(index: number, question: string, answer: string, cut = ""): Preview {
  return {
    index,
    raw: {
      messages: [
        { role: "user", content: question },
        { role: "assistant", content: answer + cut },
      ],
    },
    ...sequence(question, answer, cut),
    rejected: null,
  };
}

/** A row that TRL drops whatever the limit. */
export function dropped(index: number): Preview {
  const nothing = { tokens: [], trained: 0, masked: 0, cut: 0, hidden: 0, joined: [], whole: [] };
  return { index, raw: {}, rejected: null, ...nothing };
}

const definitions: [string, string][] = [
  ["a large nocturnal bird of prey with a flat face", "animal"],
  ["an evergreen shrub grown for its fragrant leaves", "plant"],
  ["flat bread baked with a filling of cheese and herbs", "food"],
  ["someone who repairs and winds clocks", "person"],
  ["a handheld tool with a heavy head for driving nails", "object"],
  ["quiet satisfaction after work that went well", "feeling"],
  ["a narrow strip of land between two lakes", "place"],
  ["the last hour of daylight", "time"],
];

export const data: DatasetView = {
  sentence: "1,200 rows, conversations: ready for SFT. 13 rows lose every answer token.",
  dataset: "data/kinds.jsonl",
  rows: 1200,
  columns: [
    { name: "messages", type: "list of {role, content}", nulls: 0 },
    { name: "kind", type: "string", nulls: 0 },
    { name: "source", type: "string", nulls: 12 },
  ],
  tokens: { p50: 53, p99: 148, max: 231, total: 66_240 },
  findings: [
    {
      id: "K13",
      key: "K13",
      severity: "warning",
      rows: 90,
      share: 0.075,
      examples: [3, 5, 88],
      listed: 3,
      message: "90 rows appear twice",
      remedy: "keep the first of each",
      fix: { label: "Leave these 90 rows out", lines: ["leave_out: K13"] },
    },
    {
      id: "K04",
      key: "K04",
      severity: "error",
      rows: 13,
      share: 0.0108,
      examples: [6, 412, 418, 733, 900, 1011],
      listed: 6,
      message: "13 rows lose every answer token",
      remedy: "raise max_length to 231, or shorten their prompts",
      fix: { label: "Set max_length to 231", lines: ["max_length: 231"] },
    },
    {
      id: "K21",
      key: "K21",
      severity: "info",
      rows: 1200,
      share: 1,
      examples: [],
      listed: 0,
      message: "Every row has the same system prompt",
      remedy: "nothing to do, it comes from the template",
      fix: null,
    },
  ],
  methods: [
    { name: "sft", status: "ready", why: "every answer is learned, the rest is only read", code: null },
    { name: "dpo", status: "no", why: "there are no pairs of a chosen and a rejected answer", code: null },
    {
      name: "grpo",
      status: "mapping",
      why: "the answers are short enough to be compared; SFT is the simpler start",
      code: 'def to_trl(row):\n    """The prompt, and the answer that a reward compares with."""\n    return {"prompt": row["prompt"], "answer": row["answer"]}\n',
    },
    { name: "kto", status: "no", why: "no column says whether a completion is wanted", code: null },
  ],
  recommended: "sft",
  chosen: [],
  left_out: 0,
  checks: [
    ...["encoding", "empty answers", "role order", "template end", "label leak", "near duplicates"].map((id) => ({
      id,
      status: "passed" as const,
      why: "looked at all 1,200 rows",
    })),
    { id: "K04", status: "found", why: "13 rows" },
    { id: "K13", status: "found", why: "90 rows" },
    { id: "contamination", status: "skipped", why: "no benchmark was named" },
  ],
  preview: definitions.map(([what, kind], at) =>
    row(
      at,
      `What kind of thing is this?\n${what}`,
      kind,
      at === 6 ? "\nIt is counted among the places, as in the older lists of\n\nthe geographers." : "",
    ),
  ),
  lens: { method: "sft", note: "" },
  max_length: 128,
  histogram: {
    edges: Array.from({ length: 21 }, (_, at) => 20 + at * 10.55),
    counts: [40, 180, 350, 270, 160, 85, 45, 27, 16, 9, 3, 3, 3, 2, 2, 1, 1, 1, 1, 1],
  },
  lengths: [
    { max_length: 16, cut: 1200, dead: 1180, lost: 4710, trained: 4800, tokens: 320, filled: 1 },
    { max_length: 48, cut: 640, dead: 610, lost: 2488, trained: 4800, tokens: 24_610, filled: 0.981 },
    { max_length: 64, cut: 402, dead: 371, lost: 1544, trained: 4800, tokens: 41_020, filled: 0.942 },
    { max_length: 96, cut: 66, dead: 58, lost: 241, trained: 4800, tokens: 60_318, filled: 0.913 },
    { max_length: 128, cut: 15, dead: 13, lost: 55, trained: 4800, tokens: 64_480, filled: 0.968 },
    { max_length: 232, cut: 0, dead: 0, lost: 0, trained: 4800, tokens: 66_240, filled: 0.987 },
  ],
};

/** After two remedies were chosen. */
export const chosen: DatasetView = {
  ...data,
  rows: 1110,
  sentence: "1,110 rows, conversations: ready for SFT. Nothing found that would spoil a training.",
  findings: data.findings.slice(2),
  chosen: [
    { field: "leave_out", line: "leave_out: K13" },
    { field: "max_length", line: "max_length: 231" },
  ],
  left_out: 90,
};

export const clean: DatasetView = {
  ...data,
  sentence: "1,200 rows, conversations: ready for SFT. Nothing found that would spoil a training.",
  findings: [],
  checks: data.checks.map((check) => ({ ...check, status: "passed" as const })),
  max_length: 256,
};

/** Preference pairs: of each row both answers are seen. */
export const preferences: DatasetView = {
  ...clean,
  sentence: "1,200 rows, preference pairs: ready for DPO. Nothing found that would spoil a training.",
  lens: { method: "dpo", note: "" },
  preview: data.preview.map((each, at) => ({
    ...each,
    rejected: sequence(`What kind of thing is this?\n${definitions[at]?.[0]}`, "I am not sure, it could be anything"),
  })),
};

/** Prompts for GRPO: nothing of a row is trained. */
export const prompts: DatasetView = {
  ...clean,
  sentence: "1,200 rows, prompts with a checkable answer: ready for GRPO. Nothing found that would spoil a training.",
  lens: {
    method: "grpo",
    note: "GRPO learns from answers that it samples: of a row only its prompt is read.",
  },
  lengths: [],
  preview: data.preview.map((each) => {
    const read = each.tokens.filter(({ role }) => role === "masked");
    return { ...each, tokens: read, trained: 0, cut: 0, whole: [["masked", read.length]] };
  }),
};

export const run: RunView = {
  sentence: "Training goes well: held-out loss fell from 2.91 to 0.84 and still falls.",
  step: 118,
  max_steps: 240,
  curves: [lossCurve],
  note: "",
  rented: [],
  hardware: null,
  facts: [
    { label: "tokens/s", value: "171" },
    { label: "gradient norm", value: "0.68" },
    { label: "learning rate", value: "1.4e-4" },
    { label: "memory", value: "2.1 of 2.3 GiB forecast" },
    { label: "epoch", value: "0.79" },
  ],
  marks: [
    { step: 40, text: "checkpoint-40", level: "note" },
    { step: 80, text: "checkpoint-80", level: "note" },
    { step: 96, text: "spike at 96, recovered by itself", level: "care" },
  ],
  sample: {
    step: 100,
    prompt: "What kind of thing is this? a hard-shelled reptile that draws in its head",
    text: "animal",
  },
  log: [
    "step 116 loss 0.862 grad_norm 0.71",
    "step 117 loss 0.871 grad_norm 0.69",
    "step 118 loss 0.855 grad_norm 0.68",
  ],
};

const accuracy: Curve = {
  title: "Preference accuracy",
  kind: "share",
  train: "train/rewards/accuracies",
  held_out: "eval/rewards/accuracies",
};

export const dpoRun: RunView = {
  ...run,
  sentence: "Step 118 of 240, accuracy 78.1 %, held out 71.7 %, about 4 min left.",
  curves: [accuracy, lossCurve],
  note: "Accuracy: pairs whose chosen answer gained more than the rejected one. Half is chance.",
  facts: [
    { label: "reward margin", value: "0.412" },
    { label: "held-out margin", value: "0.287" },
    { label: "tokens/s", value: "171" },
    { label: "gradient norm", value: "0.68" },
    { label: "learning rate", value: "5e-6" },
    { label: "memory", value: "2.1 of 2.3 GiB forecast" },
    { label: "training forecast", value: "5 to 8 min" },
    { label: "at this pace", value: "6 to 9 min" },
  ],
  sample: null,
  log: ["step 118 loss 0.571 rewards/accuracies 0.781 rewards/margins 0.412"],
};

export const grpoRun: RunView = {
  ...run,
  sentence: "Step 118 of 240, mean reward 0.487, held out 0.436, about 19 min left.",
  curves: [{ title: "Mean reward", kind: "number", train: "train/reward", held_out: "eval/reward" }],
  note: "What the sampled answers score. GRPO's loss says nothing of how it goes, so it is not drawn.",
  facts: [
    { label: "held-out reward", value: "0.436" },
    { label: "spread of rewards", value: "0.318" },
    { label: "rewards all equal", value: "37.5 %" },
    { label: "answer length", value: "212 tokens" },
    { label: "answers cut off", value: "4.69 %" },
    { label: "tokens/s", value: "64.2" },
    { label: "gradient norm", value: "0.21" },
    { label: "learning rate", value: "1e-6" },
    { label: "memory", value: "2.6 of 3.1 GiB forecast" },
    { label: "training forecast", value: "30 to 45 min" },
    { label: "at this pace", value: "34 to 41 min" },
  ],
  marks: run.marks.slice(0, 2),
  sample: null,
  log: ["step 118 reward 0.487 reward_std 0.318 frac_reward_zero_std 0.375"],
};

export const notYetRun: RunView = {
  ...run,
  sentence: "No loss yet: the model is being loaded, the first value comes after 5 steps.",
  step: 0,
  facts: run.facts.map(({ label }) => ({ label, value: "–" })),
  marks: [],
  sample: null,
  log: ["loading weights"],
};

/** On a rented GPU: what the job does, what it has cost, how much of the machine it uses. */
export const rentedRun: RunView = {
  ...run,
  sentence: "Step 118 of 240, loss 0.86, held out 0.95, about 7 min left.",
  rented: [
    { label: "job", value: "running for 8.2 min" },
    { label: "in the queue", value: "40 s" },
    { label: "price", value: "$0.80 an hour" },
    { label: "spent", value: "$0.11 of at most $0.42" },
  ],
  hardware: {
    title: "GPU",
    use: "hardware/gpu_pct",
    memory: "hardware/gpu_memory_gib",
    total: 22.5,
    shown: { use: 87, memory: 21.4 },
    note: "",
  },
  facts: [
    { label: "held-out tokens right", value: "71.4 %" },
    { label: "tokens/s", value: "1,710" },
    { label: "gradient norm", value: "0.68" },
    { label: "learning rate", value: "1.4e-4" },
    { label: "memory", value: "20.1 of 21.8 GiB forecast" },
    { label: "training forecast", value: "13 to 19 min" },
    { label: "at this pace", value: "14 to 16 min" },
  ],
  sample: null,
};

const unknownFacts = rentedRun.facts.map(({ label }) => ({ label, value: "–" }));

export const queuedRun: RunView = {
  ...rentedRun,
  sentence: "In the queue for 2.1 min. It costs nothing until it runs.",
  step: null,
  max_steps: null,
  rented: [
    { label: "job", value: "queued" },
    { label: "in the queue", value: "2.1 min" },
    { label: "price", value: "$0.80 an hour" },
    { label: "spent", value: "$0 of at most $0.42" },
  ],
  hardware: null,
  facts: unknownFacts,
  marks: [],
  log: [],
};

/** The model is being loaded on a machine without a GPU. */
export const rentedCpuRun: RunView = {
  ...rentedRun,
  sentence: "Loading the model.",
  step: null,
  max_steps: null,
  rented: [
    { label: "job", value: "running for 60 s" },
    { label: "in the queue", value: "40 s" },
    { label: "price", value: "$0.03 an hour" },
    { label: "spent", value: "$0.00 of at most $0.06" },
  ],
  hardware: {
    title: "CPU",
    use: "hardware/cpu_pct",
    memory: "hardware/memory_gib",
    total: 32,
    shown: { use: 71, memory: 7.9 },
    note: "",
  },
  facts: unknownFacts,
  marks: [],
  log: ["loading weights"],
};

export const rentedEnded: RunView = {
  ...rentedRun,
  sentence: "Trained 240 steps in 14 min, loss 0.83, held out 0.91.",
  rented: [
    { label: "job", value: "succeeded after 21 min" },
    { label: "in the queue", value: "40 s" },
    { label: "price", value: "$0.80 an hour" },
    { label: "spent", value: "$0.28 of at most $0.42" },
  ],
  hardware: rentedRun.hardware && {
    ...rentedRun.hardware,
    shown: { use: 71, memory: 21.9 },
    note: "mean use, most memory",
  },
};

const score = (step: number, passed: number, half: number, p: number | null, heldout: number, note = "") => ({
  checkpoint: step === 0 ? "base" : `checkpoint-${step}`,
  step,
  passed,
  total: 200,
  score: passed / 200,
  ci: [Math.max(0, passed / 200 - half), Math.min(1, passed / 200 + half)] as [number, number],
  vs_base: step === 0 ? null : { delta: (passed - 44) / 200, p },
  heldout_loss: heldout,
  note,
});

export const compare: CompareView = {
  sentence:
    "Step 160 is better than the base: 122 of 200 against 44 (paired p < 0.001). Steps 160 and 240 can't be told apart.",
  benchmark: "exact match on 200 held-out rows",
  metric: "share solved",
  higher_is_better: true,
  rows: [
    score(0, 44, 0.057, null, 2.31),
    score(80, 61, 0.063, 0.07, 1.66),
    score(160, 122, 0.067, 0.0002, 1.5, "best, earliest within noise"),
    score(240, 126, 0.066, 0.0001, 1.52),
  ],
  best: "checkpoint-160",
  pending: [],
};

export const manyCheckpoints: CompareView = {
  ...compare,
  sentence: "60 checkpoints are scored; the first 20 rise, the rest can't be told apart.",
  rows: Array.from({ length: 60 }, (_, at) =>
    score(
      at * 40,
      Math.round(44 + 90 * (1 - Math.exp(-at / 12))),
      0.066,
      at < 4 ? 0.2 / (at + 1) : 0.0004,
      2.3 * Math.exp(-at / 30) + 0.6,
    ),
  ),
  best: "checkpoint-1200",
};

export const perplexity: CompareView = {
  sentence: "The last checkpoint has the lowest perplexity, and the interval does not reach the base.",
  benchmark: "held-out text",
  metric: "perplexity",
  higher_is_better: false,
  rows: [
    {
      checkpoint: "base",
      step: 0,
      passed: null,
      total: null,
      score: 18.4,
      ci: [17.1, 19.9],
      vs_base: null,
      heldout_loss: null,
      note: "",
    },
    {
      checkpoint: "checkpoint-40",
      step: 40,
      passed: null,
      total: null,
      score: 12.2,
      ci: [11.5, 12.9],
      vs_base: { delta: -6.2, p: 0.0041 },
      heldout_loss: null,
      note: "best",
    },
  ],
  best: "checkpoint-40",
  pending: ["checkpoint-80"],
};

export const publish: PublishView = {
  sentence: "The model is a 98.4 MB GGUF that answers as the merged model does.",
  files: [
    { label: "merged model", path: "runs/kinds-20/merged", bytes: 269_060_552, detail: "bf16 safetensors" },
    { label: "GGUF", path: "runs/kinds-20/kinds-Q4_K_M.gguf", bytes: 98_400_000, detail: "Q4_K_M" },
    { label: "adapter", path: "runs/kinds-20/checkpoint-160", bytes: 9_800_000, detail: "LoRA, rank 16" },
  ],
  certificate: { passed: true, token_ids_equal: true, top1_agreement: 0.982, mean_kl: 0.0123 },
  answer: {
    prompt: "What kind of thing is this?\na hard-shelled reptile that draws in its head",
    expected: "animal",
    answer: "animal",
    tokens_per_second: 61.2,
  },
  report: "runs/kinds-20/report.html",
  try_it: "llama-server -m runs/kinds-20/kinds-Q4_K_M.gguf --port 8080",
};
