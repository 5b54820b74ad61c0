"""The inspector's table in a real kernel: it answers while the kernel is busy and the inspection runs, and in one line."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from kernel.kernel import Kernel, kernel

ENDLESS = "(select sum(a.range * b.range) from range(1000000) a, range(1000000) b) > 0"
ROWS = 3000


@pytest.fixture
def rows(tmp_path: Path) -> Path:
    path = tmp_path / "rows.parquet"
    texts = [f"<b>row {at}</b> " + "long " * (at % 700) for at in range(ROWS)]
    pq.write_table(pa.table({"n": list(range(ROWS)), "text": texts}), path, row_group_size=500)
    return path


@pytest.fixture
def one(tmp_path: Path) -> Iterator[Kernel]:
    with kernel(tmp_path, widgets=True) as made:
        yield made


class Asked:
    """The panel of a cell and what its table answers."""

    def __init__(self, one: Kernel, path: Path | None = None, expression: str = "") -> None:
        self.kernel = one
        outcome = one.run(f"import tunebook\npanel = tunebook.DatasetInspector({expression or repr(str(path))})\npanel")
        assert not outcome.failed, outcome.stderr
        (opened,) = [
            message["content"]
            for message in outcome.messages
            if message["msg_type"] == "comm_open" and "_esm" in message["content"]["data"]["state"]
        ]
        self.comm = opened["comm_id"]
        one.later += outcome.messages
        self.shown = one.heard(lambda message: bool((snapshot(message) or {}).get("table")))

    def __call__(self, kind: str, name: str, wait: bool = True, **more: Any) -> dict[str, Any]:
        self.kernel.send(self.comm, {"kind": kind, "id": name, **more})
        return self.answer(kind, name) if wait else {}

    def answer(self, kind: str, name: str) -> dict[str, Any]:
        def wanted(message: dict[str, Any]) -> bool:
            content = reply(message)
            return (content.get("of"), content.get("id")) == (kind, name) and content.get("share", 1) == 1

        return reply(self.kernel.heard(wanted, timeout=30))


def snapshot(message: dict[str, Any]) -> dict[str, Any] | None:
    if message["msg_type"] not in ("comm_msg", "comm_open"):
        return None
    found = message["content"]["data"].get("state", {}).get("snapshot")
    return found if isinstance(found, dict) else None


def reply(message: dict[str, Any]) -> dict[str, Any]:
    content = message["content"].get("data", {}).get("content", {}) if message["msg_type"] == "comm_msg" else {}
    return content if content.get("kind") == "table" else {}


def test_the_table_is_there_before_the_inspection_has_ended(one: Kernel, rows: Path) -> None:
    asked = Asked(one, rows)
    shown = snapshot(asked.shown)
    assert shown is not None
    assert shown["view"] is None and shown["working"] == f"Reading {rows}"
    assert shown["table"] == {
        "columns": [
            {"name": "n", "type": "BIGINT", "kind": "number"},
            {"name": "text", "type": "VARCHAR", "kind": "text"},
        ],
        "rows": ROWS,
    }
    page = asked("page", "1", start=2990, length=50)
    assert [row[:2] for row in page["rows"]] == [[at, str(at)] for at in range(2990, ROWS)]
    beginning, length = page["rows"][0][2]
    assert len(beginning) == 300 and length > 300
    whole = asked("row", "2", row=2990)
    assert whole["cells"][1].startswith("<b>row 2990</b> long") and len(whole["cells"][1]) == length


def test_views_are_made_once_and_paged(one: Kernel, rows: Path) -> None:
    asked = Asked(one, rows)
    found = asked("view", "a", where="n % 2 = 0", sort={"column": "n", "descending": True})
    assert found["count"] == ROWS // 2
    assert [row[0] for row in asked("page", "b", view="a", start=0, length=3)["rows"]] == [2998, 2996, 2994]
    assert asked("view", "c", search="ROW 299")["count"] == 11
    assert asked("view", "d", rows=[7, 5, 99999])["count"] == 2
    assert [row[0] for row in asked("page", "e", view="d", start=0, length=9)["rows"]] == [5, 7]
    assert asked("page", "f", view="never made", start=0, length=9)["gone"]
    assert asked("profile", "g", column="n")["profile"]["most"] == "2999"
    assert sum(asked("histogram", "h", column="text")["histogram"]["counts"]) == ROWS


def test_a_busy_kernel_answers_as_soon_as_it_can_and_a_long_query_does_not_hold_it(one: Kernel, rows: Path) -> None:
    asked = Asked(one, rows)
    asked("view", "long", wait=False, where=ENDLESS)
    began = time.monotonic()
    assert one.run("1 + 1").of("execute_result")[0]["data"]["text/plain"] == "2"
    assert asked("page", "page", start=0, length=5)["rows"]
    assert time.monotonic() - began < 5
    assert asked("view", "newer", where="n < 3")["count"] == 3
    assert asked.answer("view", "long")["cancelled"]
    asked("view", "again", wait=False, where=ENDLESS)
    one.send(asked.comm, {"kind": "cancel", "of": "view"})
    assert asked.answer("view", "again")["cancelled"]


def test_a_broken_condition_is_one_line_and_nothing_is_printed(one: Kernel, rows: Path, tmp_path: Path) -> None:
    asked = Asked(one, rows)
    told = asked("view", "a", where="n >")["error"]
    assert told.startswith("The condition does not work (") and "\n" not in told and "Traceback" not in told
    assert "Cannot access file" in asked("view", "b", where="exists (from read_text('/etc/passwd'))")["error"]
    out = tmp_path / "out.csv"
    assert "error" in asked("view", "c", where=f"1=1); copy (select 1) to '{out}'; --")
    assert not out.exists()
    for wrong in (
        {"start": "x", "length": 1},
        {"start": 1},
        {"start": None, "length": []},
        {"start": True, "length": 1},
    ):
        assert "error" in asked("page", json.dumps(wrong), **wrong)
    assert asked("page", "d", start=-5, length=10**9)["start"] == 0
    outcome = one.run("print('quiet')")
    assert (outcome.stdout, outcome.stderr) == ("quiet\n", "")


def test_no_answer_is_larger_than_a_megabyte(one: Kernel, tmp_path: Path) -> None:
    path = tmp_path / "large.parquet"
    large = ["\u0000\U0001f989" * 3_000_000, *["ä" * 5000] * 500]
    pq.write_table(pa.table({f"c{at}": large if at < 3 else ["x" * 400] * 501 for at in range(120)}), path)
    asked = Asked(one, path)
    page = asked("page", "a", start=0, length=1000)
    assert len(page["columns"]) == 64 and len(page["rows"]) == 400
    assert len(json.dumps(page, ensure_ascii=False).encode()) < 1_000_000
    row = asked("row", "b", row=0)
    assert len(json.dumps(row, ensure_ascii=False).encode()) < 1_000_000
    assert row["cells"][0][1] == 6_000_000


def test_a_closed_panel_leaves_no_thread(one: Kernel, rows: Path) -> None:
    asked = Asked(one, rows)
    asked("view", "long", wait=False, where=ENDLESS)
    asked("page", "page", start=0, length=5)
    code = (
        "import threading, time\npanel.close()\n"
        "def left(): return [t.name for t in threading.enumerate() if t.name.startswith('tunebook-table')]\n"
        "for _ in range(100):\n    if not left(): break\n    time.sleep(0.05)\nprint(left())"
    )
    assert one.run(code).stdout == "[]\n"


def test_a_jsonl_is_prepared_and_a_missing_file_is_said_once(one: Kernel, kinds: Path, tmp_path: Path) -> None:
    asked = Asked(one, kinds)
    assert asked("view", "a", search="dazzlingly SKILLED")["count"] == 1
    one.run(f"other = tunebook.DatasetInspector({str(tmp_path / 'nothing.jsonl')!r})\nother")
    heard = one.heard(lambda message: bool((snapshot(message) or {}).get("table_problem")))
    told = (snapshot(heard) or {})["table_problem"]
    assert "nothing.jsonl" in told and "\n" not in told


@pytest.mark.parametrize("request_", [{"kind": "look"}, {"kind": "see_as", "model": ""}])
def test_a_table_that_failed_is_tried_again_when_somebody_looks(
    one: Kernel, tmp_path: Path, request_: dict[str, Any]
) -> None:
    path = tmp_path / "late.jsonl"
    (opened,) = [
        message["content"]["comm_id"]
        for message in one.run(f"import tunebook\npanel = tunebook.DatasetInspector({str(path)!r})\npanel").messages
        if message["msg_type"] == "comm_open" and "_esm" in message["content"]["data"]["state"]
    ]
    one.heard(lambda message: bool((snapshot(message) or {}).get("table_problem")))
    one.heard(lambda message: bool((snapshot(message) or {}).get("problem")))
    path.write_text("".join(json.dumps({"prompt": f"q{n}", "completion": "a"}) + "\n" for n in range(40)))
    one.send(opened, request_)
    shown = snapshot(one.heard(lambda message: bool((snapshot(message) or {}).get("table")))) or {}
    assert (shown["table"]["rows"], shown["table_problem"]) == (40, "")
    one.send(opened, {"kind": "page", "id": "a", "start": 39, "length": 5})
    page = one.heard(lambda message: reply(message).get("id") == "a")
    assert [row[0] for row in reply(page)["rows"]] == [39]


def test_a_frame_in_memory_is_shown_as_a_file_is(one: Kernel) -> None:
    one.run("import pandas\nframe = pandas.DataFrame({'prompt': [f'q{n}' for n in range(40)], 'completion': 'a'})")
    asked = Asked(one, expression="frame")
    assert asked("view", "a", search="q39")["count"] == 1
    done = snapshot(one.heard(lambda message: bool((snapshot(message) or {}).get("view")), timeout=120)) or {}
    assert (done["view"]["dataset"], done["view"]["rows"]) == ("DataFrame in memory", 40)
    assert one.run("tunebook.DatasetInspector([1])").failed


def test_all_rows_of_a_finding_are_shown_alone_not_just_its_examples(one: Kernel, tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    rows = [
        {"prompt": f"Say the number {n} in words, please", "completion": "" if n % 4 == 1 else "x"} for n in range(40)
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    asked = Asked(one, path)
    done = snapshot(one.heard(lambda message: bool((snapshot(message) or {}).get("view")), timeout=120)) or {}
    findings = done["view"]["findings"]
    empty = next(finding for finding in findings if "empty answer" in finding["message"])
    assert (empty["examples"], empty["listed"]) == ([1, 5, 9], 10)
    assert asked("view", "a", rows=[1, 5, 9], finding=empty["key"])["count"] == 10
    shown = asked("page", "b", view="a", start=0, length=20, columns=[0])
    assert [row[0] for row in shown["rows"]] == list(range(1, 40, 4))
    assert asked("view", "c", rows=[1, 5, 9], finding="no such key")["count"] == 3
