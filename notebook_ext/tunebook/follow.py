"""A run as text: a line for each thing that happens, for terminals and for notebooks that nobody sits in front of."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from tunebook.pipeline.journal.fold import TERMINAL
from tunebook.pipeline.progress import MARKER
from tunebook.pipeline.tail import LineTail
from tunebook.pipeline.watch import Live
from tunebook.texts import plain
from tunebook.widgets.facts import Facts, Gatherer
from tunebook.widgets.script_view import name_of_check, script_view
from tunebook.widgets.snapshot import LABELS, problem, run_snapshot, sentence_of, stages, starts_itself, why_not
from tunebook.widgets.words import duration, number, shortened

if TYPE_CHECKING:
    from tunebook.widgets.views import View

POLL_S = 0.25
#: A line of progress at most so often: a log must stay readable.
PROGRESS_EVERY_S = 10.0


class Narrator:
    """Turns what is known of a run into the lines that were not said yet."""

    def __init__(self) -> None:
        self._said: set[object] = set()
        self._last_progress = float("-inf")

    def lines(self, facts: Facts) -> list[str]:
        """What is new, in order."""
        lines: list[str] = []
        run = facts.run
        if self._first("run"):
            state = run_snapshot(facts)
            lines.append(f"Run {run.run_id}: {state['title']} {state['subtitle']}".rstrip())
            if words := sentence_of(facts, "request"):
                lines.append(_line("Request", words))
        for stage in stages(facts):
            lines += self._stage(facts, stage)
        lines += self._end(facts)
        return lines

    def _stage(self, facts: Facts, stage: View) -> list[str]:
        name, label = stage["id"], stage["label"]
        lines: list[str] = []
        if name == "run":
            lines += [
                _line(label, f"checkpoint at step {step}")
                for step in facts.checkpoints
                if self._first(("checkpoint", step))
            ]
        if name == "compare":
            lines += [
                _line(label, _score(event["row"])) for event in facts.scores if self._first(("score", event["step"]))
            ]
        if name in ("data", "plan") and (words := sentence_of(facts, name)) and self._first(("sentence", name)):
            took = f" ({duration(stage['seconds'])})" if stage["seconds"] else ""
            lines.append(_line(label, words + took))
        if stage["state"] == "working":
            lines += self._progress(facts, stage)
        # Of a rented machine a stage's end is known some seconds before what it made is here.
        done = stage["state"] == "done" and name in ("run", "compare", "publish")
        if done and (words := sentence_of(facts, name)) and self._first(("done", name)):
            took = f" ({duration(stage['seconds'])})" if stage["seconds"] and name != "run" else ""
            lines.append(_line(label, words + took))
        return lines

    def _progress(self, facts: Facts, stage: View) -> list[str]:
        """At once when other work begins, else every few seconds."""
        name = stage["id"]
        if name == "run" and facts.step is not None:
            words, what = sentence_of(facts, "run"), ("steps",)
        else:
            words, what = stage["note"], (facts.progress.text or stage["note"],)
            if stage["progress"] == 1 or words == "starting":
                return []  # what is done is told by its sentence, what has not begun by its first words
        new = self._first(("working", name, *what))
        if not words or not (new or facts.now - self._last_progress >= PROGRESS_EVERY_S):
            return []
        if not self._first(("words", name, words)):
            return []
        self._last_progress = facts.now
        return [_line(stage["label"], words)]

    def _end(self, facts: Facts) -> list[str]:
        run = facts.run
        if not waits(facts) or not self._first(("end", run.state)):
            return []
        if run.state == "draft":
            return _plan_lines(facts)
        if told := problem(facts):
            return [part for part in (told["what"], told["why"], *_failed_checks(facts), told["now"]) if part]
        if run.state == "cancelled":
            return ["Cancelled. What was made is kept."]
        lines = []
        if (state := run_snapshot(facts)["publish"]) is not None:
            if answer := state["answer"]:
                expected = f" (expected: {answer['expected']})" if answer["expected"] else ""
                lines += [
                    f"Asked: {shortened(answer['prompt'], 300)}",
                    f"The GGUF answers: {shortened(answer['answer'], 300)}{expected}",
                ]
            lines += [f"{file['label']}: {file['path']}" for file in state["files"]]
        return [*lines, f"Finished in {duration((run.ended_at or facts.now) - run.created_at)}."]

    def _first(self, what: object) -> bool:
        if what in self._said:
            return False
        self._said.add(what)
        return True


def _plan_lines(facts: Facts) -> list[str]:
    assert facts.plan is not None
    assert facts.plan.plan_id is not None
    lines = [_line("", f"{one.field}: {one.value} ({one.why})") for one in facts.plan.decisions]
    script = script_view(facts.plan, facts.proof)
    lines += [_line("", part["sentence"]) for part in (script["edit"], script["proof"]) if part]
    lines.append(_line("", facts.plan.consent))
    if facts.unproved_edit:
        return [*lines, why_not(facts)]
    return [*lines, f"Nothing is started yet. `run {facts.plan.plan_id[:12]} --yes` starts it, `attach` follows it."]


def _failed_checks(facts: Facts) -> list[str]:
    """What was seen where the proof of the script failed."""
    checks = facts.proof.checks if facts.proof and facts.run.confirmed_at is None else []
    return [_line("", f"{name_of_check(one.id)}: {one.evidence}") for one in checks if not one.passed]


def _line(label: str, words: str) -> str:
    return f"{label:<{max(map(len, LABELS.values())) + 2}}{words}"


def _score(row: View) -> str:
    if row["passed"] is not None:
        return f"{row['target']}: {row['passed']} of {row['total']} solved"
    return f"{row['target']}: {number(row['score'])}"


def waits(facts: Facts) -> bool:
    """Whether nothing more will happen by itself."""
    run = facts.run
    planned = run.state == "draft" and run.plan_id is not None
    planned = planned and not (facts.proving or (facts.supervised and facts.unproved_edit))
    return run.finished or run.state in ("interrupted", "needs_person") or (planned and not starts_itself(facts))


def follow(run_id: str, out: TextIO | None = None) -> Facts:
    """Print what happens until the run ends or waits for a person; returns how it is then. Ctrl-C ends the following only."""
    out = out or sys.stdout
    live, narrator = Live(run_id), Narrator()
    gatherer = Gatherer(live)
    while True:
        live.poll()
        facts = gatherer.gather()
        for line in narrator.lines(facts):
            print(plain(line), file=out, flush=True)
        if waits(facts):
            return facts
        time.sleep(POLL_S)


def follow_log(run_id: str, out: TextIO | None = None) -> int:
    """Print the logs of a run's jobs as they grow, until the run ends or waits. Returns the exit code."""
    from tunebook.pipeline.run_folder import RunFolder

    out = out or sys.stdout
    live, tails, folder = Live(run_id), dict[Path, LineTail](), RunFolder(run_id)
    while True:
        run = live.poll().run
        jobs = [Path(run.preparing["job"])] if run.preparing and run.preparing.get("job") else []
        jobs += [folder.job(attempt.stage, attempt.n) for attempt in run.attempts]
        for job in jobs:
            tail = tails.setdefault(job, LineTail(job / "log.txt"))
            for line in tail.new():
                if line.strip() and MARKER not in line:
                    print(plain(line), file=out, flush=True)
        if (
            run.state in TERMINAL
            or run.state in ("interrupted", "needs_person")
            or (run.state == "draft" and run.plan_id)
        ):
            return 0 if run.state in ("succeeded", "draft") else 1
        time.sleep(POLL_S)
