// The same views filled with what data can hold at its worst: markup, direction marks, endless words.

import type { PlanView } from "../shared/plan-types";
import type { CompareView, DataView as DatasetView, PublishView, RequestView, RunView } from "../shared/types";
import { compare, data, publish, request, row, run } from "./fixtures";
import { plan } from "./plans";

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
  ...plan,
  sentence: nasty,
  options: plan.options.map((option) => ({ ...option, flavor: long, backend: markup, why: nasty })),
  chosen: null,
  decisions: [{ field: markup, value: nasty, why: nasty }],
  script: `${nasty}\n`.repeat(50),
  script_path: nasty,
  consent: nasty,
  questions: [{ field: markup, why: turned }],
};

export const hostileRun: RunView = {
  ...run,
  sentence: nasty,
  facts: [{ label: long, value: nasty }, ...run.facts.slice(1)],
  marks: [
    { step: 10, text: nasty, level: "care" },
    { step: 12, text: markup, level: "care" },
    { step: 14, text: turned, level: "stop" },
    { step: 16, text: "a fourth one close by", level: "care" },
    { step: 230, text: "at the right edge, said at some length", level: "care" },
  ],
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
