"""kill -9 of the supervisor, the training and everything at once: afterwards `show` tells the truth and `resume` goes on."""

from __future__ import annotations

import json
import random
import time
from pathlib import Path

import pytest
from processes import kill, of_run, until
from small import small_data
from tiny import tiny_model

import tunebook
from tunebook.pipeline import control
from tunebook.pipeline.run_folder import RunFolder
from tunebook.pipeline.spec import Spec
from tunebook.pipeline.watch import Live

pytestmark = pytest.mark.timeout(1200)

STEPS, SAVE = 40, 10


@pytest.fixture(scope="module")
def tiny(model_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_model(model_folder, tmp_path_factory.mktemp("tiny") / "tiny")


@pytest.fixture(scope="module")
def data(kinds: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_data(kinds, tmp_path_factory.mktemp("data") / "kinds")


@pytest.fixture(scope="module")
def shared_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


@pytest.fixture(autouse=True)
def tunebook_home(shared_home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """One home for all kills: the data and the machine are looked at once."""
    monkeypatch.setenv("TUNEBOOK_HOME", str(shared_home))
    return shared_home


def begin(model: Path, data: Path, **more: object) -> str:
    fields = {"max_steps": STEPS, "save_steps": SAVE, "batch_size": 4, "gguf": ["Q8_0"], "learning_rate": 1e-3} | more
    spec = Spec(model=str(model), dataset=str(data), tuning="lora", **fields)
    return control.start(spec, "a run to be killed", yes=True, again=True)[0]


def has_checkpoint(run_id: str) -> bool:
    return bool(RunFolder(run_id).checkpoints())


def state(run_id: str) -> str:
    return tunebook.show(run_id).state


def finish(run_id: str) -> None:
    until(lambda: state(run_id) in ("succeeded", "failed", "cancelled"), f"the end of {run_id}")
    shown = tunebook.show(run_id)
    assert shown.state == "succeeded", (shown.why, (RunFolder(run_id).path / "supervisor.log").read_text())


def begins(run_id: str) -> list[int]:
    """The step at which each attempt at the training began."""
    folders = sorted((RunFolder(run_id).path / "jobs").glob("train-*"))
    lines = [line for folder in folders for line in (folder / "metrics.jsonl").read_text().splitlines()]
    return [event["step"] for line in lines if (event := json.loads(line))["event"] == "begin"]


def test_everything_is_killed_and_the_run_goes_on_from_its_newest_whole_checkpoint(tiny: Path, data: Path) -> None:
    """The newest of two is half a checkpoint: the machine went down while it was written."""
    run_id = begin(tiny, data)
    until(lambda: len(RunFolder(run_id).checkpoints()) >= 2, "two checkpoints")
    kill(of_run(run_id))

    shown = tunebook.show(run_id)
    assert shown.state == "interrupted"
    assert [attempt.state for attempt in shown.attempts] == ["lost"]
    (kept, _), (_, newest) = RunFolder(run_id).checkpoints()[-2:]
    weights = newest / "adapter_model.safetensors"
    weights.write_bytes(weights.read_bytes()[:1000])

    assert tunebook.resume(run_id).run_id == run_id
    finish(run_id)
    assert begins(run_id)[-1] == kept
    train = [attempt.state for attempt in tunebook.show(run_id).attempts if attempt.stage == "train"]
    assert train == ["lost", "succeeded"]
    steps = [step for step, _ in tunebook.metrics(run_id).series["train/loss"]]
    assert steps == sorted(set(steps)), "each step once, in order"
    assert steps[-1] == STEPS


def test_a_killed_supervisor_leaves_the_training_running_and_attach_takes_it_over(tiny: Path, data: Path) -> None:
    run_id = begin(tiny, data)
    until(lambda: bool(of_run(run_id, "train.py")), "the training")
    kill(of_run(run_id, "tunebook.pipeline.supervisor"))

    assert state(run_id) == "running"
    assert of_run(run_id, "train.py")
    assert tunebook.attach().run_id == run_id
    finish(run_id)
    assert len([a for a in tunebook.show(run_id).attempts if a.stage == "train"]) == 1, "it was never started twice"


@pytest.mark.slow
def test_a_killed_training_interrupts_the_run_and_says_so(tiny: Path, data: Path) -> None:
    run_id = begin(tiny, data)
    until(lambda: has_checkpoint(run_id), "a checkpoint")
    kill([process for process in of_run(run_id, "train.py") if "local_runner" not in " ".join(process.cmdline())])
    until(lambda: state(run_id) == "interrupted", "the interruption", 30)
    assert "signal 9" in tunebook.show(run_id).why
    tunebook.resume(run_id)
    finish(run_id)


def test_killed_at_any_moment_again_and_again_it_never_lies_and_is_never_lost(tiny: Path, data: Path) -> None:
    chance = random.Random(7)
    run_id = begin(tiny, data)
    for _ in range(6):
        time.sleep(chance.uniform(0.2, 6))
        kill(of_run(run_id))
        shown = tunebook.show(run_id)
        assert shown.state in ("interrupted", "succeeded", "draft"), shown.state
        assert not of_run(run_id), "nothing works on unseen"
        assert all(attempt.state not in ("running", "submitting", "queued") for attempt in shown.attempts)
        if shown.state == "succeeded":
            break
        tunebook.resume(run_id)
    finish(run_id)


def test_a_loss_that_is_no_number_stops_the_job(model_folder: Path, data: Path, tmp_path: Path) -> None:
    broken = tiny_model(model_folder, tmp_path / "broken", broken=True)
    run_id = begin(broken, data)
    until(lambda: state(run_id) in ("failed", "succeeded"), "the end")
    shown = tunebook.show(run_id)
    assert shown.state == "failed"
    assert "no longer a finite number at step 1" in shown.why
    live = Live(run_id)
    live.poll()
    assert live.step == 1, "it stopped at once"


def test_stop_keeps_what_is_there_and_goes_on_to_the_evaluation(tiny: Path, data: Path) -> None:
    run_id = begin(tiny, data, max_steps=4000, save_steps=1000)
    until(lambda: (tunebook.show(run_id).step or 0) >= 3, "three steps")
    tunebook.stop(run_id)
    finish(run_id)
    compared = tunebook.compare(run_id)
    assert len(compared.rows) == 2
    assert 3 <= compared.rows[-1].step < 4000


def test_a_cancelled_run_stays_cancelled_and_nothing_runs_on(tiny: Path, data: Path) -> None:
    run_id = begin(tiny, data, max_steps=4000)
    until(lambda: (tunebook.show(run_id).step or 0) >= 1, "a step")
    tunebook.cancel(run_id)
    until(lambda: state(run_id) == "cancelled", "the cancelling", 60)
    until(lambda: not of_run(run_id), "the processes' end", 30)
    with pytest.raises(tunebook.pipeline.errors.CallError):
        tunebook.resume(run_id)
    assert state(run_id) == "cancelled"


@pytest.mark.slow  # tests/money has three of them
def test_two_supervisors_never_work_on_one_run(tiny: Path, data: Path) -> None:
    run_id = begin(tiny, data)
    for _ in range(3):
        control.ensure_running(run_id)
        tunebook.attach()
    until(lambda: bool(of_run(run_id, "train.py")), "the training")
    trainings = [p for p in of_run(run_id, "train.py") if "local_runner" not in " ".join(p.cmdline())]
    assert len(trainings) == 1
    finish(run_id)
