"""The state of a whole FinetunePanel: title, stages, status, problem and buttons around the views. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Literal

from tunebook.pipeline.spec import FIELDS
from tunebook.pipeline.watch import Progress
from tunebook.widgets.rented import queued_for, spent
from tunebook.widgets.script_view import name_of_check
from tunebook.widgets.views import (
    NO_TABLE,
    compare_view,
    data_view,
    is_chosen,
    plan_view,
    publish_view,
    request_view,
    run_sentence,
    run_view,
)
from tunebook.widgets.words import at_most_usd, duration, name_of, shortened

if TYPE_CHECKING:
    from tunebook.pipeline.instruction import Reading
    from tunebook.pipeline.journal import RunState
    from tunebook.widgets.facts import Facts
    from tunebook.widgets.views import View

StageId = Literal["request", "data", "plan", "run", "compare", "publish"]

LABELS: dict[StageId, str] = {
    "request": "Request",
    "data": "Data",
    "plan": "Plan",
    "run": "Run",
    "compare": "Compare",
    "publish": "Publish",
}
#: The stages of a run behind the last three stages of the panel.
RUN_STAGES: dict[StageId, str] = {"run": "train", "compare": "evaluate", "publish": "export"}
_PANEL_STAGES: dict[str, StageId] = {stage: panel for panel, stage in RUN_STAGES.items()}
#: Of a run that only inspects: its data is looked at when somebody has consented.
INSPECTED: list[StageId] = ["plan", "data"]

_COUNTED = re.compile(r"\d of \d")

#: As people write them, where it is not the name in capitals.
_METHODS = {"reward": "Reward model"}


def run_snapshot(facts: Facts) -> View:
    """The panel of a run. `seq` is set by whoever sends it."""
    run = facts.run
    spec = facts.plan.spec if facts.plan else run.spec
    title = spec.get("dataset") if facts.inspects else spec.get("model")
    return {
        "seq": 0,
        "run_id": run.run_id,
        "state": "preparing" if _preparing(facts) else run.state,
        "title": shortened(name_of(str(title or "")), 120) or "tunebook",
        "subtitle": _inspected(facts) if facts.inspects else _subtitle(spec),
        "active": active_stage(facts),
        "stages": stages(facts),
        "status": status(facts),
        "problem": problem(facts),
        "confirm": _confirm(facts),
        "cancel": _cancel(facts),
        "stop": _stop(facts),
        "request": None if facts.inspects else request_view(run.instruction, run.spec, facts.reading, questions=[]),
        "data": _data(facts),
        "plan": _plan(facts),
        "run": run_view(facts) if run.confirmed_at is not None and not facts.inspects else None,
        "compare": compare_view(facts),
        "publish": publish_view(facts),
        **NO_TABLE,
    }


def _plan(facts: Facts) -> View | None:
    """What was decided, which can be changed as long as nothing is confirmed."""
    if facts.plan is None:
        return None
    is_open = _open(facts.run)
    return plan_view(
        facts.plan,
        "" if facts.inspects else facts.script_path,
        decides=is_open,
        whole=is_open,
        proof=facts.proof,
        proving=str((facts.run.preparing or {}).get("text") or "") if facts.proving else "",
        run_id=facts.run.run_id,
    )


def _data(facts: Facts) -> View | None:
    """What was found, with remedies as long as nothing is confirmed."""
    if facts.inspection is None:
        return None
    run = facts.run
    chosen = {name: value for name, value in run.spec.items() if run.asked.get(name) != value}
    # Another plan would be made, without what a person has edited in the script of this one.
    return data_view(facts.inspection, chosen, decides=_open(run) and not (facts.plan and facts.plan.edit))


def _open(run: RunState) -> bool:
    """Whether what will be run can still be changed."""
    return not run.finished and run.confirmed_at is None


def question_snapshot(instruction: str, spec: dict[str, Any], reading: Reading) -> View:
    """The panel of an instruction that leaves questions: nothing is started, nothing can be confirmed."""
    view = request_view(instruction, spec, reading, reading.questions)
    return {
        "seq": 0,
        "run_id": None,
        "state": "draft",
        "title": shortened(name_of(str(spec.get("model") or "")), 120) or "tunebook",
        "subtitle": _subtitle(spec),
        "active": "request",
        "stages": [_stage(name, "needs_you" if name == "request" else "waiting") for name in LABELS],
        "status": {"pill": "a question" if len(reading.questions) == 1 else "questions", "left": "", "spent": ""},
        "problem": None,
        "confirm": None,
        "cancel": None,
        "stop": None,
        "request": view,
        "data": None,
        "plan": None,
        "run": None,
        "compare": None,
        "publish": None,
        **NO_TABLE,
    }


def _subtitle(spec: dict[str, Any]) -> str:
    tuning = {"lora": "LoRA", "qlora": "QLoRA", "full": "full tuning"}.get(str(spec.get("tuning")))
    said = str(spec["method"]) if spec.get("method") else None
    method = _METHODS.get(said, said.upper()) if said else None
    how = f"{method} with {tuning}" if method and tuning else method or tuning
    on = f"on {shortened(name_of(spec['dataset']), 80)}" if spec.get("dataset") else ""
    return ", ".join(part for part in (on, how) if part)


def _inspected(facts: Facts) -> str:
    assert facts.plan and facts.plan.chosen
    seen = f", with the tokenizer of {shortened(facts.plan.model.title, 80)}" if facts.plan.model else ""
    return f"inspection on {facts.plan.chosen.flavor}{seen}"


def _preparing(facts: Facts) -> bool:
    return facts.run.state == "draft" and (facts.run.plan_id is None or facts.proving)


# Stages


def active_stage(facts: Facts) -> StageId:
    """The stage that the run is at, or ended at."""
    run = facts.run
    if run.plan_id is None:
        if run.preparing is not None:
            return "plan" if run.preparing.get("stage") == "plan" else "data"
        return (
            "plan"
            if "plan" in facts.prepared
            else "data"
            if "data" in facts.prepared or not run.finished
            else "request"
        )
    if run.confirmed_at is None:
        return "plan"
    if facts.inspects:
        return "data"
    if run.state == "succeeded":
        return "publish"
    return _PANEL_STAGES.get(run.stage or "train", "run")


def stages(facts: Facts) -> list[View]:
    """All six, in order; of a run that only inspects, its two."""
    active, order = active_stage(facts), INSPECTED if facts.inspects else list(LABELS)
    done: list[View] = []
    for name in order:
        state = _stage_state(facts, name, active, order)
        working = state == "working"
        done.append(
            _stage(
                name,
                state,
                seconds=_seconds(facts, name) if state in ("done", "failed") else None,
                note=_note(facts, name, state) if name == active else "",
                progress=_share(facts, name) if working else None,
            )
        )
    return done


def _stage(
    name: StageId, state: str, *, seconds: float | None = None, note: str = "", progress: float | None = None
) -> View:
    return {"id": name, "label": LABELS[name], "state": state, "seconds": seconds, "note": note, "progress": progress}


def _stage_state(facts: Facts, name: StageId, active: StageId, order: list[StageId]) -> str:
    run = facts.run
    if RUN_STAGES.get(name) in run.done_stages:
        return "done"
    if facts.plan and name in RUN_STAGES and RUN_STAGES[name] not in facts.plan.stages:
        return "skipped"
    if order.index(name) < order.index(active) or run.state == "succeeded":
        return "done"
    if name != active:
        return "skipped" if run.finished else "waiting"
    if run.state == "failed":
        return "failed"
    if run.state == "cancelled":
        return "skipped"
    if run.state in ("interrupted", "needs_person") or (run.state == "draft" and not _preparing(facts)):
        return "needs_you"
    return "working"


def _seconds(facts: Facts, name: StageId) -> float | None:
    if name in RUN_STAGES:
        return facts.run.done_stages.get(RUN_STAGES[name])
    if name == "data" and facts.inspects:
        return facts.run.done_stages.get("validate")
    return facts.prepared.get(name)


def _note(facts: Facts, name: StageId, state: str) -> str:
    run = facts.run
    match state:
        case "needs_you":
            return "interrupted" if run.state == "interrupted" else "waits for you"
        case "skipped":
            return "cancelled"
        case "working" if run.state == "cancelling":
            return "ending the job"
        case "working" if queued_for(facts):
            return f"in the queue for {queued_for(facts)}"
        case "working" if name == "run" and facts.step is not None and facts.max_steps:
            return f"step {facts.step:,} of {facts.max_steps:,}" + (
                ", then the evaluation" if run.stop_requested else ""
            )
        case "working":
            said = str((run.preparing or {}).get("text") or "")
            return progress_text(_progress(facts)) or said or "starting"
        case _:
            return ""


def _progress(facts: Facts) -> Progress:
    """The progress of the work at hand; the last words of the job before it say nothing about it."""
    run = facts.run
    if (
        run.confirmed_at is not None
        and not facts.proving
        and not run.attempts_of(run.stage or ("validate" if facts.inspects else "train"))
    ):
        return Progress()
    return facts.progress


def progress_text(progress: Progress) -> str:
    """One short line: "checkpoint-40, 120 of 200". A job that counts in its own words is not counted again."""
    text, done, total = shortened(progress.text, 160), progress.done, progress.total
    whole = isinstance(done, int) and isinstance(total, int) and total > 1
    if not whole or _COUNTED.search(text):
        return text
    return f"{text}, {done:,} of {total:,}" if text else f"{done:,} of {total:,}"


def _share(facts: Facts, name: StageId) -> float | None:
    if name == "run":
        return min(1.0, facts.step / facts.max_steps) if facts.step is not None and facts.max_steps else None
    share = _progress(facts).share
    return None if share is None else max(0.0, min(1.0, share))


# Status, problem, buttons


def status(facts: Facts) -> View:
    """The right end of the head: where it is, how long, how much."""
    run = facts.run
    training = run.state == "running" and run.stage == "train" and facts.eta_s
    return {
        "pill": _pill(facts),
        "left": f"{duration(facts.eta_s)} left" if training else "",
        "spent": spent(facts),
    }


def _pill(facts: Facts) -> str:
    run = facts.run
    if facts.proving:
        return "proving"
    if run.state == "draft" and facts.unproved_edit:
        return "not proved"
    if _preparing(facts):
        return "preparing"
    if run.state == "running" and queued_for(facts):
        return "queued"
    if run.state == "running" and run.stop_requested and run.stage == "train":
        return "stopping"
    if run.state == "running" and run.stage == "train" and facts.step is not None and facts.max_steps:
        return f"step {facts.step:,} of {facts.max_steps:,}"
    if run.state == "running" and run.stage in ("validate", "evaluate", "export"):
        return {"validate": "inspecting", "evaluate": "evaluating", "export": "exporting"}[run.stage]
    return {
        "draft": "ready to start",
        "confirmed": "starting",
        "running": "training",
        "needs_person": "waits for you",
        "succeeded": "finished",
    }.get(run.state, run.state)


def problem(facts: Facts) -> View | None:
    """What went wrong, read as its user: what happened, why, what now. None where nothing did."""
    run = facts.run
    if run.state == "interrupted":
        saved = facts.checkpoints
        resume = f"`%finetune resume {run.run_id}` goes on"
        now = f"{resume} from step {saved[-1]}." if saved else f"{resume} from its start."
        return {"what": "The run was interrupted.", "why": ended(run.why), "now": now}
    if run.state == "needs_person":
        said = run.problem or {
            "what": "The run waits for you.",
            "why": run.why,
            "now": f"`%finetune show {run.run_id}` tells more.",
        }
        return {part: ended(str(said[part])) for part in ("what", "why", "now")}
    if run.state != "failed":
        return None
    if run.problem and run.confirmed_at is None and facts.proof and not facts.proof.passed:
        # What was seen stands under Plan.
        failed = [name_of_check(one.id) for one in facts.proof.checks if not one.passed]
        now = f"Mend it with `%finetune script {run.run_id}`, or change the cell and run it again."
        return {"what": ended(str(run.problem["what"])), "why": f"Failed: {'; '.join(failed)}.", "now": now}
    said = run.problem or {
        "what": "The run failed",
        "why": run.why,
        "now": f"`%finetune logs {run.run_id}` tells more.",
    }
    what, why, now = (str(said.get(part) or "") for part in ("what", "why", "now"))
    if what in FIELDS:  # a wrong call: "model" and what is wrong with it make the sentence
        what, why = f"{what} {why}", ""
    return {"what": ended(what), "why": ended(why), "now": ended(now)}


def ended(text: str) -> str:
    """A sentence: with a capital unless it begins with a field's name, and a full stop."""
    text = text.strip()
    if not text:
        return ""
    if text.split()[0] not in FIELDS:
        text = text[0].upper() + text[1:]
    return text if text[-1] in ".!?" else f"{text}."


def _confirm(facts: Facts) -> View | None:
    run = facts.run
    if run.state != "draft" or run.plan_id is None or run.max_usd is None or starts_itself(facts):
        return None
    cost = "costs nothing" if run.max_usd == 0 else f"at most {at_most_usd(run.max_usd)}"
    chosen = next((one for one in facts.plan.options if is_chosen(facts.plan, one)), None) if facts.plan else None
    confirm: View = {"label": f"Start, {cost}", "enabled": not (chosen and chosen.blocked)}
    return confirm | {"enabled": False, "why": why_not(facts)} if facts.unproved_edit else confirm


def why_not(facts: Facts) -> str:
    """Why an edited script cannot be started now."""
    if facts.proving:
        return "The edited script can start when its proof has passed."
    if facts.supervised:
        return "The edited script is proved before it can start."
    return f"The edited script is not proved: `%finetune prove {(facts.run.plan_id or '')[:12]}` does that."


def starts_itself(facts: Facts) -> bool:
    """Whether a plan was consented to beforehand, because it costs nothing, and is about to start."""
    return facts.run.auto_confirm and facts.run.max_usd == 0 and facts.supervised


def _cancel(facts: Facts) -> View | None:
    if facts.run.finished:
        return None
    cancelling = facts.run.state == "cancelling"
    return {"label": "Cancelling" if cancelling else "Cancel", "enabled": not cancelling}


def _stop(facts: Facts) -> View | None:
    run = facts.run
    if run.state != "running" or run.stage != "train":
        return None
    if run.stop_requested:
        return {"label": "Stopping", "enabled": False}
    return {
        "label": "Stop and evaluate" if "evaluate" in (facts.plan.stages if facts.plan else []) else "Stop here",
        "enabled": True,
    }


def sentence_of(facts: Facts, name: StageId) -> str:
    """The sentence of one stage as its panel says it; "" where it has none yet."""
    run = facts.run
    views: dict[StageId, Callable[[], View | None]] = {
        "request": lambda: (
            None if facts.inspects else request_view(run.instruction, run.spec, facts.reading, questions=[])
        ),
        "data": lambda: {"sentence": facts.inspection.report.sentence()} if facts.inspection else None,
        "plan": lambda: {"sentence": facts.plan.sentence} if facts.plan else None,
        "run": lambda: {"sentence": run_sentence(facts)} if run.confirmed_at and not facts.inspects else None,
        "compare": lambda: compare_view(facts),
        "publish": lambda: publish_view(facts),
    }
    view = views[name]()
    return str(view["sentence"]) if view else ""
