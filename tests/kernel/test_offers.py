"""A run that no machine can be taken for waits with offers; a click takes one, and the plan that follows is within the budget."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from processes import of_run, until
from tiny import tiny_model

from tunebook.pipeline import control
from tunebook.pipeline.errors import CallError
from tunebook.pipeline.home import home
from tunebook.pipeline.journal import Journal, RunState
from tunebook.pipeline.plan import Plan, load_plan
from tunebook.pipeline.plan.exploring import explorable, explore_plan
from tunebook.pipeline.run_folder import RunFolder
from tunebook.pipeline.spec import make_spec
from tunebook.pipeline.watch import Live, look
from tunebook.widgets.choosing import changes
from tunebook.widgets.facts import Gatherer
from tunebook.widgets.snapshot import run_snapshot
from tunebook.widgets.views import View


def state(run_id: str) -> RunState:
    return look(Journal(home()), run_id).run


def snapshot(run_id: str) -> tuple[View, Plan | None]:
    live = Live(run_id)
    live.poll()
    facts = Gatherer(live).gather()
    return run_snapshot(facts), facts.plan


@pytest.fixture
def fields(model_folder: Path, tmp_path: Path) -> dict[str, object]:
    words = "one two three four five six seven eight nine ten".split()
    rows = [
        {"prompt": f"Count on from {n}:", "completion": " ".join(words[(n + k) % 10] for k in range(200 + n % 50))}
        for n in range(3000)
    ]
    path = tmp_path / "long.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    model = tiny_model(model_folder, tmp_path / "tiny")
    return {"model": str(model), "dataset": str(path), "tuning": "lora", "backend": "hf-jobs", "accept": ["K13"]}


def test_a_budget_that_cannot_cover_it_brings_offers_and_one_click_takes_one(fields: dict[str, object]) -> None:
    run_id, _ = control.start(make_spec(**fields, epochs=200, budget_usd=0.15), "")
    until(lambda: state(run_id).state == "needs_person", "the decision about the price", seconds=240)
    until(lambda: not of_run(run_id), "the supervisor's end: it waits for nobody")
    view, waiting = snapshot(run_id)
    assert waiting is not None
    assert waiting.plan_id is None
    assert view["confirm"] is None, "there is nothing to consent to"
    assert "No machine can be taken" in view["problem"]["what"]
    assert view["active"] == "plan"
    plan = view["plan"]
    assert plan["options"]
    assert "can cost up to $" in plan["sentence"]
    offered = {offer["label"]: offer for offer in plan["offers"]}
    assert "Read the rows once" in offered
    assert any(label.startswith("Train on ") for label in offered)
    assert all(offer["usd"]["p90"] <= 0.15 and offer["lines"] for offer in offered.values())

    number = list(offered).index("Read the rows once")
    control.revise(run_id, changes(waiting, {"kind": "offer", "plan_id": "", "offer": number}), by="notebook")
    until(lambda: state(run_id).plan_id is not None, "the plan with the offer taken", seconds=120)
    run = state(run_id)
    assert run.spec["epochs"] == 1
    made = load_plan(Journal(home()), str(run.plan_id))
    assert made.max_usd is not None
    assert 0 < made.max_usd <= 0.15
    assert made.spec["epochs"] == 1
    view, _ = snapshot(run_id)
    assert view["confirm"] == {"label": view["confirm"]["label"], "enabled": False}, (
        "nothing is spent on a price that is not of this hour"
    )
    with pytest.raises(CallError, match="is not of this hour"):
        control.confirm(run_id, str(run.plan_id), by="notebook")
    assert state(run_id).confirmed_at is None

    # Another machine by a click: the same run, another plan.
    other = next(number for number, one in enumerate(view["plan"]["options"]) if one["selectable"])
    control.revise(run_id, changes(made, {"kind": "choose", "plan_id": made.plan_id, "option": other}), by="notebook")
    until(lambda: state(run_id).plan_id not in (None, made.plan_id), "the plan for the other machine", seconds=120)
    chosen = load_plan(Journal(home()), str(state(run_id).plan_id)).chosen
    assert chosen is not None
    assert chosen.flavor == view["plan"]["options"][other]["flavor"]
    assert not RunFolder(run_id).output.exists()


def test_the_sliders_of_this_machine_agree_with_what_was_measured(fields: dict[str, object]) -> None:
    spec = make_spec(**(fields | {"backend": "local"}), max_steps=4, rows=60)
    run_id, _ = control.start(spec, "")
    until(lambda: state(run_id).plan_id is not None, "the plan", seconds=240)
    plan = load_plan(Journal(home()), str(state(run_id).plan_id))
    assert plan.explore is None, "no plan waits for them"
    assert explorable(plan)
    sliders = explore_plan(plan)
    assert sliders is not None
    (machine,) = sliders.machines
    (way,) = machine.ways
    option = next(one for one in plan.options if one.tuning == "lora")
    assert option.memory and option.hours and option.picked

    from tunebook.pipeline.hardware.memory_law import band, peak

    law = sliders.laws[way.law]
    longest = min(
        sliders.context.value,
        plan.inspection.report.tokens.max if plan.inspection and plan.inspection.report.tokens else 0,
    )
    found = peak(law, rows=sliders.batch.value, context=longest, rank=16)
    low, high = band(law, found.bytes)
    assert low == pytest.approx(option.memory.low, abs=0.02)
    assert high <= option.memory.high + 0.02
    tokens = next(one.tokens for one in sliders.tokens if one.context == sliders.context.value)
    seconds = way.fixed_s.p50 + tokens * way.token_s.p50 * (1 + way.per_rank * 16)
    assert seconds == pytest.approx(option.hours.p50 * 3600, rel=0.02)
    more = peak(law, rows=4 * sliders.batch.value, context=4 * sliders.context.value, rank=16)
    assert more.bytes > found.bytes
