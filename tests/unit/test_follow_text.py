"""A run as text: every thing once, progress now and then, and how to go on."""

from __future__ import annotations

from pathlib import Path

from panel_facts import COMPARISON, HOSTILE, PLAN, RUN, export, facts, score, training, until

from tunebook.follow import Narrator, waits
from tunebook.texts import plain


def test_each_thing_is_said_once() -> None:
    narrator = Narrator()
    first = narrator.lines(facts(until("attempt"), **training()))
    assert first[0].startswith(f"Run {RUN}: SmolLM2-135M-Instruct")
    assert sum(line.startswith("Data") for line in first) == 1
    assert narrator.lines(facts(until("attempt"), **training(), now=0.0)) == []


def test_steps_are_told_every_ten_seconds_not_every_step() -> None:
    narrator = Narrator()
    narrator.lines(facts(until("attempt"), **training(1), now=100.0))
    told = [narrator.lines(facts(until("attempt"), **training(step), now=100.0 + step)) for step in range(2, 12)]
    assert [step for step, lines in enumerate(told, 2) if lines] == [10]
    assert told[8] == ["Run      Step 10 of 12, loss 2.00, held out 2.90, about 2 s left."]


def test_checkpoints_and_scores_come_as_they_come() -> None:
    narrator = Narrator()
    narrator.lines(facts(until("attempt"), **training(5)))
    assert "Run      checkpoint at step 6" in narrator.lines(facts(until("attempt"), **training(6), checkpoints=[6]))
    evaluating = facts(until("stage", stage="evaluate"), **training(12), checkpoints=[6], scores=[score("base", 0, 1)])
    assert "Compare  base: 1 of 16 solved" in narrator.lines(evaluating)


def test_what_a_stage_has_made_is_told_when_it_is_here() -> None:
    narrator = Narrator()
    exporting = facts(until("stage", stage="export"), **training(12), checkpoints=[6])
    assert not any(line.startswith("Compare") for line in narrator.lines(exporting)), "a rented machine has it still"
    exporting.comparison = COMPARISON
    (told,) = (line for line in narrator.lines(exporting) if line.startswith("Compare"))
    assert told.startswith("Compare  Step 6 is better than the base")


def test_an_unconfirmed_plan_says_what_it_decided_and_how_to_start_it() -> None:
    lines = Narrator().lines(facts(until("planned")))
    assert any("learning_rate: " in line for line in lines)
    assert lines[-2].strip() == "It runs on this machine and costs nothing."
    assert lines[-1] == f"Nothing is started yet. `run {PLAN[:12]} --yes` starts it, `attach` follows it."


def test_a_plan_that_was_consented_to_beforehand_is_not_said_to_wait() -> None:
    about_to_start = facts(until("planned"))
    about_to_start.run.auto_confirm = True
    assert not waits(about_to_start)
    assert not any("Nothing is started" in line for line in Narrator().lines(about_to_start))
    about_to_start.supervised = False  # its supervisor was killed in that moment: now it waits for a person
    assert waits(about_to_start)


def test_the_end_is_the_answer_the_files_and_the_time(tmp_path: Path) -> None:
    done = facts(until("succeeded"), **training(12), export=export(tmp_path), export_folder=tmp_path)
    lines = Narrator().lines(done)
    assert "The GGUF answers: animal (expected: animal)" in lines
    assert any(line.startswith("GGUF Q4_K_M: /") for line in lines)
    assert lines[-1] == "Finished in 28 s."


def test_a_failure_says_what_why_and_now() -> None:
    problem = {"what": "model", "why": "has no weights", "now": "name a whole checkpoint folder"}
    lines = Narrator().lines(facts(until("created", ("failed", {"why": "x", "problem": problem}))))
    assert lines[-2:] == ["model has no weights.", "Name a whole checkpoint folder."]


def test_what_comes_from_data_gives_no_orders_to_a_terminal() -> None:
    told = facts(until("attempt"), **training())
    told.run.instruction = HOSTILE
    told.run.spec = {"model": "x\x1b]0;owned\x07", "dataset": "y\u202e"}
    text = "\n".join(plain(line) for line in Narrator().lines(told))
    assert not set(text) & {"\x1b", "\x07", "\u202e"}
