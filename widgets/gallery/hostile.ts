// The same views filled with what data can hold at its worst: markup, direction marks, endless words.

import type { PlanView } from "../shared/plan-types";
import type { CompareView, DataView as DatasetView, PublishView, RequestView, RunView } from "../shared/types";
import { compare, data, publish, rentedRun, request, row, run } from "./fixtures";
import { nothingFits, paidPlan } from "./plans";

export const markup = '<img src=x onerror="window.hacked=1"><script>window.hacked=1</script>';
const turned = "pay \u202e00.001$\u202c or\u0007 \u200bnothing";
const long = "Pneumonoultramicroscopicsilicovolcanoconiosis".repeat(6);
export const nasty = `${markup} ${turned} ${long}`;

export const hostileRequest: RequestView = {
  ...request,
  sentence: nasty,
  instruction: `🦉🦉 ${nasty}`,
  fields: [{ field: "model", value: nasty, start: 3, end: 3 + markup.length }],
  questions: [{ field: nasty, why: nasty }],
  ignored: [nasty],
};

export const hostileData: DatasetView = {
  ...data,
  sentence: nasty,
  dataset: nasty,
  columns: [{ name: nasty, type: markup, nulls: 3 }],
  findings: [
    {
      id: markup,
      key: nasty,
      severity: "error",
      rows: 1,
      share: 0.00001,
      examples: [0, 1],
      listed: 2,
      message: nasty,
      remedy: nasty,
      fix: { label: nasty, lines: [nasty] },
    },
  ],
  methods: [{ name: nasty, status: "mapping", why: nasty, code: nasty }],
  recommended: nasty,
  chosen: [{ field: nasty, line: nasty }],
  left_out: 2,
  checks: [{ id: markup, status: "found", why: nasty }],
  preview: [
    row(0, nasty, `${turned}\t\ttabs  two spaces\r\n\u00a0no-break`, nasty),
    row(1, `${long} `.repeat(30), markup),
  ],
};

export const hostilePlan: PlanView = {
  ...paidPlan,
  sentence: nasty,
  plan_id: nasty,
  options: paidPlan.options.map((option) => ({
    ...option,
    flavor: long,
    backend: markup,
    why: nasty,
    settings: nasty,
    detail: nasty,
    selectable: true,
  })),
  chosen: null,
  offers: nothingFits.offers.map((offer) => ({ ...offer, label: nasty, why: nasty, lines: [nasty, markup] })),
  budget: { cap: 0.01, reserved: 1e9, spent: -1, left: -1e9 },
  prices: nasty,
  explore: {
    context: { value: 2048, steps: [1, 2048] },
    batch: { value: 4, steps: [4] },
    rank: null,
    tokens: [],
    laws: {
      [markup]: {
        parts: [nasty, "__proto__"],
        regimes: [{ tokens: null, phases: [{ name: nasty, bytes: [[1e10], []] }] }],
        reserve: [1, 1],
        card: true,
        context_gib: 0,
      },
    },
    machines: [
      {
        backend: markup,
        flavor: nasty,
        gib: 16,
        usd_per_hour: 1,
        ways: [
          {
            ...{ tuning: nasty, law: markup, checkpointing: false, per_rank: 0 },
            ...{ fixed_s: { p50: 1, p90: 2 }, token_s: { p50: 1e-9, p90: 1e-9 } },
          },
        ],
      },
    ],
  },
  decisions: [{ field: markup, value: nasty, why: nasty }],
  script: `${nasty}\n`.repeat(50),
  script_title: nasty,
  script_path: nasty,
  edit: { sentence: nasty, diff: `@@ -1,2 +1,2 @@\n-${nasty}\n+${nasty}\n ${markup}` },
  proof: {
    passed: false,
    sentence: nasty,
    checks: [
      { id: markup, name: nasty, passed: false, evidence: nasty },
      { id: "runs", name: markup, passed: true, evidence: long },
    ],
  },
  proving: "",
  hints: [nasty, `\`${markup}\` \``],
  missing: [
    { line: nasty, link: `javascript:alert(1)//${markup}`, sure: true },
    { line: long, link: `https://huggingface.co/${markup}`, sure: false },
  ],
  consent: nasty,
  questions: [{ field: markup, why: turned }],
};

export const hostileRun: RunView = {
  ...run,
  sentence: nasty,
  rented: [{ label: long, value: nasty }],
  hardware: rentedRun.hardware && { ...rentedRun.hardware, title: markup, note: nasty },
  facts: [{ label: long, value: nasty }, ...run.facts.slice(1)],
  marks: [
    { step: 10, text: nasty, level: "care" },
    { step: 12, text: markup, level: "care" },
    { step: 14, text: turned, level: "stop" },
    { step: 16, text: "a fourth one close by", level: "care" },
    { step: 230, text: "at the right edge, said at some length", level: "care" },
  ],
  note: nasty,
  sample: { step: 1, prompt: nasty, text: `${nasty}\n`.repeat(20) },
  log: Array.from({ length: 50 }, () => nasty),
};

export const hostileCompare: CompareView = {
  ...compare,
  sentence: nasty,
  benchmark: markup,
  metric: turned,
  rows: compare.rows.map((each) => ({ ...each, note: nasty, checkpoint: each.step === 80 ? long : each.checkpoint })),
  pending: [nasty],
};

export const hostilePublish: PublishView = {
  ...publish,
  sentence: nasty,
  files: [{ label: long, path: nasty, bytes: null, detail: nasty }],
  certificate: { passed: false, token_ids_equal: false, top1_agreement: 0.41, mean_kl: 1.7 },
  answer: { prompt: nasty, expected: "animal", answer: nasty, tokens_per_second: 12 },
  report: nasty,
  try_it: nasty,
};
