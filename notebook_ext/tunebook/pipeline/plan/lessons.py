"""What finished runs teach the forecast: the seconds a step that were forecast, and those that it took."""

from __future__ import annotations

from itertools import pairwise

from tunebook.pipeline.hardware.cards import card_of
from tunebook.pipeline.hardware.forecast import Lesson
from tunebook.pipeline.hardware.local import FLAVOR as THIS_MACHINE
from tunebook.pipeline.home import home
from tunebook.pipeline.journal import Journal, fold
from tunebook.pipeline.run_folder import RunFolder
from tunebook.pipeline.tail import EventTail

#: The newest runs; older ones are about other drivers and libraries.
MOST = 40
#: Fewer steps than this tell more of the start than of the pace.
LEAST_STEPS = 5


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


def _lesson(run_id: str, plan: dict[str, object], attempts: list[int]) -> Lesson | None:
    chosen = plan.get("chosen")
    if not isinstance(chosen, dict) or not attempts:
        return None
    options = plan.get("options")
    mine = (
        [one for one in options if all(one.get(name) == chosen[name] for name in chosen)]
        if isinstance(options, list)
        else []
    )
    forecast = mine[0].get("unlearned_step_s") if mine else None
    taken = step_seconds(run_id, attempts[-1])
    if not forecast or taken is None:
        return None
    return Lesson(card=card_name(chosen["flavor"], mine[0].get("card") or ""), forecast_s=forecast, taken_s=taken)


def card_name(flavor: str, card: str) -> str:
    """What lessons are told apart by: the card, or this machine as a whole."""
    known = card_of(card)
    return THIS_MACHINE if flavor == THIS_MACHINE else known.name if known else flavor


def step_seconds(run_id: str, attempt: int) -> float | None:
    """Seconds a step from the training's own log, checkpoints and held-out losses aside: the median of the steps' times."""
    times = [
        (event["step"], event["time"])
        for event in EventTail(RunFolder(run_id).job("train", attempt)).new()
        if event["event"] == "metrics" and "loss" in event.get("values", {})
    ]
    paces = sorted((b[1] - a[1]) / (b[0] - a[0]) for a, b in pairwise(times) if b[0] > a[0])
    return paces[len(paces) // 2] if len(paces) >= LEAST_STEPS else None
