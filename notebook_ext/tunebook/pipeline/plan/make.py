"""From a spec to a plan: find the model, inspect the data, measure the machine, decide, write the script, hash it all."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from tunebook.pipeline.data.checks import Settings
from tunebook.pipeline.data.checks.settings import with_plan
from tunebook.pipeline.data.report import Inspection
from tunebook.pipeline.data.source import locate
from tunebook.pipeline.hardware import local
from tunebook.pipeline.hardware.machine import Machine, this_machine
from tunebook.pipeline.hardware.options import Band, Option
from tunebook.pipeline.hardware.probe import ProbeConfig, ProbeResult, probe_key, read_probe, write_probe
from tunebook.pipeline.home import home
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
from tunebook.pipeline.plan.looking import Preparing, Watched, inspect_for, work_for
from tunebook.pipeline.plan.model import Chosen, Decision, ModelFacts, Plan, plan_hash
from tunebook.pipeline.plan.questions import data_questions
from tunebook.pipeline.plan.supported import unsupported
from tunebook.pipeline.scripts import TrainSettings, train_script
from tunebook.pipeline.spec import Spec

SAMPLED_LENGTHS = 256


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
    cut = None if questions else chosen_cut(spec, inspection, model)
    if cut is not None and not (inspection.preview and inspection.preview.max_length == cut.value):
        inspection = inspect_for(spec.model_copy(update={"max_length": cut.value}), model, watched)
        questions = data_questions(spec, inspection)
    if questions:
        return unanswered(spec, questions, inspection=inspection, model=model)

    probe = probe_for(spec, model, inspection, cut, watched)
    return _settle(spec, model, inspection, probe, cut)


def chosen_cut(spec: Spec, inspection: Inspection, model: ModelFacts) -> Decision | None:
    """The length at which the plan itself cuts rows: the data is then looked at, and trained, at that. None: nowhere."""
    counts = inspection.report.tokens
    if spec.max_length is not None or counts is None:
        return None
    made = decide(spec, inspection, model, spec.tuning or "lora", "").made
    length = next(decision for decision in made if decision.field == "max_length")
    return length if length.value < counts.max else None


def probe_for(
    spec: Spec, model: ModelFacts, inspection: Inspection, cut: Decision | None, watched: Watched | None = None
) -> ProbeResult:
    """A few real training steps of this model on this machine, with batches shaped like this data."""
    rows = training_rows(spec, inspection, held_out_share(spec, inspection))
    draft = decide(spec, inspection, model, "lora", "", cut)
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
        body = work_for("probe", asked.model_dump(mode="json"), text, "plan", "the measurement", watched)
        known = ProbeResult.model_validate(body)
        write_probe(folder, key(asked.tunings), known)
    return known


def _settle(spec: Spec, model: ModelFacts, inspection: Inspection, probe: ProbeResult, cut: Decision | None) -> Plan:
    """Choose the hardware, decide the rest, write the script and hash the whole."""
    draft = decide(spec, inspection, model, spec.tuning or "lora", "", cut)
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
    settled = decide(spec, inspection, model, chosen.tuning, reason, cut)
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
