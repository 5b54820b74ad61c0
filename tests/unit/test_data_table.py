"""The table gives the rows that plain Python would give, reads nothing else, writes nothing, and stops when told."""

from __future__ import annotations

import gzip
import json
import threading
import time
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tunebook.pipeline.data.rows import load_rows
from tunebook.pipeline.data.source import locate
from tunebook.pipeline.data.table import Cancel, Cancelled, Sort, Table, forget_old, open_table
from tunebook.pipeline.data.table.files import improve, tables
from tunebook.pipeline.data.table.scan import StoreScan
from tunebook.pipeline.errors import CallError, TunebookError

ROWS: list[dict[str, Any]] = [
    {
        "number": None if at % 7 == 3 else (at * 37) % 11 - 4,
        "share": (at * 0.37) % 1,
        "text": None if at % 11 == 5 else ["Alpha", "beta 'x'", 'GAMMA "y"', "δελτα ä", ""][at % 5] + str(at % 13),
        "turns": [{"role": "user", "content": f'Say "{at}"\nnow'}, {"role": "assistant", "content": "ß" * (at % 3)}],
        "a b": at % 2 == 0,
    }
    for at in range(257)
]


def write(path: Path, rows: list[dict[str, Any]] = ROWS, group: int = 50) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.Table.from_pylist(rows), path, row_group_size=group)
    return path


@pytest.fixture(scope="module", params=["in place", "two files", "copied"])
def table(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Table:
    folder = tmp_path_factory.mktemp("rows")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TUNEBOOK_HOME", str(folder / "home"))
        if request.param == "two files":
            write(folder / "data" / "train-00000-of-00002.parquet", ROWS[:101])
            write(folder / "data" / "train-00001-of-00002.parquet", ROWS[101:])
            return open_table(folder / "data")
        path = write(folder / "rows.parquet")
        made = open_table(path)
        assert made.in_place
        if request.param == "copied":
            assert improve(made, locate(str(path)), cancel=Cancel())
            assert not made.in_place
        return made


def numbers_of(table: Table, view: Any, start: int, length: int) -> list[int]:
    return [number for number, _ in table.page(view, start, length).rows]


def holds(row: dict[str, Any], needle: str) -> bool:
    in_json = json.dumps(needle, ensure_ascii=False)[1:-1].lower()
    turns = json.dumps(row["turns"], ensure_ascii=False, separators=(",", ":")).lower()
    return needle.lower() in (row["text"] or "").lower() or in_json in turns


def test_columns_and_count(table: Table) -> None:
    kinds = {column.name: column.kind for column in table.columns}
    assert kinds == {"number": "number", "share": "number", "text": "text", "turns": "nested", "a b": "bool"}
    assert table.count == len(ROWS)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    start=st.integers(0, 300),
    length=st.integers(0, 90),
    needle=st.sampled_from(["", "ALPHA", "ä", '"1', "\n", "x'", "%", "_", "nothing"]),
    least=st.none() | st.integers(-5, 8),
    chosen=st.none() | st.lists(st.integers(-3, 300), max_size=60),
    order=st.none() | st.tuples(st.sampled_from(["number", "share", "text"]), st.booleans()),
)
def test_any_page_of_any_view_is_the_slice_that_plain_python_gives(
    table: Table,
    start: int,
    length: int,
    needle: str,
    least: int | None,
    chosen: list[int] | None,
    order: tuple[str, bool] | None,
) -> None:
    view = table.view(
        search=needle or None,
        where=None if least is None else f"number >= {least}",
        rows=chosen,
        sort=Sort(*order) if order else None,
    )
    expected = [
        at
        for at, row in enumerate(ROWS)
        if (not needle or holds(row, needle))
        and (least is None or (row["number"] is not None and row["number"] >= least))
        and (chosen is None or at in chosen)
    ]
    if order:
        name, descending = order
        filled = [at for at in expected if ROWS[at][name] is not None]
        filled.sort(key=lambda at: ROWS[at][name], reverse=descending)  # stable: equal ones stay as they lie
        expected = filled + [at for at in expected if ROWS[at][name] is None]
    assert (view.count, view.done) == (len(expected), True)
    page = table.page(view, start, length)
    assert [number for number, _ in page.rows] == expected[start : start + length]
    for number, cells in page.rows:
        row = ROWS[number]
        assert cells[0] == (None if row["number"] is None else str(row["number"]))
        assert cells[1] is not None and float(str(cells[1])) == row["share"]
        assert cells[2] == row["text"]
        assert json.loads(str(cells[3])) == row["turns"]
        assert cells[4] == ("true" if row["a b"] else "false")


def test_a_page_can_be_of_some_columns_and_its_cells_are_cut(table: Table) -> None:
    page = table.page(table.view(), 7, 2, [3, 99, 0], most=10)
    assert page.columns == [3, 0]
    whole = len(json.dumps(ROWS[7]["turns"], ensure_ascii=False, separators=(",", ":")))
    assert page.rows[0][1] == [('[{"role":"', whole), str(ROWS[7]["number"])]
    assert table.row(8)[2] == ROWS[8]["text"]
    with pytest.raises(CallError, match="rows go from 0 to 256"):
        table.row(257)


def test_a_search_gives_its_first_hits_before_it_has_ended(table: Table, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tunebook.pipeline.data.table.table.FIRST_ROWS", 20)
    monkeypatch.setattr("tunebook.pipeline.data.table.table.MOST_ROWS", 100)
    told: list[tuple[int, bool, float]] = []
    view = table.view(search="alpha", seen=lambda view, share: told.append((view.count, view.done, share)))
    hits = [at for at, row in enumerate(ROWS) if holds(row, "alpha")]
    assert told[0] == (len([at for at in hits if at < 20]), False, 20 / 257)
    assert told[-1] == (len(hits), True, 1.0)
    assert numbers_of(table, view, 30, 99) == hits[30:]


def test_the_profile_and_the_histogram_are_those_of_plain_python(table: Table) -> None:
    numbers = [row["number"] for row in ROWS if row["number"] is not None]
    profile = table.profile("number")
    assert (profile.rows, profile.nulls, profile.distinct, profile.exact) == (257, 257 - len(numbers), 11, True)
    assert (profile.least, profile.most, profile.quantiles["p50"]) == ("-4", "6", sorted(numbers)[len(numbers) // 2])
    counts = {str(value): numbers.count(value) for value in numbers}
    assert dict(profile.frequent) == {key: counts[str(key)] for key, _ in profile.frequent}
    assert profile.frequent[0][1] == max(counts.values())
    bars = table.histogram("number", 40)
    assert bars.edges == [*(float(value) for value in range(-4, 7)), 6.0]
    assert bars.counts == [numbers.count(value) for value in range(-4, 7)]
    shares = table.histogram("share", 10)
    assert sum(shares.counts) == 257 and len(shares.counts) == 10
    lengths = table.histogram("text", 40)
    texts = [len(row["text"]) for row in ROWS if row["text"] is not None]
    assert (lengths.of, lengths.edges[0], lengths.edges[-1]) == ("length", min(texts), max(texts))
    assert lengths.counts == [texts.count(size) for size in range(min(texts), max(texts) + 1)]
    assert table.profile("turns").quantiles["p50"] == 2.0
    assert table.profile("a b").frequent == [("true", 129), ("false", 128)]
    with pytest.raises(CallError, match="nothing to count"):
        table.histogram("a b")
    with pytest.raises(CallError, match="is not there"):
        table.profile("nope")


def test_a_condition_can_be_whatever_sql_can_say_of_the_rows(table: Table) -> None:
    assert table.view(where="share > (select avg(share) from data)").count == sum(
        row["share"] > sum(other["share"] for other in ROWS) / 257 for row in ROWS
    )
    assert table.view(where="\"a b\" and turns[1].content like '%16%' -- as a remark").count == sum(
        "16" in str(at) for at in range(0, 257, 2)
    )
    assert table.view(where="text = 'nothing'").count == 0


HOSTILE = [
    "1=1) union all (select 1",
    "1=1; drop view data",
    "1=1); copy (select 42) to '{out}'; --",
    "1; copy (select 42) to '{own}' (format csv, use_tmp_file false)",
    "number in (select 1 from read_text('{secret}'))",
    "exists (select * from read_csv('{secret}'))",
    "exists (select * from read_blob('{secret}'))",
    "exists (select * from '{secret}')",
    "exists (select * from glob('{folder}/*'))",
    "exists (from read_json('{secret}'))",
    "exists (from sniff_csv('{secret}'))",
    "exists (from parquet_metadata('{other}'))",
    "exists (from read_parquet('{other}'))",
    "exists (from query('copy data to ''{out}'''))",
    "exists (from query_table('{other}'))",
    "(attach '{out}')",
    "(install httpfs)",
    "(pragma enable_profiling)",
    "(set enable_external_access = true)",
    "exists (with made as (insert into data values (1)) select 1)",
    "exists (from read_text('https://example.invalid/'))",
    "exists (from ROWS)",
    " ",
    "true, false",
    "*",
    "text = 'open",
    "/* open",
    "?",
    "$1 = 1",
]


@pytest.mark.parametrize("where", HOSTILE)
def test_hostile_sql_reads_no_other_file_and_writes_none(table: Table, tmp_path: Path, where: str) -> None:
    secret = tmp_path / "secret.csv"
    secret.write_text("number\n1\n")
    other = write(tmp_path / "other.parquet", ROWS[:3])
    own = (table._scan.paths or [getattr(table._scan, "file", "")])[0]
    before, kept = sorted(tmp_path.iterdir()), Path(own).read_bytes()
    sql = where.format(out=tmp_path / "out", own=own, secret=secret, folder=tmp_path, other=other)
    with pytest.raises(CallError) as caught:
        table.view(where=sql)
    assert str(caught.value).startswith("the condition ") and "\n" not in str(caught.value)
    assert sorted(tmp_path.iterdir()) == before
    assert Path(own).read_bytes() == kept
    assert table.view(where="true").count == 257


def test_a_name_of_a_column_can_be_anything(tmp_path: Path) -> None:
    names = ['a"; drop view data; --', "select", "'", "ä", " ", "file_row_number", "A", "a"]
    path = write(tmp_path / "odd [1] *'s.parquet", [dict.fromkeys(names, at) for at in range(5)])
    table = open_table(path)
    assert len(table.columns) == len(names)
    assert table.page(table.view(sort=Sort(names[0], True)), 0, 1).rows == [(4, ["4"] * len(names))]
    assert table.view(where='"file_row_number" = 3').count == 1


def test_a_long_query_stops_at_once_when_it_is_cancelled(table: Table) -> None:
    endless = "(select sum(a.range * b.range) from range(1000000) a, range(1000000) b) > 0"
    for delay in (0.0, 0.01, 0.3):
        cancel, began = Cancel(), time.monotonic()
        timer = threading.Timer(delay, cancel.ask)
        timer.start()
        with pytest.raises(Cancelled):
            table.view(where=endless, cancel=cancel)
        assert time.monotonic() - began < delay + 2
    cancel = Cancel()
    cancel.ask()
    with pytest.raises(Cancelled):
        table.page(table.view(), 0, 5, cancel=cancel)
    assert numbers_of(table, table.view(), 250, 20) == list(range(250, 257))


def test_what_needs_more_memory_gets_it(table: Table) -> None:
    import duckdb

    table._root.execute("set global memory_limit = '1MB'")
    needy = "(select count(*) from (select hash(a.range) as h, count(*) from range(3000000) a group by h)) > 0"
    with pytest.raises(duckdb.OutOfMemoryException):
        table._root.execute(f"select 1 where {needy}").fetchall()
    assert table.view(where=needy).count == 257


def test_other_threads_go_on_while_one_query_is_long(table: Table) -> None:
    cancel = Cancel()
    endless = "(select sum(a.range * b.range) from range(1000000) a, range(1000000) b) > 0"

    def wait() -> None:
        with pytest.raises(Cancelled):
            table.view(where=endless, cancel=cancel)

    long = threading.Thread(target=wait)
    long.start()
    assert numbers_of(table, table.view(where="number = 6"), 0, 1)
    cancel.ask()
    long.join(5)
    assert not long.is_alive()


@pytest.mark.parametrize("name", ["rows.jsonl.gz", "rows.json", "rows.tsv", "rows.txt"])
def test_other_files_are_copied_once(tmp_path: Path, name: str) -> None:
    rows = [{"id": at, "text": f"line {at}"} for at in range(40)]
    path = tmp_path / name
    if ".jsonl" in name:
        text = "".join(json.dumps(row) + "\n" for row in rows)
    elif name.endswith("json"):
        text = json.dumps(rows)
    else:
        mark = "\t" if name.endswith("tsv") else ","
        head = "" if name.endswith("txt") else f"id{mark}text\n"
        text = head + "".join(f"{row['id']}{mark}{row['text']}\n" for row in rows)
    path.write_bytes(gzip.compress(text.encode()) if name.endswith("gz") else text.encode())
    table = open_table(path)
    assert table.count == 40 and not table.in_place
    assert [cells[-1] for _, cells in table.page(table.view(), 38, 5).rows] == (
        ["38,line 38", "39,line 39"] if name.endswith("txt") else ["line 38", "line 39"]
    )
    (copy,) = tables().glob("*.duckdb")
    made = copy.stat().st_ino
    assert open_table(path).count == 40
    assert [each.stat().st_ino for each in tables().glob("*.duckdb")] == [made]


def test_a_file_that_datasets_gives_up_on_is_read_as_far_as_it_goes(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_bytes(b'{"a": "one", "b": [1]}\n{"a": "broken\n{"a": 3, "b": {"c": "\xff"}}\n[1]\n{"c": true}\n')
    table = open_table(path)
    rows = [cells for _, cells in table.page(table.view(), 0, 9).rows]
    assert rows == [["one", "[1]", None], [None, None, "true"]]
    cut = tmp_path / "cut.jsonl.gz"
    whole = gzip.compress("".join(json.dumps({"a": at, "b": f"{at * 7919}"}) + "\n" for at in range(5000)).encode())
    cut.write_bytes(whole[: len(whole) // 2])
    assert 100 < open_table(cut).count < 5000


@pytest.mark.parametrize("bad", [b'{"text": "row \xff"}', b'{"text": ', b"[1, 2]", b"  ", b'{"text": null}'])
def test_a_line_that_the_inspection_leaves_out_is_no_row_of_the_table_either(tmp_path: Path, bad: bytes) -> None:
    path = tmp_path / "rows.jsonl"
    lines = [json.dumps({"text": f"row {number}"}).encode() for number in range(30)]
    path.write_bytes(b"\n".join([*lines[:5], bad, *lines[6:]]) + b"\n")
    source = locate(str(path))
    inspected = load_rows(str(path), source, mend_in=tmp_path / "mended").train
    table = open_table(source)
    assert [table.row(number) for number in range(table.count)] == [[text] for text in inspected["text"]]


@pytest.mark.parametrize("ending", ["parquet", "jsonl"])
@pytest.mark.parametrize("part", ["train[250:]", "train[:7]", "train[50%:]", "train[-3:]"])
def test_a_part_of_a_split_is_numbered_from_its_own_beginning(tmp_path: Path, ending: str, part: str) -> None:
    path = tmp_path / f"rows.{ending}"
    if ending == "parquet":
        write(path)
    else:
        path.write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    source = locate(str(path), split=part)
    table = open_table(source)
    shown = [table.row(number)[2] for number in range(table.count)]
    assert shown == load_rows(str(path), source).train["text"]
    assert not improve(table, source, cancel=Cancel())


def test_a_compressed_file_with_a_broken_line_is_read_in_every_compression(tmp_path: Path) -> None:
    from tunebook.pipeline.data.table.reading import _json_lines

    content = b'{"a": 1}\n{"a": \n{"a": 3}\n'
    for codec, ending in {"gzip": "gz", "bz2": "bz2", "zstd": "zst"}.items():
        path = tmp_path / f"rows.jsonl.{ending}"
        with pa.output_stream(str(path), compression=codec) as out:
            out.write(content)
        assert list(_json_lines(path)) == [{"a": 1}, {"a": 3}]


def test_what_cannot_be_read_is_one_line(tmp_path: Path) -> None:
    for name, content in {"a.parquet": b"no parquet", "b.jsonl": b"not json\n", "c.parquet": b"PAR1" * 9}.items():
        path = tmp_path / name
        path.write_bytes(content)
        with pytest.raises(CallError) as caught:
            open_table(path)
        assert "\n" not in str(caught.value)
        assert "cannot be read" in str(caught.value)
    assert not [left for left in tables().iterdir() if "part" in left.name]


def test_objects_in_memory_are_tables_too() -> None:
    import datasets
    import pandas as pd

    rows = [{"id": at, "text": f"row {at}"} for at in range(30)]
    made = datasets.Dataset.from_list(rows)
    for given_rows in (made, made.shuffle(seed=1).sort("id"), pd.DataFrame(rows), pa.Table.from_pylist(rows)):
        table = open_table(given_rows)
        assert table.page(table.view(sort=Sort("id", True)), 0, 1).rows == [(29, ["29", "row 29"])]
    assert not list(tables().glob("memory-*"))
    with pytest.raises(CallError, match="holds no rows"):
        open_table(7)


def test_a_changed_file_is_another_table_and_old_copies_go(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text('{"a": 1}\n')
    assert open_table(path).count == 1
    path.write_text('{"a": 1}\n{"a": 2}\n')
    assert open_table(path).count == 2
    assert len(list(tables().glob("*.duckdb"))) == 2
    assert len(forget_old(keep_bytes=0)) == 2


def test_a_cancelled_copy_leaves_nothing(tmp_path: Path) -> None:
    path = tmp_path / "rows.txt"
    path.write_text("line\n" * 100_000)
    cancel = Cancel()
    threading.Timer(0.2, cancel.ask).start()
    with pytest.raises(Cancelled):
        open_table(path, cancel=cancel)
    assert not list(tables().iterdir())


def test_a_parquet_file_that_changes_while_it_is_shown_is_one_line(tmp_path: Path) -> None:
    path = write(tmp_path / "rows.parquet")
    table = open_table(path)
    path.write_bytes(b"PAR1 something else entirely PAR1")
    with pytest.raises(TunebookError) as caught:
        table.profile("text")
    assert "\n" not in str(caught.value)


def test_a_broken_copy_is_removed_and_made_again(tmp_path: Path) -> None:
    path = write(tmp_path / "rows.parquet")
    table = open_table(path)
    assert improve(table, locate(str(path)), cancel=Cancel())
    (copy,) = tables().glob("*.duckdb")
    table.close()
    copy.write_bytes(b"broken")
    with pytest.raises(TunebookError, match="removed"):
        open_table(path)
    assert open_table(path).count == 257


def test_many_rows_many_columns_and_none(tmp_path: Path) -> None:
    wide = open_table(write(tmp_path / "wide.parquet", [{f"c{at}": at for at in range(5000)}]))
    assert len(wide.columns) == 5000
    assert wide.page(wide.view(), 0, 10, range(40, 42)).rows == [(0, ["40", "41"])]
    pq.write_table(pa.table({"a": pa.array([], pa.int64())}), tmp_path / "none.parquet")
    none = open_table(tmp_path / "none.parquet")
    assert (none.count, none.page(none.view(sort=Sort("a")), 0, 10).rows) == (0, [])
    assert none.histogram("a").counts == []
    assert none.profile("a").nulls == 0


def test_extremes_of_numbers_do_not_break_a_histogram(tmp_path: Path) -> None:
    rows = [{"f": value, "i": at} for at, value in enumerate([float("inf"), float("nan"), 1e308, -1e308, 0.0, None])]
    rows[0]["i"] = 2**62
    table = open_table(write(tmp_path / "rows.parquet", rows))
    assert sum(table.histogram("f").counts) == 3
    assert sum(table.histogram("i").counts) == 6
    assert table.profile("f").nulls == 1


def test_importing_the_table_imports_nothing_heavy() -> None:
    import subprocess
    import sys

    code = (
        "import sys, tunebook.pipeline.data.table; print([n for n in ('duckdb','numpy','pyarrow') if n in sys.modules])"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"
    assert isinstance(StoreScan("x", 1, ("a",)).sql(0, 1), str)
