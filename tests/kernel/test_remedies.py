"""A run whose data has an error waits for a decision; a remedy mends it, in the spec and in the script, by one request."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from processes import of_run, until
from tiny import tiny_model

from tunebook.pipeline import control
from tunebook.pipeline.errors import CallError
from tunebook.pipeline.home import home
from tunebook.pipeline.journal import Journal, RunState, fold
from tunebook.pipeline.journal.store import Event
from tunebook.pipeline.plan import load_plan
from tunebook.pipeline.spec import Spec, make_spec
from tunebook.pipeline.watch import look


@pytest.fixture
def spec(model_folder: Path, tmp_path: Path) -> Spec:
    rows = [{"prompt": f"What is {n} + 1?", "completion": f"It is {n + 1}."} for n in range(40)]
    rows[7]["completion"] = ""
    path = tmp_path / "rows.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in [*rows, rows[3]]))
    model = tiny_model(model_folder, tmp_path / "tiny")
    return make_spec(model=str(model), dataset=str(path), tuning="lora", max_steps=2)


def state(run_id: str) -> RunState:
    return look(Journal(home()), run_id).run


def test_a_remedy_is_written_into_the_spec_and_the_script(spec: Spec) -> None:
    run_id, _ = control.start(spec, "")
    until(lambda: state(run_id).state == "needs_person", "the decision about the data")
    waiting = state(run_id)
    assert waiting.problem is not None
    assert "an empty answer" in waiting.problem["why"]
    assert "`leave_out: K14` to train without them" in waiting.problem["why"]
    until(lambda: not of_run(run_id), "the supervisor's end: it waits for nobody")
    assert control.start(spec, "") == (run_id, False), "the cell finds the run that waits"

    control.revise(run_id, {"leave_out": ["K14"]}, by="notebook")
    control.revise(run_id, {"leave_out": ["K13"]}, by="notebook")  # while the first is being looked at
    until(lambda: state(run_id).plan_id is not None, "the plan")
    run = state(run_id)
    assert (run.state, run.spec["leave_out"]) == ("draft", ["K14", "K13"])
    assert control.start(Spec(**run.spec), "") == (run_id, False), "the cell with the line written in finds it too"
    plan = load_plan(Journal(home()), str(run.plan_id))
    assert plan.inspection is not None
    assert plan.inspection.left_out == [7, 40]
    assert 'left_out = "7 40"' in (plan.script or "")
    assert any(one.field == "leave_out" and one.value == "2 of 41 rows" for one in plan.decisions)

    control.take_back(run_id, "leave_out", by="notebook")
    until(lambda: state(run_id).state == "needs_person", "the old decision")
    with pytest.raises(CallError, match="not the plan of this run"):
        control.consent(run_id, str(run.plan_id), by="notebook")
    control.cancel(run_id)
    assert state(run_id).state == "cancelled"
    with pytest.raises(CallError, match="has ended"):
        control.revise(run_id, {"leave_out": ["K14"]}, by="notebook")


def folded(*events: tuple[str, dict[str, object]]) -> RunState:
    created = ("created", {"instruction": "", "spec": {"model": "m"}, "spec_hash": "h"})
    return fold(
        Event(seq=at, run_id="r", time=at, kind=kind, data=data) for at, (kind, data) in enumerate([created, *events])
    )


def test_what_was_planned_for_an_older_spec_is_not_the_plan() -> None:
    revised = ("revised", {"spec": {"model": "m", "leave_out": ["K13"]}, "by": "notebook"})
    old = ("planned", {"plan_id": "old", "max_usd": 0, "revision": 0})
    late = folded(revised, old)
    assert (late.plan_id, late.spec["leave_out"], late.asked) == (None, ["K13"], {"model": "m"})
    assert folded(revised, ("planned", {"plan_id": "new", "max_usd": 0, "revision": 1})).plan_id == "new"
    assert folded(old, revised).plan_id is None
    waiting = folded(revised, ("needs_person", {"why": "old", "revision": 0}))
    assert waiting.state == "draft"


def test_a_revised_run_is_found_by_the_cell_as_it_was_and_as_it_would_be_written() -> None:
    revised = folded(("revised", {"spec": {"model": "m", "leave_out": ["K13"]}, "spec_hash": "new", "by": "notebook"}))
    assert [revised.equals("spec_hash", value) for value in ("h", "new", "other")] == [True, True, False]


def test_a_confirmed_run_stays_what_was_confirmed() -> None:
    confirmed = folded(
        ("planned", {"plan_id": "p", "max_usd": 0, "revision": 0}),
        ("confirmed", {"plan_id": "p", "max_usd": 0, "by": "notebook"}),
        ("revised", {"spec": {"model": "other"}, "by": "notebook"}),
    )
    assert (confirmed.state, confirmed.plan_id, confirmed.spec) == ("confirmed", "p", {"model": "m"})
