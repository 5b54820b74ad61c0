"""A journal of a newer tunebook, and a file that is none: one line, and not a byte of it is touched."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from tunebook.pipeline.errors import CallError
from tunebook.pipeline.journal import Journal, JournalRefused
from tunebook.pipeline.journal.trouble import VERSION
from tunebook.pipeline.process import ProcessId

CREATED = {"instruction": "x", "spec": {}, "spec_hash": "h"}


def version(path: Path) -> int:
    with closing(sqlite3.connect(path)) as db:
        return int(db.execute("PRAGMA user_version").fetchone()[0])


def set_version(path: Path, number: int) -> None:
    with closing(sqlite3.connect(path)) as db:
        db.execute(f"PRAGMA user_version={number}")


@pytest.fixture
def path(tunebook_home: Path) -> Path:
    """A journal with a run in it."""
    tunebook_home.mkdir()
    journal = Journal(tunebook_home)
    journal.create_run("r", CREATED, same_as=None)
    return journal.path


def test_a_new_journal_has_the_version_of_its_schema(path: Path) -> None:
    assert version(path) == VERSION == 1


def test_one_from_before_there_were_versions_is_marked_and_keeps_its_runs(path: Path) -> None:
    set_version(path, 0)
    assert Journal(path.parent).run_ids() == ["r"]
    assert version(path) == VERSION


def test_an_empty_file_becomes_a_journal(tmp_path: Path) -> None:
    (tmp_path / "journal.sqlite").touch()
    assert Journal(tmp_path).run_ids() == []


def newer(path: Path) -> None:
    set_version(path, VERSION + 1)


def damaged(path: Path) -> None:
    path.write_bytes(b"this is no database" * 400)


def cut_off(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:60])


def scrawled_over(path: Path) -> None:
    content = path.read_bytes()
    path.write_bytes(content[:100] + b"\xff" * 3000 + content[3100:])


@pytest.mark.parametrize("harm", [newer, damaged, cut_off, scrawled_over])
def test_what_is_not_ours_is_refused_and_left_to_the_byte(path: Path, harm: Callable[[Path], None]) -> None:
    harm(path)
    there = {file.name: file.read_bytes() for file in path.parent.iterdir()}
    with pytest.raises(JournalRefused) as refused:
        Journal(path.parent).run_ids()
    said = str(refused.value)
    assert isinstance(refused.value, CallError)
    assert "\n" not in said
    assert str(path) in said
    assert "left as it is" in said
    assert "TUNEBOOK_HOME" in said
    if harm is newer:
        assert "version 2" in said
        assert "install a newer tunebook" in said
    assert {file.name: file.read_bytes() for file in path.parent.iterdir()} == there


def test_a_newer_version_that_is_still_in_the_write_ahead_log_is_seen_too(path: Path, tmp_path: Path) -> None:
    with closing(sqlite3.connect(path)) as db:
        db.execute("PRAGMA user_version=7")
        other = tmp_path / "copied"  # as a writer leaves it that is killed before it moves its log into the file
        other.mkdir()
        for file in path.parent.glob("journal.sqlite*"):
            if not file.name.endswith("-shm"):
                (other / file.name).write_bytes(file.read_bytes())
    kept = {name: (other / name).read_bytes() for name in ("journal.sqlite", "journal.sqlite-wal")}
    with pytest.raises(JournalRefused, match="version 7"):
        Journal(other)
    assert {name: (other / name).read_bytes() for name in kept} == kept


def test_an_older_tunebook_that_has_it_open_writes_nothing_more(path: Path) -> None:
    journal = Journal(path.parent)
    fence = journal.acquire("r", ProcessId.current())
    set_version(path, VERSION + 1)
    there = path.read_bytes()
    for call in (
        lambda: journal.events("r"),
        lambda: journal.append("r", "submitting", fence=fence, n=1, stage="train", backend="hf-jobs", timeout_s=9),
        lambda: journal.acquire("r", ProcessId.current()),
    ):
        with pytest.raises(JournalRefused, match="version 2"):
            call()
    assert path.read_bytes() == there


@pytest.mark.parametrize(
    "command", [["tunebook", "runs"], ["tunebook", "resume", "r"], ["tunebook.pipeline.supervisor", "r"]]
)
def test_no_run_is_followed_or_started_with_it(path: Path, command: list[str]) -> None:
    newer(path)
    there = path.read_bytes()
    ended = subprocess.run([sys.executable, "-m", *command], capture_output=True, text=True, timeout=60)
    assert (ended.returncode, ended.stdout) == (2, "")
    assert len(ended.stderr.splitlines()) == 1
    assert "install a newer tunebook" in ended.stderr
    assert path.read_bytes() == there
