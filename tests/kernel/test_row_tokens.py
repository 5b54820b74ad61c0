"""The tokens of any row in a real kernel, which stays free and imports nothing heavy; and the table of a run's panel."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from kernel.kernel import Kernel, kernel
from kernel.test_inspector_table import Asked, reply, snapshot
from panel_facts import PLAN, STORY, plan
from processes import until

from tunebook.pipeline.data.inspection import inspect_data
from tunebook.pipeline.home import home
from tunebook.pipeline.journal import Journal

RUN = "kinds-draft"
LEFT = "import sys\nprint([name for name in ('torch', 'trl', 'transformers', 'datasets') if name in sys.modules])"


@pytest.fixture
def one(tmp_path: Path) -> Iterator[Kernel]:
    with kernel(tmp_path, widgets=True) as made:
        yield made


def workers(one: Kernel) -> list[psutil.Process]:
    """The processes that label rows for this kernel."""
    pid = int(one.run("import os\nprint(os.getpid())").stdout)
    found = []
    for process in psutil.Process(pid).children():
        try:
            found += [process] if "tunebook.pipeline.data.lookout" in " ".join(process.cmdline()) else []
        except psutil.Error:
            continue  # it has just ended
    return found


def test_any_row_is_seen_as_the_trainer_will_while_the_kernel_stays_free(
    one: Kernel, kinds: Path, model_folder: Path
) -> None:
    asked = Asked(one, expression=f"{str(kinds)!r}, {str(model_folder)!r}")
    done = looked_at(one)
    assert done["view"]["lens"] == {"method": "sft", "note": ""}
    shown = {row["index"]: row for row in done["view"]["preview"]}
    asked("tokens", "a", wait=False, row=900, near=[901, 902])
    waiting = reply(one.heard(lambda message: bool(reply(message).get("waiting")), timeout=60))
    assert (waiting["id"], waiting["waiting"]) == ("a", "Reading the rows")
    began = time.monotonic()
    assert one.run("1 + 1").of("execute_result")[0]["data"]["text/plain"] == "2"
    assert time.monotonic() - began < 5
    found = reply(one.heard(lambda message: "seen" in reply(message), timeout=60))
    assert (found["seen"]["index"], [row["index"] for row in found["near"]]) == (900, [901, 902])
    assert found["seen"]["trained"] > 0 and found["seen"]["raw"] == {}
    # The same as the inspection made of a row of the page.
    same = asked("tokens", "b", row=3)["seen"]
    assert same == shown[3] | {"raw": {}}
    assert asked("tokens", "c", row=10**9)["error"].startswith("Row 1,000,000,000 is none of the 1,200")
    assert one.run(LEFT).stdout == "[]\n"
    (worker,) = workers(one)
    assert one.run("panel.close()").stdout == ""
    until(lambda: not psutil.pid_exists(worker.pid), "the process to end with its panel", 10)


def test_the_process_ends_with_a_kernel_that_is_killed(one: Kernel, kinds: Path, model_folder: Path) -> None:
    asked = Asked(one, expression=f"{str(kinds)!r}, {str(model_folder)!r}")
    looked_at(one)
    asked("tokens", "a", wait=False, row=900)
    one.heard(lambda message: bool(reply(message).get("waiting")), timeout=60)
    (worker,) = workers(one)
    one.manager.interrupt_kernel()
    time.sleep(1)
    assert worker.is_running()  # an interrupt is for the cell, not for it
    os.kill(worker.ppid(), 9)
    until(lambda: not psutil.pid_exists(worker.pid) or worker.status() == psutil.STATUS_ZOMBIE, "its end", 10)


def looked_at(one: Kernel) -> dict[str, Any]:
    """The snapshot with what the inspection has found."""

    def done(message: dict[str, Any]) -> bool:
        shown = snapshot(message) or {}
        return bool(shown.get("view") or shown.get("problem"))

    found = snapshot(one.heard(done, timeout=120)) or {}
    assert not found["problem"], found["problem"]
    return found


def comm_of(one: Kernel) -> str:
    (opened,) = [
        message["content"]["comm_id"]
        for message in one.run(f"panel = tunebook.FinetunePanel('{RUN}')\npanel").messages
        if message["msg_type"] == "comm_open" and "_esm" in message["content"]["data"]["state"]
    ]
    return str(opened)


def ask(one: Kernel, comm: str, kind: str, name: str, **more: Any) -> dict[str, Any]:
    one.send(comm, {"kind": kind, "id": name, **more})

    def wanted(message: dict[str, Any]) -> bool:
        return reply(message).get("id") == name and not reply(message).get("waiting")

    return reply(one.heard(wanted, timeout=60))


def test_the_panel_of_a_run_has_the_same_table_as_soon_as_somebody_looks(
    one: Kernel, kinds: Path, model_folder: Path
) -> None:
    rows = kinds / "train.jsonl"
    inspection = inspect_data(str(kinds), model=str(model_folder))
    made = Journal(home())
    made.save_plan(PLAN, plan(inspection=inspection).model_dump(mode="json"))
    made.create_run(RUN, STORY[0][1], same_as=None)
    made.append(RUN, "planned", plan_id=PLAN, max_usd=0.0)
    try:
        one.run("import tunebook")
        comm = comm_of(one)
        one.send(comm, {"kind": "hello"})
        one.run("import time; time.sleep(1)")
        # Nobody has looked at the data: nothing of the table is imported, copied or started.
        assert one.run("import sys\nprint('duckdb' in sys.modules)").stdout == "False\n"
        assert not (home() / "tables").exists()
        one.send(comm, {"kind": "look"})
        one.send(comm, {"kind": "look"})
        shown = snapshot(one.heard(lambda message: bool((snapshot(message) or {}).get("table")))) or {}
        assert (shown["run_id"], shown["table"]["rows"]) == (RUN, len(rows.read_text().splitlines()))
        assert shown["data"]["lens"]["method"] == "sft"
        page = ask(one, comm, "page", "p", start=1000, length=2)
        assert [row[0] for row in page["rows"]] == [1000, 1001]
        for finding in shown["data"]["findings"]:
            view = ask(one, comm, "view", finding["key"], rows=finding["examples"], finding=finding["key"])
            assert view["count"] == finding["listed"]
        assert ask(one, comm, "tokens", "t", row=1000)["seen"]["trained"] > 0
        # The run goes on being followed, and what is said of the table stays.
        one.send(comm, {"kind": "hello"})
        again = snapshot(one.heard(lambda message: (snapshot(message) or {}).get("seq", 0) >= shown["seq"])) or {}
        assert again["table"] == shown["table"]
        (worker,) = workers(one)
        closing = (
            "import threading\npanel.close()\nown = ('tunebook-table', 'tunebook-lookout')\n"
            "def left(): return [t.name for t in threading.enumerate() if t.name.startswith(own)]\n"
            "for _ in range(100):\n    if not left(): break\n    time.sleep(0.05)\nprint(left())"
        )
        assert one.run(closing).stdout == "[]\n"
        until(lambda: not psutil.pid_exists(worker.pid), "the process to end with its panel", 10)
        assert one.run(LEFT).stdout == "[]\n"
    finally:
        made.append(RUN, "cancel_requested")
