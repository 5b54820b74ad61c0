"""From a spec to a plan: find the model, inspect the data, measure the machine, decide, write the script, hash it all."""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tunebook.pipeline.data.broken import CHECK as UNREADABLE
from tunebook.pipeline.data.checks import Settings
from tunebook.pipeline.data.checks.settings import with_plan
from tunebook.pipeline.data.giants import CHECK as OVERSIZED
from tunebook.pipeline.data.hub import commit_of
from tunebook.pipeline.data.leaving_out import FIELD, rows_of
from tunebook.pipeline.data.report import Finding, Inspection
from tunebook.pipeline.data.source import locate, looks_local
from tunebook.pipeline.errors import CallError
from tunebook.pipeline.hardware import local
from tunebook.pipeline.hardware.machine import Machine, this_machine
from tunebook.pipeline.hardware.options import Band, Option
from tunebook.pipeline.hardware.probe import ProbeConfig, ProbeResult, probe_key, read_probe, write_probe
from tunebook.pipeline.home import home, read_json, write_json
from tunebook.pipeline.instruction import Question
from tunebook.pipeline.plan.checkpoint_model import find_model
from tunebook.pipeline.plan.decide import (
    HELD_OUT_MOST,
    LOSS_ROWS,
    Decisions,
    decide,
    device_batch,
    held_out_rows,
    held_out_share,
    total_steps,
    training_rows,
)
from tunebook.pipeline.plan.model import Chosen, Decision, ModelFacts, Plan, plan_hash
from tunebook.pipeline.plan.supported import unsupported
from tunebook.pipeline.scripts import TrainSettings, train_script
from tunebook.pipeline.scripts.entry import Entry
from tunebook.pipeline.spec import Spec
from tunebook.pipeline.work import OnEvent, do

#: (stage, job folder, text): told before each piece of heavy work, so that a follower can read its progress.
Preparing = Callable[[str, Path, str], None]

SAMPLED_LENGTHS = 256
#: Findings that no training survives, so that nobody can accept them.
FATAL = (UNREADABLE, OVERSIZED)


@dataclass(frozen=True)
class Watched:
    """Who waits for the heavy work: where its jobs are put, who is told of them and of their progress, and what may end
    them by raising.
    """

    work_in: Path | None = None
    preparing: Preparing | None = None
    check: Callable[[], None] | None = None
    on_event: OnEvent | None = None


def make_plan(
    spec: Spec,
    *,
    work_in: Path | None = None,
    preparing: Preparing | None = None,
    check: Callable[[], None] | None = None,
) -> Plan:
    """The plan of a spec, or one with questions and no id.

    Inspection and measurement run as local jobs (in `work_in`, by default the home's own folder for such work) and are
    kept, so that the next plan of the same data and model is quick. `check` is called all the while and may raise.
    Raises CallError for a model or a data set that cannot be used, WorkFailed where a job dies.
    """
    questions = [
        Question(field=name, why="was not said") for name in ("model", "dataset") if getattr(spec, name) is None
    ]
    questions += unsupported(spec)
    if questions:
        return unanswered(spec, questions)
    assert spec.model and spec.dataset
    model = find_model(spec.model, spec.model_revision)
    watched = Watched(work_in, preparing, check)
    inspection = inspect_for(spec, model, watched)
    questions = data_questions(spec, inspection)
    if not questions and (length := chosen_cut(spec, inspection, model)):
        inspection = inspect_for(spec.model_copy(update={"max_length": length}), model, watched)
        questions = data_questions(spec, inspection)
    if questions:
        return unanswered(spec, questions, inspection=inspection, model=model)

    probe = probe_for(spec, model, inspection, watched)
    return _settle(spec, model, inspection, probe)


def chosen_cut(spec: Spec, inspection: Inspection, model: ModelFacts) -> int | None:
    """The length at which the plan itself would cut rows: what is shown of the data must then show that. None: nowhere."""
    counts = inspection.report.tokens
    if spec.max_length is not None or counts is None:
        return None
    length = int(decide(spec, inspection, model, spec.tuning or "lora", "").spec["max_length"])
    seen = inspection.preview.max_length if inspection.preview else None
    return length if length < counts.max and length != seen else None


def inspect_for(
    spec: Spec, model: ModelFacts | None, watched: Watched | None = None, *, against: str | None = None
) -> Inspection:
    """The inspection of the spec's data with the model's tokenizer, as a local job; kept while the data stays the same.

    `against` is a benchmark whose texts are looked for in the rows.
    """
    dataset, revision = spec.dataset or "", spec.dataset_revision
    if not Path(dataset).expanduser().exists() and not looks_local(dataset):
        # What is kept is of a commit, and so is what the job reads: a data set that has changed is looked at again.
        revision = commit_of(dataset, revision)
    config = {
        "dataset": spec.dataset,
        "leave_out": rows_left_out(spec, model, watched, against=against),
        "model": model.path if model else None,
        "model_revision": model.revision if model else None,
        "config": spec.dataset_config,
        "split": spec.split,
        "revision": revision,
        "method": spec.method,
        "max_length": spec.max_length,
        "rows": spec.rows,
        "system_prompt": spec.system_prompt,
        "eval_share": spec.eval_share,
        "seed": spec.seed if spec.seed is not None else 42,
        "against": against,
        # Only what needs the job: a rate that is changed must not cost another look at the rows.
        "settings": {"packing": True} if spec.packing else {},
    }
    stamp = data_stamp(dataset)
    key = _key(config, model.fingerprint if model else None, stamp)
    kept = home() / "inspections" / f"{key}.json"
    body = read_json(kept)
    if body is None:
        body = _work("validate", config, f"Reading {spec.dataset}", "data", "the inspection", watched)
        if data_stamp(dataset) != stamp:
            raise CallError("dataset", f"{dataset} was changed while it was read", "look at it again when it is whole")
        write_json(kept, body)
    inspection = Inspection.model_validate(body)
    if spec.tuning == "full":  # adapters that would fail are nothing that somebody has to answer for
        report = with_plan(inspection.report, spec.method or "sft", Settings(tuning="full"))
        inspection = inspection.model_copy(update={"report": report})
    return inspection


def rows_left_out(
    spec: Spec, model: ModelFacts | None, watched: Watched | None = None, *, against: str | None = None
) -> list[int]:
    """The numbers of the rows that `leave_out` means: those that its checks find in the whole training split."""
    if not spec.leave_out:
        return []
    whole = spec.model_copy(update={"leave_out": None, "rows": None, "eval_share": None})
    return rows_of(inspect_for(whole, model, watched, against=against), spec.leave_out)


def probe_for(spec: Spec, model: ModelFacts, inspection: Inspection, watched: Watched | None = None) -> ProbeResult:
    """A few real training steps of this model on this machine, with batches shaped like this data."""
    rows = training_rows(spec, inspection, held_out_share(spec, inspection))
    draft = decide(spec, inspection, model, "lora", "")
    batch, accumulation = device_batch(draft.spec["batch_size"])
    lengths = sampled_lengths(inspection, rows)
    counts = inspection.report.tokens
    assert counts is not None
    asked = ProbeConfig(
        model=model.path,
        model_revision=model.revision,
        batch_size=batch,
        accumulation=accumulation,
        lengths=lengths,
        longest=counts.max,
        max_length=draft.spec["max_length"],
        trained_share=trained_share(inspection),
        lora_rank=draft.spec.get("lora_rank", 16),
    )

    def key(tunings: list[str]) -> str:
        return probe_key(
            model.fingerprint,
            batch_size=batch,
            accumulation=accumulation,
            longest=min(counts.max, draft.spec["max_length"]),
            mean_length=sum(lengths) / len(lengths),
            lora_rank=asked.lora_rank,
            tunings=tunings,
            machine_id=this_machine().id,
        )

    folder = home() / "probes"
    known = read_probe(folder, key(asked.tunings))  # all of them may have been measured for an earlier plan
    if known is None and spec.tuning in asked.tunings:
        # Steps of a tuning that nobody wants are time that nobody wants to wait for.
        others = [name for name in asked.tunings if name != spec.tuning]
        asked = asked.model_copy(update={"tunings": [spec.tuning], "sized": others})
        known = read_probe(folder, key(asked.tunings))
    if known is None:
        text = "Measuring a few real steps on this machine"
        body = _work("probe", asked.model_dump(mode="json"), text, "plan", "the measurement", watched)
        known = ProbeResult.model_validate(body)
        write_probe(folder, key(asked.tunings), known)
    return known


def _settle(spec: Spec, model: ModelFacts, inspection: Inspection, probe: ProbeResult) -> Plan:
    """Choose the hardware, decide the rest, write the script and hash the whole."""
    draft = decide(spec, inspection, model, spec.tuning or "lora", "")
    rows = training_rows(spec, inspection, draft.spec.get("eval_share", 0.0))
    steps = total_steps(draft.spec, rows)
    checkpoints = -(-steps // draft.spec["save_steps"])
    held_out = held_out_rows(inspection, draft.spec, spec.eval_share)
    options = local.local_options(
        probe,
        machine=this_machine(),
        steps=steps,
        heldout_rows=min(held_out, LOSS_ROWS),
        heldout_passes=-(-steps // draft.spec["eval_steps"]),
        checkpoints=checkpoints,
        evaluation_forecast_seconds=evaluation_seconds(probe, held_out * (checkpoints + 1)),
        export_forecast_seconds=export_seconds(probe),
    )
    chosen, reason = local.choose(options, spec.tuning)
    if chosen is None:
        asked = [Question(field="tuning", why=reason)]
        return unanswered(spec, asked, inspection=inspection, model=model, options=options)
    settled = decide(spec, inspection, model, chosen.tuning, reason)
    report = with_plan(inspection.report, settled.spec["method"], _checked(settled, this_machine()))
    inspection = inspection.model_copy(update={"report": report})
    settled.take("backend", chosen.backend, "the only backend that is set up")
    settled.take("flavor", chosen.flavor, "the machine that this notebook runs on")
    hours = chosen.hours or Band(p50=1.0, p90=2.0)
    timeout = max(local.timeout_s(Band(p50=hours.p50 * 3600, p90=hours.p90 * 3600)), 2 * (spec.time_limit_s or 0))
    if spec.leave_out:
        rows_out = f"{len(inspection.left_out):,} of {inspection.split_rows:,} rows"
        settled.made.append(Decision(field="leave_out", value=rows_out, why=f"found by {', '.join(spec.leave_out)}"))
    settings = _settings(settled, inspection, model, steps)
    plan = Plan(
        plan_id=None,
        spec=settled.spec,
        method=settled.spec["method"],
        why=inspection.report.methods[settled.spec["method"]].why,
        stages=["train", *(["evaluate"] if settled.spec.get("benchmark") else []), "export"],
        options=options,
        chosen=Chosen(backend=chosen.backend, flavor=chosen.flavor, tuning=chosen.tuning),
        max_usd=0.0,
        timeout_s=timeout,
        questions=[],
        said=spec.said(),
        decisions=settled.made,
        sentence=local.plan_sentence(options, chosen),
        consent="It runs on this machine and costs nothing.",
        model=model,
        inspection=inspection,
        settings=settings,
        script=train_script(settings, timeout_s=timeout),
        benchmark=settled.spec.get("benchmark"),
        total_steps=steps,
    )
    return plan.model_copy(update={"plan_id": plan_hash(plan)})


def _checked(settled: Decisions, machine: Machine) -> Settings:
    """What the checks of the data can now be told: the tuning, its rate and the card, of several the oldest."""
    card = min(machine.gpus, key=lambda gpu: gpu.capability or (0, 0), default=None)
    return Settings(
        tuning=settled.spec["tuning"],
        learning_rate=settled.spec["learning_rate"],
        card=card.name if card else "",
        capability=card.capability if card else None,
    )


def _settings(settled: Decisions, inspection: Inspection, model: ModelFacts, steps: int) -> TrainSettings:
    spec = settled.spec
    batch, accumulation = device_batch(spec["batch_size"])
    return TrainSettings(
        model=model.path,
        model_revision=model.revision,
        source=inspection.source
        or locate(
            spec["dataset"],
            config=spec.get("dataset_config"),
            split=spec.get("split"),
            revision=spec.get("dataset_revision"),
        ),
        leave_out=inspection.left_out,
        split_rows=inspection.split_rows,
        to_trl=inspection.report.methods[spec["method"]].code,
        rows=spec.get("rows"),
        eval_share=spec.get("eval_share", 0.0),
        held_out_rows=HELD_OUT_MOST,
        loss_rows=LOSS_ROWS,
        seed=spec["seed"],
        max_length=spec["max_length"],
        packing=spec["packing"],
        epochs=spec.get("epochs", 1.0),
        max_steps=spec.get("max_steps"),
        device_batch_size=batch,
        accumulation=accumulation,
        learning_rate=spec["learning_rate"],
        warmup_steps=min(10, steps // 20),
        checkpointing=False,
        eval_steps=spec["eval_steps"],
        save_steps=spec["save_steps"],
        lora_rank=None if spec["tuning"] == "full" else spec["lora_rank"],
        report_to=["trackio"],
        data_settings=inspection.settings,
    )


def evaluation_seconds(probe: ProbeResult, answers: int) -> float:
    """A forecast of the evaluation: each answer costs about one forward pass over its row, and the libraries' start."""
    measured = next((one for one in probe.tunings if one.heldout_row_seconds), None)
    if measured is None:
        return 0.0
    return (measured.start_seconds or 0.0) + answers * (measured.heldout_row_seconds or 0.0)


#: Seconds a million weights take from a checkpoint to a certified Q4_K_M file: 0.15 were seen on 2 cores with 135M.
EXPORT_SECONDS_A_MILLION = 0.15


def export_seconds(probe: ProbeResult) -> float:
    """A forecast of the export, by the model's size."""
    measured = next((one for one in probe.tunings if one.parameters), None)
    if measured is None:
        return 0.0
    return (measured.start_seconds or 0.0) + (measured.parameters or 0) / 1e6 * EXPORT_SECONDS_A_MILLION


def sampled_lengths(inspection: Inspection, rows: int) -> list[int]:
    """Token lengths spread like the data's, from the histogram: at most SAMPLED_LENGTHS of them."""
    histogram = inspection.preview.histogram if inspection.preview else None
    counts = inspection.report.tokens
    assert counts is not None
    if not histogram or not sum(histogram["counts"]):
        return [counts.p50]
    edges, total = histogram["edges"], sum(histogram["counts"])
    lengths: list[int] = []
    for low, high, count in zip(edges, edges[1:], histogram["counts"], strict=False):
        lengths += [max(1, (low + high) // 2)] * round(count / total * min(rows, SAMPLED_LENGTHS))
    return lengths or [counts.p50]


def trained_share(inspection: Inspection) -> float:
    """The share of a row's tokens that the loss counts, from the page of rows that was looked at."""
    rows = inspection.preview.rows if inspection.preview else []
    trained, seen = sum(row.trained for row in rows), sum(row.trained + row.masked for row in rows)
    return trained / seen if seen else 1.0


def data_questions(spec: Spec, inspection: Inspection) -> list[Question]:
    """What the data leaves open: no method that fits, or an error that nobody has accepted with `accept`."""
    report = inspection.report
    fits = [name for name, fit in report.methods.items() if fit.status != "no"]
    errors = [
        Question(field="dataset", why=f"{finding.message} ({finding.id}): {finding.remedy}{_or_write(finding)}")
        for finding in blocking(spec, inspection)
    ]
    if errors and any(finding.fix for finding in blocking(spec, inspection)):
        return errors  # without the rows that they are about a method may fit
    if not fits:
        why = next((fit.why for fit in report.methods.values()), "no method fits the rows")
        return [Question(field="dataset", why=f"fits no method: {why}")]
    sft = report.methods["sft"]
    if sft.status == "no":
        return [Question(field="method", why=f"the rows fit {', '.join(fits)} only, and just SFT is here so far")]
    if spec.method is None and report.recommended not in (None, "sft"):
        best = str(report.recommended).upper()
        why = f"the rows call for {best}, which is not here yet; write `method: sft` to go on with SFT: {sft.why}"
        return [Question(field="method", why=why)]
    if not inspection.rows_known and spec.rows is None and spec.max_steps is None:
        why = "are not known, so neither are time and price; write how many to train on, such as `rows: 20000`"
        return [*errors, Question(field="rows", why=why)]
    return errors


def blocking(spec: Spec, inspection: Inspection) -> list[Finding]:
    """The errors in the data that nobody has accepted with `accept`."""
    return [
        finding
        for finding in inspection.report.findings
        if finding.severity == "error" and (finding.id in FATAL or finding.id not in (spec.accept or []))
    ]


def _or_write(finding: Finding) -> str:
    """The lines that decide it, as the cell takes them."""
    fields = finding.fix.fields if finding.fix else {}
    lines = [
        f"`{name}: {', '.join(value) if isinstance(value, list) else value}`"
        + (" to train without them" if name == FIELD else "")
        for name, value in fields.items()
    ]
    lines += [] if finding.id in FATAL else [f"`accept: {finding.id}` to train on them as they are"]
    return f"; write {' or '.join(lines)}" if lines else ""


def unanswered(
    spec: Spec,
    questions: list[Question],
    *,
    inspection: Inspection | None = None,
    model: ModelFacts | None = None,
    options: list[Option] | None = None,
) -> Plan:
    """A plan that waits for answers: it has no id and cannot be run."""
    return Plan(
        plan_id=None,
        spec=spec.said(),
        method=spec.method,
        why="",
        stages=[],
        options=options or [],
        chosen=None,
        max_usd=None,
        timeout_s=None,
        questions=questions,
        said=spec.said(),
        decisions=[],
        sentence=f"Before there is a plan: {questions[0].field} {questions[0].why}.",
        consent="",
        model=model,
        inspection=inspection,
        settings=None,
        script=None,
        benchmark=None,
        total_steps=None,
    )


def _work(
    entry: Entry, config: dict[str, Any], text: str, stage: str, what: str, watched: Watched | None
) -> dict[str, Any]:
    watched = watched or Watched()
    folder = (watched.work_in or home() / "jobs") / f"{entry}-{uuid.uuid4().hex[:12]}"
    if watched.preparing:
        watched.preparing(stage, folder, text)
    return do(entry, config, folder, what=what, check=watched.check, on_event=watched.on_event)


def data_stamp(dataset: str) -> list[list[Any]]:
    """Names, sizes and times of a local data set's files: when they are the same, the rows are."""
    path = Path(dataset).expanduser()
    files = (
        [path]
        if path.is_file()
        else sorted(file for file in path.rglob("*") if file.is_file())
        if path.is_dir()
        else []
    )
    return [[str(file.resolve()), file.stat().st_size, file.stat().st_mtime_ns] for file in files]


def _key(*parts: Any) -> str:
    from tunebook.version import __version__

    return hashlib.sha256(json.dumps([__version__, *parts], sort_keys=True).encode()).hexdigest()[:32]
