"""Points of metrics as they travel: numbered, said again to who missed some, and whole after a reset."""

from __future__ import annotations

import math
import struct
import time
from collections.abc import Iterator

import pytest
from panel_facts import PLAN, STORY, plan

from tunebook.pipeline.home import home
from tunebook.pipeline.journal import Journal
from tunebook.pipeline.process import ProcessId
from tunebook.pipeline.watch import Live, Point
from tunebook.widgets.feed import POINTS_A_MESSAGE, PointLog, PointsMessage, Update, feed_of


def live(**series: list[Point]) -> Live:
    made = Live("any")
    made.series = {name.replace("_", "/"): points for name, points in series.items()}
    return made


def unpacked(message: PointsMessage) -> dict[str, list[tuple[float, ...]]]:
    return {
        one["name"]: list(struct.iter_unpack("<3d", buffer))
        for one, buffer in zip(message.content["series"], message.buffers, strict=True)
    }


def test_only_new_points_are_sent_each_once_with_growing_numbers() -> None:
    log, run = PointLog(), live(train_loss=[Point(1, 2.5, 101.0)])
    first = log.take(run, 100.0)
    assert first is not None
    assert unpacked(first) == {"train/loss": [(1.0, 2.5, 1.0)]}
    assert log.take(run, 100.0) is None
    run.series["train/loss"].append(Point(2, None, 102.0))
    second = log.take(run, 100.0)
    assert second is not None
    assert (first.content["seq"], second.content["seq"], second.content["reset"]) == (1, 2, False)
    assert math.isnan(unpacked(second)["train/loss"][0][1])


def test_who_missed_a_message_gets_what_came_after_it_and_no_more() -> None:
    log, run = PointLog(), live(train_loss=[])
    for step in range(1, 5):
        run.series["train/loss"].append(Point(step, 1.0, 100.0))
        log.take(run, 100.0)
    (again,) = log.since(2)
    assert (again.content["seq"], again.content["reset"]) == (4, False)
    assert [point[0] for point in unpacked(again)["train/loss"]] == [3.0, 4.0]


def test_who_has_nothing_gets_everything_in_messages_of_a_bounded_size() -> None:
    log, run = (
        PointLog(),
        live(train_loss=[Point(step, 1.0, 100.0) for step in range(50_000)], eval_loss=[Point(1, 1.0, 1.0)]),
    )
    log.take(run, 100.0)
    messages = log.since(0)
    assert [message.content["reset"] for message in messages] == [True, *[False] * (len(messages) - 1)]
    assert {message.content["seq"] for message in messages} == {1}
    assert max(sum(map(len, message.buffers)) for message in messages) <= 24 * POINTS_A_MESSAGE
    steps = [point[0] for message in messages for point in unpacked(message).get("train/loss", [])]
    assert steps == list(range(50_000))


def test_a_resumed_run_that_overlaps_begins_anew() -> None:
    log, run = PointLog(), live(train_loss=[Point(1, 2.0, 100.0), Point(2, 1.0, 101.0)])
    log.take(run, 100.0)
    run.series["train/loss"], run.generation = [Point(1, 2.0, 100.0)], 1
    message = log.take(run, 100.0)
    assert message is not None
    assert message.content["reset"] is True
    assert [point[0] for point in unpacked(message)["train/loss"]] == [1.0]
    (again,) = log.since(1)
    assert again.content["reset"] is True


@pytest.fixture
def draft() -> Iterator[str]:
    """A run with a plan that waits for its person; nothing is started."""
    journal = Journal(home())
    journal.save_plan(PLAN, plan().model_dump(mode="json"))
    journal.create_run("draft-run", STORY[0][1], same_as=None)
    journal.append("draft-run", "planned", plan_id=PLAN, max_usd=0.0)
    yield "draft-run"
    journal.append("draft-run", "cancel_requested")


def test_all_panels_of_a_run_share_one_thread_that_ends_when_the_run_has(draft: str) -> None:
    feed = feed_of(draft)
    assert feed_of(draft) is feed
    seen: list[Update] = []
    feed.listen(seen.append)
    feed.listen(lambda update: None)
    assert feed._thread is not None
    thread = feed._thread
    Journal(home()).append(draft, "cancel_requested")
    thread.join(timeout=10)
    assert not thread.is_alive()
    assert seen[-1].facts is not None
    assert seen[-1].facts.run.state == "cancelled"


def test_nothing_is_sent_while_nothing_changes(draft: str) -> None:
    feed = feed_of(draft)
    feed.look()
    seen: list[Update] = []
    leave = feed.listen(seen.append)
    for _ in range(3):
        feed.look()
    assert seen == []
    leave()


def test_a_thread_that_nobody_listens_to_ends(draft: str) -> None:
    feed = feed_of(draft)
    leave = feed.listen(lambda update: None)
    thread = feed._thread
    assert thread is not None
    leave()
    thread.join(timeout=10)
    assert not thread.is_alive()


def test_a_run_that_cannot_be_read_for_a_while_is_told_and_comes_back(
    draft: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    feed, seen = feed_of(draft), list[Update]()
    feed.look()
    real = feed._live.poll
    monkeypatch.setattr(feed._live, "poll", lambda: (_ for _ in ()).throw(OSError("the disk is away")))
    leave = feed.listen(seen.append)
    deadline = time.monotonic() + 10
    while not seen and time.monotonic() < deadline:
        time.sleep(0.01)
    assert "the disk is away" in seen[-1].trouble
    assert seen[-1].facts is not None
    monkeypatch.setattr(feed._live, "poll", real)
    feed.nudge()
    while seen[-1].trouble and time.monotonic() < deadline:
        time.sleep(0.01)
    assert seen[-1].trouble == ""
    leave()


def test_a_lease_is_never_taken_by_a_panel(draft: str) -> None:
    feed_of(draft).look()
    fence = Journal(home()).acquire(draft, ProcessId.current())
    assert fence == 1
    Journal(home()).release(draft, fence)
