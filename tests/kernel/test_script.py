"""The script in the notebook: opened in the next cell, edited there, shown as a difference, proved, and only then started."""

from __future__ import annotations

from pathlib import Path

import pytest
from kernel.kernel import Kernel, kernel
from processes import of_run, until
from small import small_data
from tiny import tiny_model

import tunebook
from tunebook.pipeline import control
from tunebook.pipeline.errors import CallError
from tunebook.pipeline.home import home
from tunebook.pipeline.journal import Journal, RunState
from tunebook.pipeline.plan import load_plan
from tunebook.pipeline.watch import look

EDITED = "MAX_STEPS = 7  # by hand"


@pytest.fixture
def plan_id(model_folder: Path, kinds: Path, tmp_path: Path) -> str:
    model = tiny_model(model_folder, tmp_path / "tiny")
    lines = [f"model: {model}", f"dataset: {small_data(kinds, tmp_path / 'kinds')}", "max_steps: 6", "tuning: lora"]
    made = tunebook.plan("\n".join([*lines, "backend: local", "gguf: none"]))
    assert made.plan_id
    return made.plan_id


def opened(shell: Kernel, plan_id: str) -> str:
    """The text that the command puts into the next cell."""
    done = shell.run(f"%finetune script {plan_id}")
    assert not done.failed, done.reply
    [payload] = [one for one in done.reply["payload"] if one["source"] == "set_next_input"]
    assert not payload["replace"]
    return str(payload["text"])


def newest() -> RunState:
    journal = Journal(home())
    return look(journal, journal.run_ids()[0]).run


def edited(text: str, line: str) -> str:
    """The cell with one line of the script written anew."""
    name = line.partition(" =")[0]
    before = next(one for one in text.splitlines() if one.startswith(f"{name} ="))
    return text.replace(before, line)


def test_a_script_is_edited_in_the_next_cell_and_starts_when_it_is_proved(plan_id: str, tmp_path: Path) -> None:
    with kernel(tmp_path, widgets=True) as shell:
        cell = opened(shell, plan_id)
        assert cell.startswith(f"%%finetune edit {plan_id[:12]}\n# /// script\n")

        broken = shell.run(cell.replace("def main(", "def main(("))
        assert broken.failed
        assert "script is no Python: line " in broken.reply["evalue"]

        done = shell.run(edited(cell, EDITED))
        assert not done.failed, done.reply
        run = newest()
        assert run.plan_id and run.plan_id != plan_id
        changed = load_plan(Journal(home()), run.plan_id)
        assert changed.edit and f"+{EDITED}" in changed.edit.splitlines()
        assert changed.timeout_s == load_plan(Journal(home()), plan_id).timeout_s
        with pytest.raises(CallError, match="script was edited and is not proved yet"):
            control.consent(run.run_id, run.plan_id, by="test")

        until(lambda: not of_run(run.run_id) and newest().preparing is None, "the proof's end", seconds=240)
        assert newest().state == "draft", newest().problem
        control.confirm(run.run_id, run.plan_id, by="test")
        until(lambda: newest().finished, "the run's end", seconds=240)
        assert newest().state == "succeeded", newest().problem
        assert tunebook.show(run.run_id).step == 7


@pytest.mark.slow
def test_an_edit_that_spoils_the_training_is_never_started(plan_id: str, tmp_path: Path) -> None:
    with kernel(tmp_path, widgets=True) as shell:
        cell = edited(opened(shell, plan_id), "LEARNING_RATE = 0.0")
        whole = '(folder / "whole.json").write_text('
        assert whole in cell
        assert not shell.run(cell.replace(whole, "str(")).failed
        until(lambda: newest().finished, "the proof's end", seconds=240)
        run = newest()
        assert run.state == "failed" and run.problem and not run.attempts
        assert "did not pass its proof in miniature, so nothing was started" in run.problem["what"]
        assert "moves" in run.problem["why"]
        assert "checkpoint" in run.problem["why"]
