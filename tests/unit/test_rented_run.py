"""A run on a rented machine: its measurements as they are read and kept, its queue and its money as they are said."""

from __future__ import annotations

import json
import struct
from collections.abc import Iterable
from typing import Any

from panel_facts import PLAN, facts, plan, until

from tunebook.pipeline.home import home
from tunebook.pipeline.journal import Journal
from tunebook.pipeline.journal.store import Event
from tunebook.pipeline.plan.model import Chosen, Plan, Price
from tunebook.pipeline.process import ProcessId
from tunebook.pipeline.run_folder import RunFolder
from tunebook.pipeline.watch import Live
from tunebook.pipeline.watch.hardware import Hardware
from tunebook.widgets.facts import Facts
from tunebook.widgets.feed import PointLog, _moving
from tunebook.widgets.rented import hardware_view, rented_facts, spent
from tunebook.widgets.snapshot import run_snapshot


def line(time: float, **changed: Any) -> str:
    gpu = {"gpu_pct": 87.2, "gpu_memory_gib": 21.44, "gpu_memory_total_gib": 24.0}
    values = {"time": time, **gpu, "cpu_pct": 30.0, "memory_gib": 9.0, "memory_total_gib": 32.0}
    return json.dumps(values | changed)


def measured(lines: Iterable[str]) -> Hardware:
    made = Hardware()
    for one in lines:
        made.take(one)
    return made


# Measurements


def test_a_days_measurements_stay_few_and_every_second_of_the_first_ten_minutes_is_kept() -> None:
    points = measured(line(1000.0 + second) for second in range(86_400)).series["hardware/gpu_pct"]
    assert [point.time for point in points[:600]] == [1000.0 + second for second in range(600)]
    assert len(points) < 4000
    assert [point.step for point in points] == list(range(len(points)))


def test_points_that_are_far_apart_are_the_mean_of_what_was_measured_between_them() -> None:
    flickering = measured(line(second, gpu_pct=100.0 * (second % 2)) for second in range(36_000))
    late = [point.value for point in flickering.series["hardware/gpu_pct"] if point.time > 30_000]
    assert all(value is not None and 45 < value < 55 for value in late)


def test_a_pause_in_the_measurements_is_a_gap_and_no_line_across_it() -> None:
    points = measured([line(1), line(2), line(100), line(101)]).series["hardware/gpu_pct"]
    assert [(point.time, point.value is None) for point in points] == [
        (1.0, False),
        (2.0, False),
        (2.0, True),
        (100.0, False),
        (101.0, False),
    ]


def test_what_is_no_measurement_or_was_said_before_changes_nothing() -> None:
    odd = ["", "{", "[]", "7", '{"time": NaN}', '{"time": "soon"}', line(5), line(5), line(4), line(6, gpu_pct="high")]
    series = measured(odd).series
    assert [point.time for point in series["hardware/gpu_pct"]] == [5.0]
    assert [point.time for point in series["hardware/memory_gib"]] == [5.0, 6.0]


def test_without_a_gpu_the_cpu_is_looked_at() -> None:
    nothing = {"gpu_pct": None, "gpu_memory_gib": None, "gpu_memory_total_gib": None}
    hardware = measured([line(1, **nothing), line(2, **nothing, memory_total_gib=0)])
    usage = hardware.usage()
    assert usage is not None
    assert (usage.of, usage.pct, usage.gib, usage.total_gib) == ("cpu", 30.0, 9.0, None)
    assert sorted(hardware.series) == ["hardware/cpu_pct", "hardware/memory_gib"]


def test_live_reads_whole_lines_as_they_come_and_a_run_without_the_file_has_no_measurements() -> None:
    journal = Journal(home())
    journal.save_plan(PLAN, plan().model_dump(mode="json"))
    created, *events = until("attempt")
    journal.create_run("rented-run", created.data, same_as=None)
    fence = journal.acquire("rented-run", ProcessId.current())
    for event in events:
        journal.append("rented-run", event.kind, fence=fence, **event.data)
    live = Live("rented-run")
    live.poll()
    assert (live.hardware.usage(), live.hardware.series) == (None, {})
    path = RunFolder("rented-run").job("train", 1) / "hardware.jsonl"
    path.parent.mkdir(parents=True)
    path.write_text(line(1001) + "\n" + line(1002)[:20])
    live.poll()
    assert [point.time for point in live.hardware.series["hardware/gpu_pct"]] == [1001.0]
    with path.open("a") as file:
        file.write(line(1002)[20:] + "\n")
    live.poll()
    assert [point.time for point in live.hardware.series["hardware/gpu_pct"]] == [1001.0, 1002.0]
    journal.append("rented-run", "cancelled", fence=fence)


def test_measurements_travel_with_the_metrics_but_are_none_of_them() -> None:
    live = Live("any")
    live.hardware = measured([line(1001), line(1002)])
    message = PointLog().take(live, 1000.0)
    assert message is not None
    sent = {one["name"]: buffer for one, buffer in zip(message.content["series"], message.buffers, strict=True)}
    assert list(struct.iter_unpack("<3d", sent["hardware/gpu_pct"])) == [(0.0, 87.2, 1.0), (1.0, 87.2, 2.0)]
    assert live.series == {}


# Queue and money


def rented_plan() -> Plan:
    price = Price(usd_per_hour=0.80, read_at=0, source="live")
    return plan(usd=0.42, price=price, chosen=Chosen(backend="hf-jobs", flavor="l4x1", tuning="lora"))


def story(*states: tuple[str, float, dict[str, Any]]) -> list[Event]:
    """The events of a rented run whose training was submitted at 2000 and came into these states at these times."""
    events = until("stage", max_usd=0.42)
    told = [("submitting", 2000.0, {"backend": "hf-jobs", "timeout_s": 1890})]
    told += [("attempt", time, {"state": state, **data}) for state, time, data in states]
    for kind, time, data in told:
        stage = {"n": 1, "stage": "train"}
        events.append(Event(seq=len(events) + 1, run_id=events[0].run_id, time=time, kind=kind, data=stage | data))
    return events


def seen(now: float, *states: tuple[str, float, dict[str, Any]], **known: Any) -> Facts:
    return facts(story(*states), plan=rented_plan(), now=now, **known)


def said(known: Facts) -> dict[str, str]:
    return {one["label"]: one["value"] for one in rented_facts(known)}


QUEUED = ("queued", 2001.0, {"job_id": "j"})
RUNNING = ("running", 2040.0, {})


def test_a_job_in_the_queue_costs_nothing_and_its_wait_is_counted() -> None:
    waits = seen(2126.0, QUEUED)
    price = {"price": "$0.80 an hour", "spent": "$0 of at most $0.42"}
    assert said(waits) == {"job": "queued", "in the queue": "2.1 min"} | price
    shown = run_snapshot(waits)
    assert shown["run"]["sentence"] == "In the queue for 2.1 min. It costs nothing until it runs."
    assert (shown["status"]["pill"], shown["stages"][3]["note"]) == ("queued", "in the queue for 2.1 min")
    assert shown["status"]["spent"] == "$0 of at most $0.42"


def test_money_is_counted_from_when_the_job_left_the_queue() -> None:
    begun, later = seen(2041.0, QUEUED, RUNNING), seen(2040.0 + 495, QUEUED, RUNNING)
    assert said(begun)["spent"] == "$0.00 of at most $0.42"
    assert said(later)["spent"] == run_snapshot(later)["status"]["spent"] == "$0.11 of at most $0.42"
    assert (said(later)["job"], said(later)["in the queue"]) == ("running for 8.3 min", "40 s")


def test_another_supervisor_that_takes_over_does_not_turn_back_the_money() -> None:
    taken_over = seen(2040.0 + 495, QUEUED, RUNNING, ("queued", 2500.0, {}))
    assert (said(taken_over)["job"], spent(taken_over)) == ("running for 8.3 min", "$0.11 of at most $0.42")
    assert "queue" not in run_snapshot(taken_over)["run"]["sentence"]


def test_a_job_can_cost_no_more_than_its_time_limit_and_what_was_settled_counts() -> None:
    assert spent(seen(90_000.0, QUEUED, RUNNING)) == "$0.42 of at most $0.42"
    settled = seen(90_000.0, QUEUED, RUNNING, ("succeeded", 3300.0, {"usd": 0.28}))
    assert (said(settled)["job"], spent(settled)) == ("succeeded after 21 min", "$0.28 of at most $0.42")


def test_a_job_that_ended_while_nobody_looked_is_not_said_to_have_cost_nothing() -> None:
    alone = seen(2600.0, QUEUED, RUNNING)
    alone.run.attempts[-1].state = "lost"  # as `look` corrects it
    assert spent(alone) == "not settled, at most $0.42"


def test_a_run_on_this_machine_says_nothing_of_it() -> None:
    here = facts(until("attempt"))
    assert (rented_facts(here), hardware_view(here)) == ([], None)


def test_a_second_alone_is_told_while_it_is_seen_and_not_where_it_is_not() -> None:
    assert _moving(seen(2010.0, QUEUED)) != _moving(seen(2011.0, QUEUED))
    assert _moving(seen(9010.0, QUEUED)) == _moving(seen(9011.0, QUEUED))


def test_the_present_use_is_shown_while_it_is_fresh_and_the_whole_of_it_at_the_end() -> None:
    usage = measured([line(2100), line(2101, gpu_pct=50.0, gpu_memory_gib=3.0)]).usage()
    now = hardware_view(seen(2102.0, QUEUED, RUNNING, usage=usage))
    assert now == {
        "title": "GPU",
        "use": "hardware/gpu_pct",
        "memory": "hardware/gpu_memory_gib",
        "total": 24.0,
        "shown": {"use": 50, "memory": 3.0},
        "note": "",
    }
    stale = hardware_view(seen(2160.0, QUEUED, RUNNING, usage=usage))
    assert stale is not None
    assert (stale["shown"], stale["note"]) == ({"use": None, "memory": None}, "not measured just now")
    ended = hardware_view(seen(2160.0, QUEUED, RUNNING, ("succeeded", 2150.0, {"usd": 0.03}), usage=usage))
    assert ended is not None
    assert (ended["shown"], ended["note"]) == ({"use": 69, "memory": 21.4}, "mean use, most memory")
