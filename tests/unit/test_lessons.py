"""What finished runs teach: the median time of their steps beside what was forecast; damaged files teach nothing."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable
from typing import Any

import pytest

from tunebook.pipeline.hardware.forecast import Lesson, learn
from tunebook.pipeline.hardware.local import FLAVOR as THIS_MACHINE
from tunebook.pipeline.home import home
from tunebook.pipeline.journal import Journal
from tunebook.pipeline.plan.forecasting import Forecasts
from tunebook.pipeline.plan.lessons import LEAST_STEPS, MOST, MOST_BYTES, card_name, lessons, step_seconds
from tunebook.pipeline.process import ProcessId
from tunebook.pipeline.progress import MARKER
from tunebook.pipeline.run_folder import RunFolder

HERE = {"backend": "local", "flavor": THIS_MACHINE, "tuning": "lora"}
RENTED = {"backend": "hf-jobs", "flavor": "l4x1", "tuning": "qlora"}


def plan(chosen: dict[str, str] = HERE, forecast: Any = 2.0, **more: Any) -> dict[str, Any]:
    """A kept plan, as far as lessons read it. The option before the chosen one is another's."""
    other = chosen | {"tuning": "full", "unlearned_step_s": 99.0}
    return {"chosen": chosen, "options": [other, chosen | {"unlearned_step_s": forecast, "card": "L4"} | more]}


def ended(name: str, of: dict[str, Any], *, attempts: int = 1, stage: str | None = "train") -> RunFolder:
    """A run with a plan, whose training (by default) ended at its last attempt."""
    journal, plan_id = Journal(home()), f"{name}-plan"
    journal.save_plan(plan_id, of)
    journal.create_run(name, {"instruction": "x", "spec": {}, "spec_hash": name}, same_as=None)
    journal.append(name, "planned", plan_id=plan_id, max_usd=0.0)
    journal.append(name, "confirmed", plan_id=plan_id, max_usd=0.0)
    fence = journal.acquire(name, ProcessId.current())
    assert fence is not None
    for n in range(1, attempts + 1):
        state = "succeeded" if n == attempts else "lost"
        journal.append(name, "submitting", fence=fence, n=n, stage="train", backend="local", timeout_s=60)
        journal.append(name, "attempt", fence=fence, stage="train", n=n, state=state)
    if stage is not None:
        journal.append(name, "stage_done", fence=fence, stage=stage, seconds=10.0)
    return RunFolder(name)


def metric(step: Any, at: Any, **values: Any) -> str:
    return json.dumps({"event": "metrics", "time": at, "step": step, "values": values or {"loss": 1.5}})


def write(folder: RunFolder, lines: Iterable[str], attempt: int = 1) -> None:
    job = folder.job("train", attempt)
    job.mkdir(parents=True, exist_ok=True)
    (job / "metrics.jsonl").write_text("\n".join(lines) + "\n")


def steps(count: int, seconds: float, first: int = 1) -> list[str]:
    return [metric(step, 1000 + step * seconds) for step in range(first, first + count)]


def test_a_finished_run_teaches_the_median_of_its_steps() -> None:
    lines = [json.dumps({"event": "begin", "time": 1000, "step": 0, "max_steps": 30}), *steps(30, 3.0)]
    # A held-out loss and a checkpoint between two steps make one pace long, and the median does not follow.
    lines[15:] = [metric(step, 1000 + step * 3.0 + 500) for step in range(15, 31)]
    lines.insert(16, metric(15, 1800.0, eval_loss=2.0))
    write(ended("one", plan()), lines)
    assert lessons() == [Lesson(card=THIS_MACHINE, forecast_s=2.0, taken_s=3.0)]


def test_steps_that_were_not_all_logged_are_counted_all() -> None:
    write(ended("sparse", plan()), [metric(step, 1000 + step * 3.0) for step in range(10, 200, 10)])
    assert lessons()[0].taken_s == pytest.approx(3.0)


def test_a_lesson_is_of_the_card_and_this_machine_is_its_own() -> None:
    write(ended("rented", plan(RENTED)), steps(20, 4.0))
    assert lessons() == [Lesson(card="L4", forecast_s=2.0, taken_s=4.0)]
    assert card_name("l4x1", "NVIDIA L4") == "L4"
    assert card_name("new-flavor", "X9000") == "new-flavor"
    assert card_name(THIS_MACHINE, "") == THIS_MACHINE


def test_rented_machines_do_not_learn_from_what_was_measured_here(monkeypatch: pytest.MonkeyPatch) -> None:
    """A probe that was twice too fast on two busy cores says nothing of an L4."""
    from tunebook.pipeline.plan import forecasting
    from tunebook.pipeline.plan.looking import Watched
    from tunebook.pipeline.plan.model import ModelFacts
    from tunebook.pipeline.spec import make_spec

    monkeypatch.setattr(forecasting, "laws_of", lambda *_: {})
    both = [Lesson(card=THIS_MACHINE, forecast_s=1, taken_s=2), Lesson(card="L4", forecast_s=1, taken_s=1.5)]
    facts = ModelFacts(path="m", revision=None, fingerprint="f", title="m", max_positions=None)
    found = forecasting.forecasts_for(make_spec(backend="hf-jobs"), facts, "sft", both, Watched())
    assert isinstance(found, Forecasts)
    assert found.lessons == both[1:]
    assert learn(found.lessons, "T4").others == 1


@pytest.mark.parametrize(
    "lines",
    [
        [],
        ["{not json", "[1, 2]", '"text"', "null", "\x00\xff"],
        [metric(step, 1000 + step) for step in range(LEAST_STEPS)],
        [metric(step, None) for step in range(20)],
        [metric(str(step), 1000 + step) for step in range(20)],
        [metric(None, 1000 + step) for step in range(20)],
        [metric(step, 1000.0) for step in range(20)],
        [metric(20 - step, 1000.0 + step) for step in range(20)],
        [metric(step, 1000 - step) for step in range(20)],
        [metric(step, 1000 + step, eval_loss=1.0) for step in range(20)],
        [json.dumps({"event": "metrics", "time": 1000 + step, "step": step, "values": None}) for step in range(20)],
        [json.dumps({"event": "metrics", "values": {"loss": 1}}) for step in range(20)],
        [json.dumps({"time": 1000 + step, "step": step, "values": {"loss": 1}}) for step in range(20)],
        [metric(step, float("nan")) for step in range(20)],
        ["[" * 100_000],
    ],
)
def test_damaged_or_empty_files_teach_nothing(lines: list[str]) -> None:
    write(ended("damaged", plan()), lines)
    assert lessons() == []


def test_lines_that_can_be_read_count_beside_those_that_cannot() -> None:
    torn = steps(20, 3.0)
    torn[3], torn[9] = torn[3][: len(torn[3]) // 2], "\x00" * 40
    write(ended("torn", plan()), torn)
    assert lessons()[0].taken_s == pytest.approx(3.0)


def test_missing_files_teach_nothing() -> None:
    ended("gone", plan())
    folder = ended("a-folder", plan())
    (folder.job("train", 1) / "metrics.jsonl").mkdir(parents=True)
    no_nonce = ended("no-nonce", plan())
    no_nonce.job("train", 1).mkdir(parents=True)
    (no_nonce.job("train", 1) / "log.txt").write_text("hello\n")
    assert lessons() == []


def test_without_a_file_the_log_is_read() -> None:
    job = ended("logged", plan()).job("train", 1)
    job.mkdir(parents=True)
    (job / "nonce").write_text("abc")
    other = [f"{MARKER}xyz {metric(step, step)}" for step in range(50)]
    (job / "log.txt").write_text(
        "\n".join(["noise", *other, *(f"{MARKER}abc {line}" for line in steps(20, 5.0))]) + "\n"
    )
    assert lessons()[0].taken_s == pytest.approx(5.0)


@pytest.mark.parametrize(
    "kept",
    [
        plan(forecast=None),
        plan(forecast=0.0),
        plan(forecast="fast"),
        plan() | {"chosen": None},
        plan() | {"chosen": HERE | {"flavor": "h200"}},
        plan() | {"options": None},
        plan() | {"options": [None, 3, "x"]},
        {},
    ],
)
def test_a_plan_that_forecast_nothing_teaches_nothing(kept: dict[str, Any]) -> None:
    write(ended("unforecast", kept), steps(20, 3.0))
    assert lessons() == []


def test_a_run_whose_training_did_not_end_teaches_nothing() -> None:
    write(ended("at-work", plan(), stage=None), steps(20, 3.0))
    write(ended("odd", plan(), stage="export"), steps(20, 3.0))
    Journal(home()).create_run("draft", {"instruction": "x", "spec": {}, "spec_hash": "d"}, same_as=None)
    assert lessons() == []


def test_a_resumed_run_teaches_from_all_its_attempts() -> None:
    folder = ended("resumed", plan(), attempts=2)
    write(folder, steps(40, 3.0), attempt=1)
    write(folder, steps(4, 9.0, first=41), attempt=2)
    assert lessons()[0].taken_s == pytest.approx(3.0), "the few steps after the resume are not all there is"
    assert step_seconds("resumed", [2]) is None
    write(folder, steps(200, 9.0, first=41), attempt=2)
    assert lessons()[0].taken_s == pytest.approx(9.0)


def test_only_the_newest_runs_teach() -> None:
    for number in range(MOST + 3):
        write(ended(f"run-{number:03}", plan()), steps(10, 1.0 + number))
    found = lessons()
    assert len(found) == MOST
    assert sorted(one.taken_s for one in found) == pytest.approx([1.0 + number for number in range(3, MOST + 3)])


def test_of_a_long_training_the_newest_steps_are_read_and_soon() -> None:
    early, late = steps(20_000, 1.0), [metric(20_000 + step, 21_000 + step * 4.0) for step in range(3_000)]
    assert len("\n".join(late)) > MOST_BYTES
    folder = ended("long", plan())
    write(folder, [*early, *late])
    began = time.perf_counter()
    assert lessons()[0].taken_s == pytest.approx(4.0)
    assert time.perf_counter() - began < 0.5
