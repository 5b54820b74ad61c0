"""The journal: events are never changed, states are folded from them, and only the newest owner may write."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tunebook.pipeline.journal import Event, Journal, StaleOwner, fold
from tunebook.pipeline.journal.fold import ATTEMPT_TERMINAL, TERMINAL
from tunebook.pipeline.process import ProcessId

CREATED = {"instruction": "x", "spec": {}, "spec_hash": "h"}
STAGES = st.sampled_from(["train", "evaluate", "export"])
NUMBERS = st.integers(1, 3)

EVENTS = st.one_of(
    st.tuples(st.just("planned"), st.fixed_dictionaries({"plan_id": st.sampled_from("ab"), "max_usd": st.just(0.0)})),
    st.tuples(st.just("confirmed"), st.fixed_dictionaries({"plan_id": st.sampled_from("ab"), "max_usd": st.just(0.0)})),
    st.tuples(st.just("stage"), st.fixed_dictionaries({"stage": STAGES})),
    st.tuples(
        st.just("submitting"),
        st.fixed_dictionaries({"stage": STAGES, "n": NUMBERS, "backend": st.just("local"), "timeout_s": st.just(9)}),
    ),
    st.tuples(
        st.just("attempt"),
        st.fixed_dictionaries(
            {"stage": STAGES, "n": NUMBERS, "state": st.sampled_from(["running", "succeeded", "failed", "lost"])}
        ),
    ),
    st.tuples(st.sampled_from(["interrupted", "needs_person"]), st.fixed_dictionaries({"why": st.text(max_size=5)})),
    st.tuples(
        st.sampled_from(
            [
                "resume_requested",
                "stop_requested",
                "cancel_requested",
                "succeeded",
                "failed",
                "cancelled",
                "note",
                "new",
            ]
        ),
        st.just({}),
    ),
)


def as_events(steps: list[tuple[str, dict[str, object]]]) -> list[Event]:
    told = [("created", CREATED), *steps]
    return [
        Event(seq=n + 1, run_id="r", time=float(n), kind=kind, data=dict(data)) for n, (kind, data) in enumerate(told)
    ]


@given(st.lists(EVENTS, max_size=30))
def test_terminal_states_stay_whatever_comes_after_them(steps: list[tuple[str, dict[str, object]]]) -> None:
    events = as_events(steps)
    ended: str | None = None
    attempts: dict[tuple[str, int, int], str] = {}
    for end in range(1, len(events) + 1):
        state = fold(events[:end])
        if ended is not None:
            assert state.state == ended
        ended = state.state if state.state in TERMINAL else None
        for place, attempt in enumerate(state.attempts):
            key = (attempt.stage, attempt.n, place)
            if attempts.get(key) in ATTEMPT_TERMINAL:
                assert attempt.state == attempts[key]
            attempts[key] = attempt.state


@given(st.lists(EVENTS, max_size=30))
def test_nothing_is_confirmed_but_the_plan_at_hand(steps: list[tuple[str, dict[str, object]]]) -> None:
    events = as_events(steps)
    for end in range(2, len(events) + 1):
        before, after = fold(events[: end - 1]), fold(events[:end])
        if before.state == "draft" and after.state == "confirmed":
            assert events[end - 1].data["plan_id"] == before.plan_id


def test_a_draft_that_is_cancelled_is_cancelled_at_once_and_a_running_one_is_cancelling() -> None:
    assert fold(as_events([("cancel_requested", {})])).state == "cancelled"
    running = [
        ("planned", {"plan_id": "a", "max_usd": 0.0}),
        ("confirmed", {"plan_id": "a"}),
        ("stage", {"stage": "train"}),
    ]
    assert fold(as_events([*running, ("cancel_requested", {})])).state == "cancelling"  # type: ignore[list-item]


def test_events_come_back_in_order_and_whole(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    journal.create_run("r", CREATED | {"instruction": "ü \u202e <b>"}, same_as=None)
    journal.append("r", "planned", plan_id="p", max_usd=0.5)
    events = journal.events("r")
    assert [event.kind for event in events] == ["created", "planned"]
    assert events[0].data["instruction"] == "ü \u202e <b>"
    assert journal.events("r", since=events[0].seq) == events[1:]


def test_only_requests_are_taken_without_a_lease(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    journal.create_run("r", CREATED, same_as=None)
    with pytest.raises(ValueError, match="supervisor only"):
        journal.append("r", "succeeded")


def test_a_stale_owner_cannot_write(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    journal.create_run("r", CREATED, same_as=None)
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    first = journal.acquire("r", ProcessId.of(child.pid))
    assert first is not None
    assert journal.acquire("r", ProcessId.current()) is None, "its owner lives"
    child.kill()
    child.wait()
    second = journal.acquire("r", ProcessId.current())
    assert second is not None
    assert second > first
    with pytest.raises(StaleOwner):
        journal.append("r", "stage", fence=first, stage="train")
    journal.append("r", "stage", fence=second, stage="train")
    journal.release("r", first)  # a stale release changes nothing
    assert journal.owner("r") is not None


def test_a_pid_that_is_used_again_is_another_process() -> None:
    me = ProcessId.current()
    assert me.alive()
    assert not me.model_copy(update={"started": me.started - 100}).alive()
    assert me.model_copy(update={"pid": 1, "host": "another-machine"}).alive(), "we cannot look there"


def test_one_of_many_at_once_creates_the_run(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    found: list[tuple[str, bool]] = []

    def create(name: str) -> None:
        found.append(Journal(tmp_path).create_run(name, CREATED, same_as=("spec_hash", "h")))

    threads = [threading.Thread(target=create, args=(f"r{n}",)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(new for _, new in found) == 1
    assert len({run_id for run_id, _ in found}) == 1
    assert len(journal.run_ids()) == 1


def test_a_finished_run_does_not_stand_in_for_a_new_one(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    journal.create_run("old", CREATED, same_as=None)
    journal.append("old", "cancel_requested")
    assert journal.create_run("new", CREATED, same_as=("spec_hash", "h")) == ("new", True)


WRITER = """
import sys
from pathlib import Path
from tunebook.pipeline.journal import Journal
journal = Journal(Path(sys.argv[1]))
print("ready", flush=True)
n = 0
while True:
    n += 1
    journal.append("r", "planned", plan_id=str(n), max_usd=0.0)
    print(n, flush=True)
"""


def test_what_was_said_to_be_written_is_there_after_kill_9(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    journal.create_run("r", CREATED, same_as=None)
    writer = subprocess.Popen([sys.executable, "-c", WRITER, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    assert writer.stdout is not None
    said = 0
    for line in writer.stdout:
        said = int(line) if line.strip().isdigit() else said
        if said >= 20:
            break
    os.kill(writer.pid, 9)
    writer.wait()
    said = max([said, *(int(line) for line in writer.stdout.read().split() if line.isdigit())])
    written = [int(event.data["plan_id"]) for event in journal.events("r") if event.kind == "planned"]
    assert written[:said] == list(range(1, said + 1))
    assert len(written) <= said + 1


def test_the_home_is_its_owners_alone(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    assert journal.path.stat().st_mode & 0o077 == 0
