"""Runs of the script, two at a time, each in a forked process of its own."""

from __future__ import annotations

import multiprocessing
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tunebook.pipeline.home import read_json
from tunebook.pipeline.progress import emit
from tunebook.pipeline.prove.runner import LOG, METRICS, OUTCOME, OUTPUT, run_and_exit
from tunebook.pipeline.prove.trial import Outcome, Trial

AT_ONCE = 2
POLL_S = 0.02
LONGEST_S = 120.0  # a run that takes longer is ended


class Runs:
    """What was started under which name, and what came of it."""

    def __init__(self, folder: Path, clone: str) -> None:
        self.folder, self.clone = folder, clone
        self.context: Any = multiprocessing.get_context("fork" if sys.platform == "linux" else "spawn")
        self.waiting: list[tuple[Trial, Callable[[Path], None] | None]] = []
        self.running: dict[str, tuple[Any, float]] = {}
        self.found: dict[str, Outcome] = {}
        self.seconds: dict[str, float] = {}
        self.asked = 0

    def start(self, trial: Trial, prepare: Callable[[Path], None] | None = None) -> None:
        """Begin a run as soon as there is room for it."""
        self.waiting.append((trial, prepare))
        self.asked += 1
        self._go_on()

    def ended(self, name: str) -> Outcome:
        """Wait for a run's end."""
        while name not in self.found:
            self._go_on()
            time.sleep(POLL_S)
        return self.found[name]

    def wait(self) -> None:
        while self.waiting or self.running:
            self._go_on()
            time.sleep(POLL_S)

    def give_up(self) -> None:
        """End what runs and begin nothing more."""
        self.waiting.clear()
        for process, _ in self.running.values():
            process.kill()
            process.join()
        self.running.clear()

    def output(self, name: str) -> Path:
        return self.folder / name / OUTPUT

    def events(self, name: str) -> list[dict[str, Any]]:
        """The JSON lines that the script wrote beside its log."""
        import json

        try:
            lines = (self.folder / name / METRICS).read_text(encoding="utf-8").splitlines()
        except OSError:
            return []
        events = []
        for line in lines:
            try:
                events.append(json.loads(line))
            except ValueError:
                events.append({"event": "torn", "line": line[:80]})
        return events

    def log(self, name: str) -> str:
        try:
            return (self.folder / name / LOG).read_text(encoding="utf-8", errors="replace")
        except OSError:
            return ""

    def _go_on(self) -> None:
        for name, (process, began) in list(self.running.items()):
            taken = time.perf_counter() - began
            if process.is_alive() and taken < LONGEST_S:
                continue
            if process.is_alive():
                process.kill()
            process.join()
            del self.running[name]
            body = read_json(self.folder / name / OUTCOME)
            outcome = Outcome.model_validate(body) if body is not None else Outcome()
            outcome.exit_code = process.exitcode
            self.found[name] = outcome
            self.seconds[name] = round(taken, 1)
            emit("progress", done=len(self.found), total=self.asked, text=f"{name}: {taken:.0f} s")
        while self.waiting and len(self.running) < AT_ONCE:
            trial, prepare = self.waiting.pop(0)
            folder = self.folder / trial.name
            folder.mkdir()
            if prepare:
                prepare(folder)
            process = self.context.Process(target=run_and_exit, args=(trial, folder))
            process.start()
            self.running[trial.name] = (process, time.perf_counter())
