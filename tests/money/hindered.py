"""A run whose machine is hindered in one of its supervisor's lives, and what was there before and after the others."""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from money.schedules import Outcome, Player, Schedule, confirmed, made_plan
from tunebook.pipeline.journal import fold

LIVES = "money.hindered_lives"


@dataclass
class Story:
    run_id: str
    outcome: Outcome
    posts_before: int
    #: When the life that was hindered had ended:
    posts: int = 0
    jobs: int = 0
    state: str = ""
    why: str = ""
    said: str = ""  # what its supervisor said on standard error


def begun(player: Player, schedule: Schedule | None = None) -> Story:
    """A run that is confirmed, and has not lived yet."""
    schedule = schedule or Schedule()
    story = Story(f"run-{secrets.token_hex(6)}", Outcome(schedule, "", 0, 0, 0, 0, 0), _posts(player))
    player.field.expect(story.run_id, schedule)
    confirmed(player.field.journal, story.run_id, made_plan())
    return story


def note(player: Player, story: Story) -> None:
    """What is on the Hub now."""
    story.posts, story.jobs = _posts(player) - story.posts_before, len(player.jobs(story.run_id))


def _posts(player: Player) -> int:
    asked = player.field.hub.log
    return sum(one.method == "POST" and one.path == f"/api/jobs/{player.account}" for one in asked)


def finish(player: Player, story: Story, lives: Iterable[dict[str, Any]] = ({}, {}, {})) -> Outcome:
    """As `resume` does it, until the run has ended; what holds is looked at after each life."""
    for more in lives:
        player.check(story.run_id, story.outcome)
        if (state := fold(player.field.journal.events(story.run_id))).finished:
            break
        if state.state == "interrupted":
            player.field.journal.append(story.run_id, "resume_requested")
        player.live(story.run_id, resume=True, **more)
    player.last(story.run_id, story.outcome)
    return story.outcome
