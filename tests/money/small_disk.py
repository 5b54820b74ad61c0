"""Runs on a disk that really is full, or really may not be written to: a small tmpfs in a namespace of its own.

    unshare --user --map-root-user --mount python -m money.small_disk FOLDER

Prints what was there as JSON. The Hub, the journal's readers and the supervisors are all in the namespace: from outside
nobody sees the disk.
"""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

from hub.server import StandInHub, served

from money.hindered import LIVES, Story, begun, finish, note
from money.hindered_lives import fill, make_room, remount
from money.schedules import Field, Player, Schedule
from tunebook.pipeline.journal import fold

SIZE = "24m"
#: Where the disk fills: before the run is taken up at all, before the intent, and at each later place.
PLACES = ("start", "before", "intent", "query", "upload", "post", "posted", "noted", "ended", "settled")


def main() -> int:
    home = Path(sys.argv[1])
    home.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "none", str(home)], check=True)
    hub = StandInHub()
    with served(hub), Field(hub, home, home.parent).player(0, LIVES) as player:
        told: dict[str, Any] = {"doors": _doors(home)}
        told |= {place: asdict(_full(player, home, place)) for place in PLACES}
        told["a file"] = asdict(_full(player, home, "posted", do="fail"))
        told["a download"] = asdict(_full(player, home, "settled", do="fail in the client"))
        told["failed"] = asdict(_full(player, home, "settled", Schedule(ending="badly")))
        told["read-only"] = asdict(_read_only(player, home))
    print(json.dumps(told))
    return 0


def _full(player: Player, home: Path, place: str, schedule: Schedule | None = None, do: str = "fill") -> Story:
    story = begun(player, schedule)
    if place == "start":
        fill(home)
        live_and_note(player, story)
    else:
        live_and_note(player, story, at=place, do=do)
    make_room(home)
    _finish(player, story)
    return story


def _read_only(player: Player, home: Path) -> Story:
    story = begun(player)
    remount(home, "ro")
    live_and_note(player, story)
    remount(home, "rw")
    _finish(player, story)
    return story


def live_and_note(player: Player, story: Story, **more: Any) -> None:
    log = player.field.logs / "lives-0.log"
    before = len(log.read_text())
    player.live(story.run_id, **more)
    note(player, story)
    story.said = log.read_text()[before:]


def _finish(player: Player, story: Story) -> None:
    """Room is made: the run goes on. Before it does, nothing that was there is gone."""
    run = fold(player.field.journal.events(story.run_id))
    story.state, story.why = run.state, run.why
    if run.plan_id is None or run.confirmed_at is None:
        story.outcome.wrong.append("what was agreed to is gone")
    finish(player, story)


def _doors(home: Path) -> list[list[Any]]:
    """What the terminal and a supervisor of its own say on a full disk."""
    fill(home)
    try:
        return [
            _said([sys.executable, "-m", "tunebook", "runs"]),
            _said([sys.executable, "-m", "tunebook.pipeline.supervisor", "some-run"]),
        ]
    finally:
        make_room(home)


def _said(command: list[str]) -> list[Any]:
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60)
    return [ended.returncode, ended.stdout, ended.stderr]


if __name__ == "__main__":
    raise SystemExit(main())
