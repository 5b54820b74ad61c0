"""Decide what the user left open, each field with its reason. Pure: from the spec, the inspection and the model's facts."""

from __future__ import annotations

import math
from typing import Any

from tunebook.pipeline.benchmarks import default_benchmark
from tunebook.pipeline.data.report import Inspection
from tunebook.pipeline.errors import CallError
from tunebook.pipeline.plan.looking import method_of
from tunebook.pipeline.plan.model import Decision, ModelFacts
from tunebook.pipeline.spec import Spec

HELD_OUT_MOST = 500  # more rows tighten the interval little and cost time at every look
LOSS_ROWS = 64  # for the held-out loss at each checkpoint while training waits
#: Learning rates for LoRA and for full tuning. TRL's own recipes; LoRA's is ten times the other.
RATES = {
    "sft": (2e-4, 2e-5),
    "dpo": (5e-6, 5e-7),
    "kto": (5e-6, 5e-7),
    "grpo": (1e-5, 1e-6),
    "reward": (1e-4, 1e-5),
}
#: How firmly the model is held to where it started, as TRL's trainers do by default.
BETAS = {"dpo": 0.1, "kto": 0.1, "grpo": 0.0}
GENERATIONS = 8
COMPLETION_TOKENS = 256
GRPO_PROMPTS = 4  # whose answers are one step's batch
DEVICE_BATCH = 8
CHECKPOINTS = 3


class Decisions:
    """Collects values: what was said stays as it was said, the rest is decided here once, with its reason."""

    def __init__(self, spec: Spec) -> None:
        self.spec: dict[str, Any] = spec.said()
        self.made: list[Decision] = []

    def take(self, field: str, value: Any, why: str) -> Any:
        if field not in self.spec:
            self.spec[field] = value
            self.made.append(Decision(field=field, value=value, why=why))
        return self.spec[field]


def decide(
    spec: Spec,
    inspection: Inspection,
    model: ModelFacts,
    tuning: str,
    tuning_why: str,
    cut: Decision | None = None,
) -> Decisions:
    """Every field a training needs. `tuning` comes from the hardware options; `cut` is the length that was decided before
    the data was looked at with it. Raises CallError for rows at once that do not divide the batch.
    """
    chosen = Decisions(spec)
    take = chosen.take
    method = take("method", method_of(spec, inspection), _method_why(spec, inspection))
    take("tuning", tuning, tuning_why)
    lora = chosen.spec["tuning"] != "full"
    if lora:
        take("lora_rank", model.adapter_rank or 16, "the adapter's" if model.adapter_rank else "enough for most tasks")
    take("seed", 42, "any fixed number makes the run repeatable")
    share = held_out_share(spec, inspection)
    if not inspection.eval_rows:
        take(
            "eval_share",
            share,
            "rows that training never sees, to measure with" if share else "too few rows to hold any out",
        )
    rows = training_rows(spec, inspection, share)
    each = spec.device_batch_size or 1
    usual = DEVICE_BATCH if rows >= 64 else 4
    why = "steady gradients without many idle rows"
    if method == "grpo":
        _decide_answers(chosen)
        answers = chosen.spec["num_generations"]
        each = math.lcm(each, answers)
        usual = answers * min(GRPO_PROMPTS, rows)
        why = f"the answers to {usual // answers} prompts"
    batch = take("batch_size", math.ceil(usual / each) * each, why)
    if method == "grpo" and batch % chosen.spec["num_generations"]:
        answers = chosen.spec["num_generations"]
        remedy = f"take a multiple of {answers}, or another `num_generations`"
        raise CallError("batch_size", f"is {batch}, which the {answers} answers to each prompt do not divide", remedy)
    device_batch(batch, spec.device_batch_size)  # on any machine
    per_epoch = max(1, math.ceil(rows / prompts_a_step(chosen.spec)))
    if "max_steps" not in chosen.spec:
        several = method == "sft" and rows <= 5000
        epochs = take(
            "epochs", 3 if several else 1, "small sets need more than one look" if several else "one look at each row"
        )
        steps = max(1, math.ceil(per_epoch * epochs))
    else:
        steps = chosen.spec["max_steps"]
    name = "" if method == "sft" else f" and {'a reward model' if method == 'reward' else method.upper()}"
    take(
        "learning_rate",
        RATES[method][0 if lora else 1],
        f"the usual rate for LoRA{name}, ten times that of full tuning"
        if lora
        else f"the usual rate for full tuning{name}",
    )
    length, why = (cut.value, cut.why) if cut else _length(inspection, model)
    take("max_length", length, why)
    if method == "sft":
        take("packing", False, "packing is safe only with a FlashAttention kernel")
    every = max(1, steps // CHECKPOINTS)
    take("save_steps", every, f"{math.ceil(steps / every)} checkpoints to choose from")
    take("eval_steps", chosen.spec["save_steps"], f"the held-out loss at every checkpoint, of at most {LOSS_ROWS} rows")
    if held_out_rows(inspection, chosen.spec, spec.eval_share) and spec.environment is None:
        take("benchmark", *_benchmark(method, inspection))
    if method != "reward":
        take("gguf", ["Q4_K_M"], "the usual size for a laptop, about a quarter of 16 bit")
    return chosen


def _decide_answers(chosen: Decisions) -> None:
    chosen.take("num_generations", GENERATIONS, "answers to each prompt, enough to tell better from worse")
    chosen.take("max_completion_length", COMPLETION_TOKENS, "room to reason before the answer; say less for short ones")


def _benchmark(method: str, inspection: Inspection) -> tuple[str, str]:
    if method != "sft":
        what = "the rewards of held-out prompts" if method == "grpo" else "held-out rows are ranked as they should be"
        return default_benchmark(
            method
        ), f"what {'a reward model' if method == 'reward' else method.upper()} is to raise: {what}"
    if inspection.answer_kind == "short":
        return "exact_match", "the answers are short, so right or wrong can be told"
    return "heldout_loss", "the answers are too long to match word by word"


def prompts_a_step(settled: dict[str, Any]) -> int:
    """Rows of the data set that one optimizer step takes: with GRPO each has several answers in the batch."""
    batch = int(settled["batch_size"])
    return batch // int(settled["num_generations"]) if settled["method"] == "grpo" else batch


def _method_why(spec: Spec, inspection: Inspection) -> str:
    fit = inspection.report.methods.get(method_of(spec, inspection))
    return fit.why if fit else "the rows have a prompt and an answer"


def held_out_share(spec: Spec, inspection: Inspection) -> float:
    if spec.eval_share is not None:
        return spec.eval_share
    if inspection.eval_rows or inspection.train_rows < 20:
        return 0.0
    return round(min(0.1, HELD_OUT_MOST / inspection.train_rows), 4)


def training_rows(spec: Spec, inspection: Inspection, share: float) -> int:
    """Rows to train on. An inspection that was told the share has set its rows aside already."""
    rows = inspection.train_rows
    if not inspection.eval_rows and spec.eval_share is None:
        rows -= math.ceil(rows * share)
    return max(1, rows)


def held_out_rows(inspection: Inspection, settled: dict[str, Any], said: float | None = None) -> int:
    """Rows to measure with. `said` is the share that the user named, which the inspection has set aside already."""
    if inspection.eval_rows:
        return min(inspection.eval_rows, HELD_OUT_MOST)
    share = float(settled.get("eval_share", 0.0))
    whole = inspection.train_rows / (1 - said) if said else inspection.train_rows
    return min(math.ceil(whole * share), HELD_OUT_MOST)


def total_steps(settled: dict[str, Any], rows: int) -> int:
    """Optimizer steps of the whole training."""
    if "max_steps" in settled:
        return int(settled["max_steps"])
    return max(1, math.ceil(math.ceil(rows / prompts_a_step(settled)) * float(settled["epochs"])))


def _length(inspection: Inspection, model: ModelFacts) -> tuple[int, str]:
    """Room for the rows as they are; only a few outliers are worth cutting."""
    counts = inspection.report.tokens
    if counts is None:
        return 1024, "the rows' lengths are not known"
    limit = model.max_positions or counts.max
    wanted, why = (
        (counts.max, "the longest row fits, so nothing is cut")
        if counts.max <= max(512, 2 * counts.p99)
        else (counts.p99, f"99 of 100 rows fit; the longest has {counts.max:,} tokens")
    )
    length = min(max(8, math.ceil(wanted / 8) * 8), limit)
    return (
        length,
        why if length < limit or wanted <= limit else f"the model's limit; the longest row has {counts.max:,} tokens",
    )


def device_batch(batch: int, asked: int | None = None) -> tuple[int, int]:
    """(rows on the device at once, steps of accumulation) whose product is the effective batch.

    Raises CallError where the rows that were asked for at once do not divide the batch.
    """
    if asked is not None:
        if batch % asked:
            remedy = f"take a number that divides it, or a `batch_size` that is a multiple of {asked}"
            raise CallError("device_batch_size", f"is {asked}, which does not divide the batch of {batch}", remedy)
        return asked, batch // asked
    for rows in range(min(batch, DEVICE_BATCH), 0, -1):
        if batch % rows == 0:
            return rows, batch // rows
    return 1, batch
