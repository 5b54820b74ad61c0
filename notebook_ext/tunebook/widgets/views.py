"""What each panel shows of a run, as the JSON of widgets/shared/types.ts. Pure: facts in, plain values out.

The sentences here are the only ones: the panels, the text form and the static form all say them.
"""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tunebook.pipeline.spec import spec_line
from tunebook.widgets.measures import MEASURES, NOTES, figures, held_out, method_of, now
from tunebook.widgets.rented import hardware_view, queued_for, rented_facts
from tunebook.widgets.script_view import script_view
from tunebook.widgets.words import (
    UNKNOWN,
    counted,
    duration,
    duration_range,
    name_of,
    number,
    plain,
    shortened,
    size,
)

if TYPE_CHECKING:
    from tunebook.pipeline.data.report import Finding, Inspection
    from tunebook.pipeline.evaluation.scores import ComparedCheckpoint, Comparison
    from tunebook.pipeline.hardware.options import Option
    from tunebook.pipeline.instruction import Question, Reading
    from tunebook.pipeline.plan import Plan
    from tunebook.pipeline.prove.result import Proof
    from tunebook.widgets.facts import Facts

View = dict[str, Any]

#: Of a table that nobody has opened yet.
NO_TABLE: View = {"table": None, "opening": "", "table_problem": ""}
PREVIEW_ROWS = 24
#: The page of rows is sent with every snapshot, so it stays small whatever the rows hold.
PREVIEW_BYTES = 150_000
TEXT_MOST = 2_000
#: What is trained of a row, where that is not what its colours say.
LABELS = {
    "dpo": "Both answers of a pair are trained, each behind the prompt; lengths are of one answer with its prompt.",
    "grpo": "GRPO learns from answers that it samples: of a row only its prompt is read.",
    "reward": "A reward model is trained by its score at the last token of each answer.",
}


# Request


def request_view(
    instruction: str, spec: dict[str, Any], reading: Reading | None, questions: list[Question] | None = None
) -> View:
    """What was understood, each field with the words it was read from; None where it was given as an option."""
    asked = questions if questions is not None else reading.questions if reading else []
    fields: list[View] = []
    for name, value in spec.items():
        span = reading.provenance.get(name) if reading else None
        # An option overrules the words: what is shown beside the words must be what they say.
        from_words = span is not None and reading is not None and reading.spec.get(name) == value
        from_words = from_words or (span is not None and name in ("model", "dataset"))  # a local path was made absolute
        fields.append(
            {
                "field": name,
                "value": shortened(plain(value), 300),
                "start": span.start if from_words and span else None,
                "end": span.end if from_words and span else None,
            }
        )
    return {
        "sentence": _request_sentence(spec, asked),
        "instruction": instruction,
        "fields": fields,
        "questions": [question_view(one) for one in asked],
        "ignored": list(reading.ignored) if reading else [],
    }


def _request_sentence(spec: dict[str, Any], questions: list[Question]) -> str:
    if questions:
        what = "One thing is" if len(questions) == 1 else f"{len(questions)} things are"
        return f"{what} not clear, so nothing was started. Answer in the cell, and run it again."
    model, dataset = spec.get("model"), spec.get("dataset")
    if not (model and dataset):
        return counted(len(spec), "field was", "fields were") + " understood."
    return f"Fine-tune {name_of(model)} on {name_of(dataset)}: {counted(len(spec), 'field', 'fields')} understood."


def question_view(question: Question) -> View:
    return {"field": question.field, "why": question.why}


# Data


def data_view(inspection: Inspection, chosen: dict[str, Any] | None = None, *, decides: bool = False) -> View:
    """The inspector's panel: the report, and as many rows of the page as fit.

    `chosen` are fields of the spec that were set by a click here, `decides` whether remedies can be chosen (now).
    """
    report, preview, lens = inspection.report, inspection.preview, inspection.lens
    return {
        "sentence": report.sentence(),
        "dataset": report.dataset,
        "rows": report.rows,
        "columns": [column.model_dump() for column in report.columns],
        "tokens": report.tokens.model_dump() if report.tokens else None,
        "findings": [
            finding.model_dump()
            | {"key": finding.key, "listed": _listed(inspection, finding), "fix": _fix(finding) if decides else None}
            for finding in report.findings
        ],
        "methods": [{"name": name, **fit.model_dump(exclude={"mapping"})} for name, fit in report.methods.items()],
        "recommended": report.recommended,
        "chosen": [{"field": name, "line": spec_line(name, value)} for name, value in (chosen or {}).items()],
        "left_out": len(inspection.left_out),
        "checks": [check.model_dump() for check in report.checks],
        "preview": _preview(inspection),
        "lens": {"method": lens.method, "note": LABELS.get(lens.method, "")} if lens else None,
        "max_length": preview.max_length if preview else None,
        "histogram": preview.histogram if preview else None,
        "lengths": [effect.model_dump() for effect in preview.lengths] if preview else [],
    }


def _fix(finding: Finding) -> View | None:
    """The button of a remedy, and the lines that do the same in a cell."""
    if finding.fix is None:
        return None
    lines = [spec_line(name, value) for name, value in finding.fix.fields.items()]
    return {"label": finding.fix.label, "lines": lines}


def _listed(inspection: Inspection, finding: Finding) -> int:
    """How many rows of a finding the table can show alone."""
    return len(inspection.rows_found.get(finding.key, finding.examples))


def _preview(inspection: Inspection) -> list[View]:
    rows: list[View] = []
    used = 0
    for row in (inspection.preview.rows if inspection.preview else [])[:PREVIEW_ROWS]:
        view = row.model_dump(mode="json")
        view["raw"] = _cut_texts(view["raw"])
        cost = len(json.dumps(view, ensure_ascii=False).encode())
        if used + cost > PREVIEW_BYTES:
            continue  # one endless row must not take the page from the others
        used += cost
        rows.append(view)
    return rows


def _cut_texts(value: Any) -> Any:
    if isinstance(value, str):
        return shortened(value, TEXT_MOST)
    if isinstance(value, list):
        return [_cut_texts(item) for item in value]
    if isinstance(value, dict):
        return {key: _cut_texts(item) for key, item in value.items()}
    return None if isinstance(value, float) and not math.isfinite(value) else value


# Plan


def plan_view(
    plan: Plan,
    script_path: str = "",
    *,
    decides: bool = False,
    whole: bool = True,
    proof: Proof | None = None,
    proving: str = "",
    run_id: str = "",
) -> View:
    """The picker's panel: every option with its bands, what was decided and why, the script with its proof, the line of
    consent.

    `decides`: whether another option, an offer or the sliders' values can be taken now; another plan would not have what
    a person has edited. Without `whole` it is what is worth sending again and again while the run is at work: what was
    chosen and what it was chosen from.
    """
    decides = decides and plan.edit is None
    options = [one for one in plan.options if whole or one.front or one.backend == "local" or is_chosen(plan, one)]
    return {
        "sentence": plan.sentence,
        "plan_id": plan.plan_id,
        "chosen": plan.chosen.model_dump() if plan.chosen else None,
        "options": [_option(plan, option, decides) for option in options],
        "offers": [
            offer.model_dump(exclude={"fields"})
            | {"lines": [spec_line(name, value) for name, value in offer.fields.items() if value is not None]}
            for offer in plan.offers
        ]
        if decides
        else [],
        "budget": plan.budget.model_dump() if plan.budget else None,
        "prices": plan.prices,
        "explore": plan.explore.model_dump() if plan.explore and whole else None,
        "explorable": whole and any(one.backend == "local" and one.step_seconds for one in plan.options),
        "exploring": "",
        "decisions": [{"field": one.field, "value": plain(one.value), "why": one.why} for one in plan.decisions],
        **script_view(plan, proof, proving=proving, run_id=run_id, can_prove=whole),
        "script_path": script_path,
        "consent": plan.consent,
        "missing": [one.model_dump(include={"line", "link", "sure"}) for one in plan.missing] if whole else [],
        "questions": [question_view(one) for one in plan.questions],
    }


def _option(plan: Plan, option: Option, decides: bool) -> View:
    chosen = is_chosen(plan, option)
    return option.model_dump(
        include={
            "backend", "flavor", "tuning", "fits", "memory", "hours", "usd", "max_usd", "why", "detail", "usd_per_hour",
            "front", "recommended",
        }
    ) | {
        "settings": option.picked.sentence() if option.picked and option.fits else "",
        "selectable": decides and option.fits and option.max_usd is not None and not chosen,
    }  # fmt: skip


def is_chosen(plan: Plan, option: Option) -> bool:
    return plan.chosen is not None and option.key == (plan.chosen.backend, plan.chosen.flavor, plan.chosen.tuning)


# Run


def run_view(facts: Facts) -> View:
    """The monitor's panel without its curves, which travel as points."""
    return {
        "sentence": run_sentence(facts),
        "step": facts.step,
        "max_steps": facts.max_steps,
        "curves": [measure.view() for measure in MEASURES[method_of(facts)]],
        "note": NOTES.get(method_of(facts), ""),
        "rented": rented_facts(facts),
        "hardware": hardware_view(facts),
        "facts": _run_facts(facts),
        "marks": [{"step": step, "text": "checkpoint", "level": "note"} for step in facts.checkpoints] + _broken(facts),
        "sample": None,
        "log": [shortened(line, 400) for line in facts.log],
    }


def run_sentence(facts: Facts) -> str:
    """Where the training is, in one sentence."""
    run, trained = facts.run, facts.run.done_stages.get("train")
    value = now(facts)
    if trained is not None:
        where = counted(facts.step, "step", "steps") if facts.step is not None else "its steps"
        return f"Trained {where} in {duration(trained)}{value}{held_out(facts)}."
    if run.state == "interrupted":
        return f"Interrupted at step {facts.step or 0}{value}. What was saved is kept."
    if run.finished:
        return f"Ended at step {facts.step}{value}." if facts.step is not None else "It ended before the first step."
    if queued := queued_for(facts):
        return f"In the queue for {queued}. It costs nothing until it runs."
    if facts.step is None or facts.max_steps is None:
        return f"{facts.progress.text or 'Starting'}." if run.stage == "train" else "Nothing is running yet."
    left = f", about {duration(facts.eta_s)} left" if facts.eta_s else ""
    return f"Step {facts.step:,} of {facts.max_steps:,}{value}{held_out(facts)}{left}."


def _run_facts(facts: Facts) -> list[View]:
    def last(name: str) -> float | None:
        points = facts.series.get(name)
        return points[-1].value if points else None

    rate, memory = last("train/learning_rate"), last("train/memory_gib")
    chosen = next((one for one in facts.plan.options if is_chosen(facts.plan, one)), None) if facts.plan else None
    of = f" of {number(chosen.memory.high, 2)} GiB forecast" if chosen and chosen.memory else " GiB"
    return [
        *({"label": label, "value": value} for label, value in figures(facts)),
        {"label": "tokens/s", "value": number(last("train/tokens_per_second"))},
        {"label": "gradient norm", "value": number(last("train/grad_norm"))},
        {"label": "learning rate", "value": number(rate)},
        {"label": "memory", "value": f"{number(memory, 2)}{of}" if memory is not None else UNKNOWN},
        *({"label": label, "value": value} for label, value in _training_time(facts, chosen)),
    ]


def _training_time(facts: Facts, chosen: Option | None) -> list[tuple[str, str]]:
    """What was forecast, and what is forecast at the pace of the steps so far."""
    if chosen is None or chosen.step_seconds is None or not facts.max_steps:
        return [("training forecast", UNKNOWN), ("at this pace", UNKNOWN)]
    step = chosen.step_seconds
    said = ("training forecast", duration_range(facts.max_steps * step.p50, facts.max_steps * step.p90))
    if facts.pace_s is None or facts.step is None or facts.run.done_stages.get("train") is not None:
        return [said, ("at this pace", UNKNOWN)]
    from tunebook.pipeline.hardware.forecast import reforecast

    pace = reforecast(step, facts.pace_s, facts.step, facts.max_steps)
    return [said, ("at this pace", duration_range(pace.p50, pace.p90))]


def _broken(facts: Facts) -> list[View]:
    return [
        {"step": point.step, "text": "the loss was not a finite number", "level": "stop"}
        for point in facts.series.get("train/loss", [])
        if point.value is None
    ][:3]


# Compare


def compare_view(facts: Facts) -> View | None:
    """The table's panel: whole when the evaluation is done, row by row while it works. None before it begins."""
    if facts.comparison is not None:
        return comparison_view(facts.comparison, facts)
    if facts.run.stage != "evaluate" or facts.plan is None:
        return None
    scored = [event["row"] for event in facts.scores]
    named = {row["target"] for row in scored}
    expected = ["base", *(f"checkpoint-{step}" for step in facts.checkpoints)]
    heading = facts.scores[0] if facts.scores else {}
    return {
        "sentence": f"{len(scored)} of {len(expected)} scored. Which is best is said when all are.",
        "benchmark": facts.plan.benchmark or "",
        "metric": heading.get("metric", ""),
        "higher_is_better": heading.get("higher_is_better", True),
        "rows": [
            {
                "checkpoint": event["row"]["target"],
                "step": event["step"],
                **{name: event["row"][name] for name in ("passed", "total", "score", "ci")},
                "vs_base": None,
                "heldout_loss": _held_out_loss(facts, event["step"]),
                "note": "",
            }
            for event in facts.scores
        ],
        "best": None,
        "pending": [name for name in expected if name not in named],
    }


def comparison_view(comparison: Comparison, facts: Facts | None = None) -> View:
    """A finished comparison as the table shows it."""
    from tunebook.pipeline.evaluation.wording import sentence

    return {
        "sentence": sentence(comparison),
        "benchmark": comparison.benchmark,
        "metric": comparison.metric,
        "higher_is_better": comparison.higher_is_better,
        "rows": [
            {
                **row.model_dump(mode="json"),
                "vs_base": _against(row),
                "heldout_loss": _held_out_loss(facts, row.step) if facts else None,
                "note": _row_note(comparison, row.checkpoint),
            }
            for row in comparison.rows
        ],
        "best": comparison.best,
        "pending": [],
    }


def _against(row: ComparedCheckpoint) -> View | None:
    """The difference as the table takes it: a share where the metric is a count, else in the metric's own unit."""
    if row.vs_base is None:
        return None
    delta = row.vs_base.delta / row.total if row.passed is not None and row.total else row.vs_base.delta
    return {"delta": delta, "p": row.vs_base.p}


def _row_note(comparison: Comparison, checkpoint: str) -> str:
    if checkpoint != comparison.best:
        return ""
    highest = (max if comparison.higher_is_better else min)(row.score for row in comparison.rows)
    mine = next(row.score for row in comparison.rows if row.checkpoint == checkpoint)
    return "best" if mine == highest else "best, earliest within noise"


def _held_out_loss(facts: Facts, step: int) -> float | None:
    if method_of(facts) == "grpo":  # where it says nothing
        return None
    return next((point.value for point in facts.series.get("eval/loss", []) if point.step == step), None)


# Publish


def publish_view(facts: Facts) -> View | None:
    """The files, how faithful the GGUF is, and one answer of it. None before the export is done."""
    if facts.export is None:
        return None
    from tunebook.pipeline.export.answer import serve_command

    exported, answer = facts.export["export"], facts.export.get("answer")
    files = [_gguf_file(one, facts.export_folder) for one in exported["gguf"]]
    if exported["merged"]:
        files.append({"label": "merged model", "path": exported["merged"], "bytes": None, "detail": "safetensors"})
    if pushed := facts.export.get("push"):
        seen = "private" if pushed["private"] else "public"
        files.append({"label": "on the Hub", "path": pushed["url"], "bytes": None, "detail": f"{seen}, with its card"})
    if facts.report:
        files.append(
            {
                "label": "report",
                "path": str(facts.report),
                "bytes": facts.report.stat().st_size,
                "detail": "one HTML file",
            }
        )
    certificates = [one["certificate"] for one in exported["gguf"] if one["certificate"]]
    return {
        "sentence": publish_sentence(exported["gguf"], certificates),
        "files": files,
        "certificate": certificates[0] if certificates else None,
        "answer": {key: answer[key] for key in ("prompt", "expected", "answer", "tokens_per_second")}
        if answer
        else None,
        "report": str(facts.report) if facts.report else None,
        "try_it": serve_command(files[0]["path"]) if exported["gguf"] else "",
    }


def _gguf_file(made: View, folder: Path) -> View:
    path = folder / Path(made["file"])  # the export names it whole; only a hand-made one is relative
    return {
        "label": f"GGUF {made['quant']}",
        "path": str(path),
        "bytes": made["bytes"],
        "detail": f"sha256 {made['sha256'][:16]}",
    }


def publish_sentence(ggufs: list[View], certificates: list[View]) -> str:
    """What was made, and whether it still says what the merged model says."""
    if not ggufs:
        return "The model was merged; no GGUF was asked for."
    made = " and ".join(f"{one['quant']} ({size(one['bytes'])})" for one in ggufs)
    if not certificates:
        return f"{made} is ready; it was not compared with the merged model."
    worst = min(certificates, key=lambda one: (one["passed"], one["top1_agreement"]))
    share = number(worst["top1_agreement"] * 100)
    if worst["passed"]:
        return f"{made} is ready and agrees with the merged model at {share} % of positions."
    return (
        f"{made} is made, but agrees with the merged model at only {share} % of positions: try a larger quantisation."
    )
