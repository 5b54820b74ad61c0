"""A disk that is full, or may not be written to: one clear line, nothing spent that is not in the journal, nothing lost."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

import pytest

from money.small_disk import PLACES

#: Places at which the intent is not in the journal, or what the job is made of could not be written.
BEFORE = ("start", "before", "intent", "read-only")
ONE_FILE = ("a file", "a download")  # that found no room, where the journal did
AFTER = ("query", "upload", "post", "posted", "noted", "ended", "settled", "failed", *ONE_FILE)
IN_A_NAMESPACE = ["unshare", "--user", "--map-root-user", "--mount"]


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    if sys.platform != "linux":
        pytest.skip("a small disk is made in a Linux namespace")
    home = tmp_path_factory.mktemp("small") / "home"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "TUNEBOOK_HOME": str(home)}
    command = [*IN_A_NAMESPACE, sys.executable, "-m", "money.small_disk", str(home)]
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120)
    assert ended.returncode == 0, ended.stderr[-3000:]
    stories: dict[str, Any] = json.loads(ended.stdout)
    assert set(stories) == {*PLACES, "doors", *ONE_FILE, "failed", "read-only"} == {*BEFORE, *AFTER, "doors"}
    return stories


@pytest.mark.parametrize("place", BEFORE)
def test_who_cannot_write_its_intent_submits_nothing(told: dict[str, Any], place: str) -> None:
    assert (told[place]["posts"], told[place]["jobs"]) == (0, 0)


@pytest.mark.parametrize("place", [*BEFORE, *AFTER])
def test_with_room_again_the_run_goes_on_and_there_is_one_job(told: dict[str, Any], place: str) -> None:
    outcome = told[place]["outcome"]
    assert outcome["wrong"] == []
    assert outcome["state"] == ("failed" if place == "failed" else "succeeded")
    assert (outcome["jobs"], outcome["attempts"]) == (1, 1)
    assert outcome["paid"] > 0


@pytest.mark.parametrize("place", [*BEFORE, *AFTER])
def test_no_run_is_given_up_for_want_of_room(told: dict[str, Any], place: str) -> None:
    assert told[place]["state"] in (["interrupted"] if place in ONE_FILE else ["confirmed", "running"])


@pytest.mark.parametrize("place", [*BEFORE, *AFTER])
def test_what_happened_is_told_in_one_line(told: dict[str, Any], place: str) -> None:
    said = told[place]["why"] if place in ONE_FILE else told[place]["said"].strip().splitlines()[-1]
    if place == "read-only":
        assert "cannot be opened for writing: make its folder writable" in said
    else:
        assert "is full, so nothing more can be kept there: make room and try again" in said
        assert "home" in said


def test_the_terminal_and_a_supervisor_say_it_without_a_traceback(told: dict[str, Any]) -> None:
    for code, out, err in told["doors"]:
        assert (code, out) == (1, "")
        assert len(err.splitlines()) == 1
        assert "make room and try again" in err
