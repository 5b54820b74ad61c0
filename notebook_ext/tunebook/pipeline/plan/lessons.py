"""What finished runs teach the forecast: the seconds a step that were forecast, and those that it took."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

from tunebook.pipeline.hardware.cards import card_of
from tunebook.pipeline.hardware.forecast import Lesson
from tunebook.pipeline.hardware.local import FLAVOR as THIS_MACHINE
from tunebook.pipeline.home import home
from tunebook.pipeline.journal import Journal, fold
from tunebook.pipeline.progress import parse
from tunebook.pipeline.run_folder import RunFolder
from tunebook.pipeline.tail import METRICS_FILE

#: The newest runs; older ones are about other drivers and libraries.
MOST = 40
#: Fewer steps than this tell more of the start than of the pace.
LEAST_STEPS = 5
#: Of each log, the newest: some hundred steps, which are enough, whatever the training's length.
MOST_BYTES = 200_000


def lessons() -> list[Lesson]:
    """One for each of the newest runs whose training ended on its own. A run whose files are gone teaches nothing."""
    journal = Journal(home())
    found = []
    for run_id in journal.run_ids()[:MOST]:
        run = fold(journal.events(run_id))
        if run.plan_id is None or "train" not in run.done_stages:
            continue
        lesson = _lesson(run_id, journal.plan(run.plan_id) or {}, [one.n for one in run.attempts_of("train")])
        if lesson is not None:
            found.append(lesson)
    return found


def _lesson(run_id: str, plan: dict[str, Any], attempts: list[int]) -> Lesson | None:
    chosen, options = plan.get("chosen"), plan.get("options")
    if not isinstance(chosen, dict) or not isinstance(options, list):
        return None
    rows: list[dict[str, Any]] = [one for one in options if isinstance(one, dict)]
    mine = next((one for one in rows if all(one.get(name) == value for name, value in chosen.items())), {})
    forecast, taken = mine.get("unlearned_step_s"), step_seconds(run_id, attempts)
    if not isinstance(forecast, int | float) or not forecast or taken is None:
        return None
    return Lesson(card=card_name(chosen["flavor"], mine.get("card") or ""), forecast_s=forecast, taken_s=taken)


def card_name(flavor: str, card: str) -> str:
    """What lessons are told apart by: the card, or this machine as a whole."""
    known = card_of(card)
    return THIS_MACHINE if flavor == THIS_MACHINE else known.name if known else flavor


def step_seconds(run_id: str, attempts: Sequence[int]) -> float | None:
    """Seconds a step from the training's own logs, checkpoints and held-out losses aside: the median of the steps' times.
    None where too few can be read.
    """
    paces = sorted(pace for attempt in attempts for pace in _paces(RunFolder(run_id).job("train", attempt)))
    return paces[len(paces) // 2] if len(paces) >= LEAST_STEPS else None


def _paces(job: Path) -> list[float]:
    steps = [step for event in _newest_events(job) if (step := _step(event)) is not None]
    return [(b[1] - a[1]) / (b[0] - a[0]) for a, b in pairwise(steps) if b[0] > a[0] and b[1] > a[1]]


def _step(event: dict[str, Any]) -> tuple[int, float] | None:
    """The number and the time of a training step, where the event is one."""
    values, step, at = event.get("values"), event.get("step"), event.get("time")
    if event.get("event") != "metrics" or not isinstance(values, dict) or "loss" not in values:
        return None
    if not isinstance(step, int) or not isinstance(at, int | float) or not math.isfinite(at):
        return None
    return step, float(at)


def _newest_events(job: Path) -> list[dict[str, Any]]:
    """The last events of a job's file, or of its log where there is no file; none where neither can be read."""
    try:
        if (job / METRICS_FILE).exists():
            return [event for line in _last_lines(job / METRICS_FILE) if (event := _event(line)) is not None]
        nonce = (job / "nonce").read_text()
        return [event for line in _last_lines(job / "log.txt") if (event := parse(line, nonce)) is not None]
    except (OSError, ValueError):
        return []


def _last_lines(path: Path) -> list[str]:
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - MOST_BYTES))
        return file.read().decode("utf-8", "replace").splitlines()


def _event(line: str) -> dict[str, Any] | None:
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None
