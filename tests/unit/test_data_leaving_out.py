"""Rows that are left out: the script leaves out exactly those that the inspection left out, whatever else is drawn."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tunebook.pipeline.data.inspection import inspect_data
from tunebook.pipeline.data.leaving_out import code, ranges, rows_of
from tunebook.pipeline.data.report import Finding, Fix, Inspection
from tunebook.pipeline.data.rows import load_rows
from tunebook.pipeline.data.source import load_code, locate
from tunebook.pipeline.errors import CallError

NUMBERS = st.sets(st.integers(0, 3000), min_size=1, max_size=400).map(sorted)
ROWS = [{"prompt": f"What is {n} + 1?", "completion": f"It is {n + 1}."} for n in range(60)]


def written(folder: Path, rows: list[dict[str, Any]]) -> str:
    path = folder / "rows.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return str(path)


class Rows(list[int]):
    """Numbered rows with the one method of a data set that the written lines call."""

    def select(self, places: list[int]) -> Rows:
        return Rows(self[place] for place in places)


@settings(deadline=None)
@given(NUMBERS, st.integers(0, 50))
def test_the_written_lines_leave_out_these_rows_and_no_others(numbers: list[int], more: int) -> None:
    rows = numbers[-1] + 1 + more
    names: dict[str, Any] = {"train_rows": Rows(range(rows))}
    text = "\n".join(code(numbers, rows))
    exec(text, names)
    assert names["train_rows"] == [row for row in range(rows) if row not in numbers]
    assert all(len(line) <= 120 for line in text.splitlines())


@given(NUMBERS)
def test_neighbours_are_written_as_one(numbers: list[int]) -> None:
    parts = [part.split("-") for part in ranges(numbers).split()]
    assert [n for part in parts for n in range(int(part[0]), int(part[-1]) + 1)] == numbers
    assert all(int(right[0]) > int(left[-1]) + 1 for left, right in pairwise(parts))


@pytest.mark.parametrize("drawn", [{}, {"rows": 20}, {"eval_share": 0.25}, {"rows": 30, "eval_share": 0.2}])
def test_script_and_inspection_train_on_the_same_rows(tmp_path: Path, drawn: dict[str, Any]) -> None:
    path, out = written(tmp_path, ROWS), [0, 7, 8, 59]
    source = locate(path)
    held = load_rows(path, source, leave_out=out, **drawn)
    names: dict[str, Any] = {}
    exec(
        "from datasets import load_dataset\n" + load_code(source, leave_out=code(out, len(ROWS)), **drawn),
        names,
    )
    assert names["train_rows"].to_list() == held.train.to_list()
    assert (names["eval_rows"].to_list() if names["eval_rows"] else None) == (
        held.eval.to_list() if held.eval else None
    )
    assert held.train.to_list() == [ROWS[number] for number in held.numbers]
    assert not {ROWS[number]["prompt"] for number in out} & {row["prompt"] for row in held.train}


def test_a_data_set_that_has_changed_since_ends_the_script(tmp_path: Path) -> None:
    lines = load_code(locate(written(tmp_path, ROWS[:50])), leave_out=code([3], len(ROWS)))
    with pytest.raises(SystemExit, match="60 rows were looked at"):
        exec("from datasets import load_dataset\n" + lines, {})


def test_what_is_left_out_is_not_found_again_and_the_file_stays_as_it_is(tmp_path: Path) -> None:
    flawed = [
        *ROWS[:40],
        {"prompt": "What is 41 + 1?", "completion": ""},
        ROWS[3],
        ROWS[5],
        {"prompt": "", "completion": "x"},
    ]
    path = written(tmp_path, flawed)
    before = Path(path).read_bytes()
    first = inspect_data(path)
    labels = {finding.id: finding.fix.label for finding in first.report.findings if finding.fix}
    assert labels == {"K13": "Leave these 2 rows out", "K14": "Leave out the 2 rows of K14"}
    out = rows_of(first, ["K13", "K14"])
    assert out == [40, 41, 42, 43]
    second = inspect_data(path, leave_out=out)
    assert [finding.message for finding in second.report.findings] == []
    assert (second.report.rows, second.split_rows, second.left_out) == (40, 44, out)
    assert second.fingerprint != first.fingerprint
    assert Path(path).read_bytes() == before


def test_nothing_is_offered_that_cannot_be_done(tmp_path: Path) -> None:
    every = inspect_data(written(tmp_path, [{"prompt": f"{n}?", "completion": ""} for n in range(30)]))
    assert [finding.fix for finding in every.report.findings if finding.id == "K14"] == [None], "no row would be left"
    with pytest.raises(CallError, match="leaves out every row"):
        inspect_data(written(tmp_path, ROWS), leave_out=range(60))


def test_only_findings_that_are_mended_by_it_are_left_out() -> None:
    def finding(message: str, fix: Fix | None, rows: list[int]) -> Finding:
        return Finding(
            id="K13", severity="info", rows=len(rows), share=0.1, examples=rows, message=message, remedy="", fix=fix,
            every=rows,
        )  # fmt: skip

    exact = finding("the same", Fix(fields={"leave_out": ["K13"]}, label=""), [4, 2])
    near = finding("nearly the same", None, [9])
    longer = finding("cut", Fix(fields={"max_length": 99}, label=""), [1])
    inspection = inspect_like([exact, near, longer])
    assert rows_of(inspection, ["K13"]) == [2, 4]
    with pytest.raises(CallError, match="names K99, which is no check"):
        rows_of(inspection, ["K99"])
    with pytest.raises(CallError, match="cannot be left out by their numbers"):
        rows_of(inspect_like([near, longer]), ["K13"])


def inspect_like(findings: list[Finding]) -> Inspection:
    from tunebook.pipeline.data.report import DataReport

    report = DataReport(
        dataset="", rows=10, columns=[], format="", methods={}, recommended=None, tokens=None, checks=[],
        findings=findings,
    )  # fmt: skip
    return Inspection(
        report=report,
        rows_found={finding.key: finding.every for finding in findings},
        preview=None,
        fingerprint="",
        train_rows=10,
        eval_rows=0,
        answer_kind="none",
    )
