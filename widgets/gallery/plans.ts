// Plans as Python sends them, their numbers made by the panel's own laws: at no cost on this machine, on rented cards, with
// nothing that fits, and with many options.

import { wayFor } from "../hardware-picker/explored";
import { forecast } from "../hardware-picker/forecast";
import type { Explore, ExploreMachine, MemoryLaw, PlanOption, PlanView } from "../shared/plan-types";
import { edit, edited, failedProof, proof, script } from "./scripts";

/** Of a model of `size` billion parameters, roughly as a transformer with a large vocabulary needs it. */
function law(size: number, tuning: string, checkpointing: boolean): MemoryLaw {
  const weights = size * 1e9 * (tuning === "full" ? 2 : tuning === "qlora" ? 0.55 : 2);
  const trained = tuning === "full" ? size * 2e9 : 0;
  const rank = tuning === "full" ? 0 : size * 3.2e6;
  const kept = (checkpointing ? 60_000 : 900_000) * Math.sqrt(size / 0.6);
  const logits = 151_936 * 6;
  return {
    parts: ["weights", "gradients", "optimizer", "activations", "logits", "adapter", "other"],
    regimes: [
      {
        tokens: null,
        phases: [
          {
            name: "loss",
            bytes: [
              [weights, 0, 0, 0, 0],
              [trained, 0, 0, 0, 0],
              [2 * trained, 0, 2 * rank, 0, 0],
              [2e7, kept, 0, tuning === "full" ? 0 : kept / 400, 0.5],
              [0, logits, 0, 0, 0],
              [0, 0, rank, 0, 0],
              [9e7, 200, 0, 0, 0],
            ],
          },
          {
            name: "optimizer",
            bytes: [
              [weights, 0, 0, 0, 0],
              [trained, 0, rank, 0, 0],
              [2.5 * trained, 0, 3 * rank, 0, 0],
              [2e7, 0, 0, 0, 0],
              [0, 0, 0, 0, 0],
              [0, 0, rank, 0, 0],
              [9e7, 200, 0, 0, 0],
            ],
          },
        ],
      },
    ],
    reserve: [1.02, 1.18],
    card: true,
    context_gib: 0.5,
  };
}

const steps = {
  context: [256, 512, 768, 1024, 1536, 2048, 3072, 4096, 6144, 8192, 12_288, 16_384],
  batch: [1, 2, 4, 8, 16, 32],
  rank: [4, 8, 16, 32, 64, 128],
};

/** Tokens a second of a model with 0.6 billion parameters, and what an hour costs. */
const cards: [flavor: string, gib: number, usd: number, speed: number][] = [
  ["t4-small", 14.6, 0.4, 2600],
  ["t4-medium", 14.6, 0.6, 2650],
  ["l4x1", 22, 0.8, 5200],
  ["a10g-small", 22, 1, 6600],
  ["a10g-large", 22, 1.5, 6700],
  ["l40sx1", 44.4, 1.8, 14_500],
  ["a100-large", 79.1, 2.5, 24_000],
  ["h200", 139.8, 5, 52_000],
];

const ways = ["lora", "qlora", "full"].flatMap((tuning) =>
  [false, true].map((checkpointing): [string, boolean] => [tuning, checkpointing]),
);

function machines(size: number, flavors: typeof cards): ExploreMachine[] {
  return flavors.map(([flavor, gib, usd_per_hour, speed]) => ({
    backend: "hf-jobs",
    flavor,
    gib,
    usd_per_hour,
    ways: ways.map(([tuning, checkpointing]) => {
      const slower = (tuning === "lora" ? 1 : 1.35) * (checkpointing ? 1.25 : 1);
      const second = (size / 0.6 / speed) * slower;
      return {
        tuning,
        law: `${tuning}${checkpointing ? ", checkpointing" : ""}`,
        checkpointing,
        fixed_s: { p50: 190, p90: 330 },
        token_s: { p50: second, p90: second * 1.45 },
        per_rank: tuning === "full" ? 0 : 0.002,
      };
    }),
  }));
}

function explore(size: number, flavors: typeof cards): Explore {
  const read = 2_400_000;
  return {
    context: { value: 2048, steps: steps.context },
    batch: { value: 4, steps: steps.batch },
    rank: { value: 16, steps: steps.rank },
    tokens: steps.context.map((context) => ({ context, tokens: Math.round(read * (1 - Math.exp(-context / 900))) })),
    laws: Object.fromEntries(
      ways.map(([tuning, checkpointing]) => [
        `${tuning}${checkpointing ? ", checkpointing" : ""}`,
        law(size, tuning, checkpointing),
      ]),
    ),
    machines: machines(size, flavors),
  };
}

/** Every machine with every way of tuning, those that fit first, the cheaper first. */
function options(given: Explore): PlanOption[] {
  const shape = { rows: given.batch.value, context: given.context.value, rank: given.rank?.value ?? 0 };
  const made = given.machines.flatMap((machine) =>
    ["lora", "qlora", "full"].map((tuning): PlanOption => {
      const used = wayFor(given, machine, tuning, shape);
      if (!used) throw new Error(`no way for ${tuning}`);
      const { need, way } = used;
      const { seconds, usd } = forecast(given, machine, way, shape);
      const fits = need.high <= machine.gib;
      return {
        backend: machine.backend,
        flavor: machine.flavor,
        tuning,
        fits,
        memory: { ...need, available: machine.gib, kind: "GPU", source: "computed from the architecture, ±8 %" },
        hours: { p50: seconds.p50 / 3600, p90: seconds.p90 / 3600 },
        usd,
        max_usd: usd.p90 * 1.3,
        why: fits ? "" : `${need.high.toFixed(1)} of ${machine.gib} GiB at its peak`,
        settings: `batch 4 × 4, ${way.checkpointing ? "checkpointing, " : ""}${machine.flavor.startsWith("t4") ? "fp16" : "bf16"}`,
        usd_per_hour: machine.usd_per_hour,
        front: false,
        recommended: false,
        selectable: fits,
      };
    }),
  );
  const price = (option: PlanOption) => option.usd?.p50 ?? 0;
  const time = (option: PlanOption) => option.hours?.p50 ?? 0;
  made.sort((a, b) => Number(b.fits) - Number(a.fits) || price(a) - price(b));
  const fitting = made.filter(({ fits }) => fits);
  for (const option of fitting) {
    option.front = !fitting.some((each) => price(each) <= price(option) && time(each) < time(option));
  }
  const [first] = fitting.filter(({ front }) => front);
  if (first) Object.assign(first, { recommended: true, why: "the cheapest that fits" });
  return made;
}

const here: PlanOption = {
  backend: "local",
  flavor: "this machine",
  tuning: "lora",
  fits: true,
  memory: { low: 2.1, high: 2.6, available: 23.4, kind: "RAM", source: "measured on this machine with 2 real steps" },
  hours: { p50: 0.081, p90: 0.115 },
  usd: { p50: 0, p90: 0 },
  max_usd: 0,
  why: "fastest that fits here",
  detail: "2.9 s a step, measured here; 80 steps, then 3 evaluations",
  settings: "batch 8 × 1, fp32",
  usd_per_hour: 0,
  front: true,
  recommended: true,
  selectable: true,
};

export const plan: PlanView = {
  sentence: "This machine does it: half of such runs end within 5 minutes, nine in ten within 7, at no cost.",
  plan_id: "5f0c2a91d3e84b7c0a6d2f19b3c85e7d40a1f6b2c9d83e57a0b4c1d6e2f7a893",
  chosen: { backend: "local", flavor: "this machine", tuning: "lora" },
  options: [
    here,
    {
      ...here,
      tuning: "full",
      memory: { ...(here.memory as NonNullable<PlanOption["memory"]>), low: 3.4, high: 4.4 },
      hours: { p50: 0.15, p90: 0.22 },
      why: "twice the time, no better on 1,200 rows",
      front: false,
      recommended: false,
    },
    {
      ...here,
      tuning: "qlora",
      fits: false,
      memory: null,
      hours: null,
      usd: null,
      max_usd: null,
      why: "4-bit weights need a GPU",
      settings: "",
      front: false,
      recommended: false,
      selectable: false,
    },
  ],
  offers: [],
  budget: null,
  prices: "",
  explore: null,
  explorable: false,
  exploring: "",
  decisions: [
    { field: "method", value: "sft", why: "the rows are conversations without preferences or rewards" },
    { field: "learning_rate", value: "5e-4", why: "ten times the full rate, for LoRA" },
    { field: "lora_rank", value: "16", why: "the usual rank for short answers" },
    { field: "batch_size", value: "8", why: "fits in memory, 150 steps an epoch" },
    { field: "max_length", value: "128", why: "holds 99 of 100 rows; longer ones are cut" },
    { field: "max_steps", value: "80", why: "as asked" },
  ],
  script,
  script_title: "The training script, 118 lines",
  script_path: "runs/kinds-20/train.py",
  edit: null,
  proof: null,
  proving: "",
  hints: [
    "`%finetune script kinds-20` opens it in the next cell to edit.",
    "`%finetune prove 5f0c2a91d3e8` runs it on a tiny clone first.",
  ],
  consent: "This machine costs nothing. The job is stopped after 30 minutes.",
  missing: [],
  questions: [],
};

const small = explore(0.6, cards.slice(0, 4));
const paid = [...options(small), { ...here, recommended: false, why: "", hours: { p50: 1.9, p90: 2.7 } }];

export const paidPlan: PlanView = {
  ...plan,
  sentence: "On a10g-small half of such runs end within 9 minutes, nine in ten within 14.",
  chosen: { backend: "hf-jobs", flavor: "a10g-small", tuning: "lora" },
  options: paid,
  consent: "At most $0.42 = 25 min at $1.00 an hour, then the job is stopped.",
  budget: { cap: 2, reserved: 0.42, spent: 0.31, left: 1.27 },
  prices: "Prices of Hugging Face Jobs, read 12 minutes ago.",
  explore: small,
};

/** Of an inspection: one machine, nothing to choose, no script. */
export const inspectionPlan: PlanView = {
  ...plan,
  sentence:
    "Every row of ada/kinds is looked at with the tokenizer of SmolLM2-135M-Instruct on cpu-basic (2 vCPU, 15 GiB), at $0.01 an hour.",
  chosen: { backend: "hf-jobs", flavor: "cpu-basic", tuning: "" },
  options: [],
  offers: [],
  explore: null,
  explorable: false,
  decisions: [],
  script: "",
  script_title: "",
  script_path: "",
  hints: [],
  consent: "$0.01 is reserved: 30 min at $0.01 an hour, then the job is stopped.",
  budget: { cap: null, reserved: 0, spent: 0, left: null },
  prices: "Prices read from the Hub just now.",
};

export const missingPlan: PlanView = {
  ...paidPlan,
  missing: [
    {
      line: "The model meta-llama/Llama-3.2-1B is gated, and your account has no access yet: ask for it on its page.",
      link: "https://huggingface.co/meta-llama/Llama-3.2-1B",
      sure: true,
    },
    {
      line: "Your token may only read, and a job needs one that may write.",
      link: "https://huggingface.co/settings/tokens",
      sure: true,
    },
    {
      line: "ada has named no way to pay: jobs run only on credit that is there already.",
      link: "https://huggingface.co/settings/billing",
      sure: false,
    },
  ],
};

const [howToEdit = ""] = plan.hints;

/** Where it costs money the script is proved before it starts. */
export const provedPlan: PlanView = { ...paidPlan, proof, hints: [howToEdit] };

export const editedPlan: PlanView = {
  ...plan,
  options: plan.options.map((option) => ({ ...option, selectable: false })),
  script: edited,
  script_title: "The training script, 120 lines",
  edit,
  hints: [howToEdit],
  consent:
    "This machine costs nothing. The job is stopped after 30 minutes. Time and price are forecast for the script as it was written.",
};
export const provingPlan: PlanView = {
  ...editedPlan,
  proving: "Proving the script in miniature",
};
export const editedProved: PlanView = { ...editedPlan, proof };
export const editedFailed: PlanView = { ...editedPlan, proof: failedProof };

const large = explore(8, cards);
const many = options(large);

/** Eight machines and three ways of tuning a model of 8 billion parameters. */
export const manyPlan: PlanView = {
  ...paidPlan,
  plan_id: "9be1477c02d85f3cd1e8a1b5aa0f4f2d9c1b7a6e",
  sentence: "a100-large does it for the least: half of such runs end within 8 minutes, nine in ten within 13.",
  chosen: many.find(({ recommended }) => recommended) ?? null,
  options: [...many, ...many.map((option) => ({ ...option, backend: "slurm", front: false, recommended: false }))],
  explore: large,
};

const offer = (label: string, why: string, hours: number, usd: number, lines: string[]) => ({
  ...{ label, why, lines },
  hours: { p50: hours, p90: hours * 1.5 },
  usd: { p50: usd, p90: usd * 1.5 },
});

const tooLarge = explore(20, cards.slice(0, 4));

/** 20 billion parameters on small cards: too large as it stands, and what would help. */
export const nothingFits: PlanView = {
  ...paidPlan,
  sentence: "Nothing fits as it stands: the least that it needs is 27 GiB, and the largest card here has 22.",
  chosen: null,
  options: options(tooLarge),
  offers: [
    offer("Cut rows at 1,024 tokens", "212 of 1,200 rows lose the end of their answer.", 1.9, 1.55, [
      "max_length: 1024",
    ]),
    offer("Train with qlora, one row at a time", "4-bit weights; the learning rate stays.", 3.1, 2.48, [
      "tuning: qlora",
      "device_batch_size: 1",
    ]),
    { ...offer("Take an a100-large", "It has 80 GiB.", 0.4, 1, ["flavor: a100-large"]), hours: null, usd: null },
  ],
  budget: { cap: 2, reserved: 0, spent: 0.31, left: 1.69 },
  explore: tooLarge,
};

export const questionsOnly: PlanView = {
  ...plan,
  sentence: "One answer is missing before it can be planned.",
  plan_id: null,
  chosen: null,
  options: [],
  decisions: [],
  script: "",
  consent: "",
  questions: [{ field: "model", why: "No model is named: which one is to be trained?" }],
};

/** A cluster whose price nobody knows. */
export const noPrice: PlanView = {
  ...paidPlan,
  sentence: "The cluster does it; what it costs there is not known here.",
  chosen: { backend: "slurm", flavor: "gpu-long", tuning: "lora" },
  options: options(small)
    .slice(0, 3)
    .map((option, at) => ({
      ...option,
      backend: "slurm",
      flavor: at === 0 ? "gpu-long" : `gpu-${at}`,
      usd: null,
      max_usd: null,
      usd_per_hour: null,
      hours: at === 2 ? null : option.hours,
      front: false,
    })),
  budget: { cap: null, reserved: 0, spent: 0, left: null },
  prices: "",
  explore: null,
  explorable: false,
  exploring: "",
};

const endless = "an-instance-type-whose-name-somebody-made-by-joining-everything-they-knew-about-it";

export const longNames: PlanView = {
  ...paidPlan,
  chosen: { backend: "hf-jobs", flavor: endless, tuning: "lora" },
  options: paidPlan.options.map((option, at) =>
    at === 0 ? { ...option, flavor: endless, why: `${endless} `.repeat(3) } : option,
  ),
  explore: {
    ...small,
    machines: small.machines.map((machine, at) => (at === 0 ? { ...machine, flavor: endless } : machine)),
  },
};

const upTo = (last: number) => Array.from({ length: last }, (_, at) => at + 1);

/** Every value that a slider can take at its finest: a grid of 20 by 12. */
export const fineSteps: PlanView = {
  ...paidPlan,
  explore: {
    ...small,
    context: { value: 2048, steps: upTo(20).map((at) => at * 512) },
    batch: { value: 4, steps: upTo(12) },
  },
};
