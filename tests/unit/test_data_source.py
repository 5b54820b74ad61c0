"""A data set is found and read the same way by the inspection and by the training script, and a wrong one is told."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import datasets
import pandas
import polars
import pyarrow
import pytest
import zstandard
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import tunebook
from tunebook.pipeline.data.fingerprint import fingerprint
from tunebook.pipeline.data.inspection import inspect_data
from tunebook.pipeline.data.mended import mended_rows
from tunebook.pipeline.data.rows import load_rows, stored, training_rows
from tunebook.pipeline.data.source import load_code, locate
from tunebook.pipeline.errors import CallError
from tunebook.pipeline.home import home
from tunebook.pipeline.plan.looking import Watched, inspect_for
from tunebook.pipeline.spec import make_spec

ROWS = [{"prompt": f"Is {n} even?", "completion": "yes" if n % 2 == 0 else "no"} for n in range(40)]


def write(path: Path, rows: list[dict[str, Any]] = ROWS) -> Path:
    """Rows in the format that the name says."""
    frame = pandas.DataFrame(rows)
    match path.suffix:
        case ".jsonl":
            path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
        case ".json":
            path.write_text(json.dumps(rows), encoding="utf-8")
        case ".csv":
            frame.to_csv(path, index=False)
        case ".tsv":
            frame.to_csv(path, index=False, sep="\t")
        case ".parquet":
            frame.to_parquet(path)
        case ".arrow":
            table = pyarrow.Table.from_pylist(rows)
            with pyarrow.ipc.new_stream(str(path), table.schema) as out:
                out.write_table(table)
        case ".zst":
            path.write_bytes(zstandard.compress("".join(json.dumps(row) + "\n" for row in rows).encode()))
        case ".gz":
            with gzip.open(path, "wt", encoding="utf-8") as file:
                file.writelines(json.dumps(row) + "\n" for row in rows)
    return path


def read(path: Path, **keywords: Any) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = load_rows(str(path), locate(str(path)), **keywords).train.to_list()
    return rows


@pytest.mark.parametrize(
    "name", ["rows.jsonl", "rows.json", "rows.csv", "rows.tsv", "rows.parquet", "rows.arrow", "rows.jsonl.gz"]
)
def test_the_same_rows_have_one_fingerprint_in_every_kind_of_file(tmp_path: Path, name: str) -> None:
    rows = read(write(tmp_path / name))
    assert rows == ROWS
    assert fingerprint(rows, None) == fingerprint(ROWS, None)


def test_a_changed_letter_changes_the_fingerprint() -> None:
    changed = [*ROWS[:-1], {**ROWS[-1], "completion": "No"}]
    assert fingerprint(changed, None) != fingerprint(ROWS, None)
    assert fingerprint(ROWS[:20], ROWS[20:]) != fingerprint(ROWS, None)


def test_a_text_file_is_a_row_a_line(tmp_path: Path) -> None:
    (tmp_path / "poem.txt").write_text("one\ntwo\n", encoding="utf-8")
    assert read(tmp_path / "poem.txt") == [{"text": "one"}, {"text": "two"}]


@pytest.mark.parametrize(
    ("names", "train", "held_out"),
    [
        (["train.jsonl", "test.jsonl", "LICENSE.txt"], "train", "test"),
        (["train.jsonl", "test.jsonl", "validation.jsonl"], "train", "validation"),
        (["train-00000-of-00002.parquet", "train-00001-of-00002.parquet"], "train", None),
        (["anything.csv"], "train", None),
    ],
)
def test_a_folder_names_its_splits_by_its_files(tmp_path: Path, names: list[str], train: str, held_out: str) -> None:
    for name in names:
        if name.endswith(".txt"):
            (tmp_path / name).write_text("a licence")
        else:
            write(tmp_path / name)
    source = locate(str(tmp_path))
    assert (source.train_split, source.eval_split) == (train, held_out)
    rows = load_rows(str(tmp_path), source).train
    assert len(rows) == len(ROWS) * sum(name.startswith(("train", "anything")) for name in names)


def test_files_in_a_data_folder_are_found_as_on_the_hub(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    write(tmp_path / "data" / "train-00000-of-00001.parquet")
    assert locate(str(tmp_path)).builder == "parquet"


@pytest.mark.parametrize(
    ("files", "keywords"),
    [
        (["rows.jsonl"], {}),
        (["rows.jsonl"], {"eval_share": 0.2}),
        (["rows.jsonl"], {"rows": 10, "eval_share": 0.2, "seed": 7}),
        (["rows.tsv"], {"rows": 15}),
        (["train.jsonl", "test.jsonl"], {"rows": 10, "eval_share": 0.5}),
    ],
)
def test_the_script_reads_the_rows_that_were_inspected(
    tmp_path: Path, files: list[str], keywords: dict[str, Any]
) -> None:
    for name in files:
        write(tmp_path / name, ROWS if "test" not in name else ROWS[:4])
    dataset = str(tmp_path / files[0]) if len(files) == 1 else str(tmp_path)
    source = locate(dataset)
    held = load_rows(dataset, source, **keywords)
    names: dict[str, Any] = {}
    exec("from datasets import load_dataset\n" + load_code(source, **keywords), names)
    assert names["train_rows"].to_list() == held.train.to_list()
    assert (names["eval_rows"].to_list() if names["eval_rows"] else None) == (
        held.eval.to_list() if held.eval else None
    )


def test_row_numbers_survive_drawing_and_splitting(tmp_path: Path) -> None:
    path = str(write(tmp_path / "rows.jsonl"))
    held = load_rows(path, locate(path), rows=20, eval_share=0.25)
    assert len(held.train) == 15
    assert [ROWS[number] for number in held.numbers] == held.train.to_list()
    assert held.eval is not None
    assert not held.by_data_set


def test_objects_in_memory_are_read_and_stored_for_jobs(tmp_path: Path) -> None:
    whole = datasets.DatasetDict(train=datasets.Dataset.from_list(ROWS), test=datasets.Dataset.from_list(ROWS[:3]))
    held = load_rows(whole, None)
    assert (len(held.train), held.eval is not None and len(held.eval), held.by_data_set) == (40, 3, True)
    assert load_rows(pandas.DataFrame(ROWS), None).train.to_list() == ROWS
    assert load_rows(polars.DataFrame(ROWS), None).train.to_list() == ROWS
    assert load_rows(polars.LazyFrame(ROWS), None).train.to_list() == ROWS

    folder = stored(whole, tmp_path / "kept")
    again = load_rows(str(folder), locate(str(folder)))
    assert fingerprint(again.train, again.eval) == fingerprint(held.train, held.eval)


def test_a_frame_is_inspected_as_a_file_is_and_written_once() -> None:
    for _ in range(2):
        report = tunebook.inspect(pandas.DataFrame(ROWS))
    assert (report.dataset, report.rows, report.format) == ("DataFrame in memory", 40, "prompt and completion")
    assert len(list((home() / "objects").iterdir())) == 1
    assert tunebook.clean(everything=True).removed
    assert not list((home() / "objects").iterdir())
    with pytest.raises(CallError, match="is a list, which holds no rows"):
        tunebook.inspect([1, 2])


@pytest.mark.parametrize("whole", [datasets.Dataset, datasets.DatasetDict])
def test_what_datasets_saved_to_disk_is_read_back(tmp_path: Path, whole: type) -> None:
    rows, few = datasets.Dataset.from_list(ROWS), datasets.Dataset.from_list(ROWS[:3])
    (rows if whole is datasets.Dataset else datasets.DatasetDict(train=rows, test=few)).save_to_disk(tmp_path / "saved")
    held = load_rows("saved", locate(str(tmp_path / "saved")))
    assert held.train.to_list() == ROWS
    assert (held.eval.to_list() if held.eval else None) == (None if whole is datasets.Dataset else ROWS[:3])


BAD_LINES = ['{"prompt": "no end', "[1, 2]", '{"prompt": "\\ud800", "completion": ', "5"]


@given(
    bad=st.lists(st.tuples(st.integers(0, 39), st.sampled_from(BAD_LINES)), min_size=1, max_size=12),
    ending=st.sampled_from([".jsonl", ".jsonl.gz"]),
)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_broken_lines_are_numbered_and_every_other_row_is_read(
    tmp_path_factory: pytest.TempPathFactory, bad: list[tuple[int, str]], ending: str
) -> None:
    folder = tmp_path_factory.mktemp("broken")
    lines: list[tuple[str, bool]] = [(json.dumps(row), True) for row in ROWS]
    for at, text in bad:
        lines.insert(at, (text, False))
    written = "\n".join(text for text, _ in lines).encode()
    path = folder / f"rows{ending}"
    path.write_bytes(gzip.compress(written) if ending.endswith("gz") else written)
    held = load_rows(str(path), locate(str(path)), mend_in=folder / "mended")
    assert held.train.to_list() == [json.loads(text) for text, good in lines if good]
    assert [line.number for line in held.unreadable] == [at for at, (_, good) in enumerate(lines, 1) if not good]


def test_looking_at_broken_lines_again_adds_nothing_to_anybodys_cache(tmp_path: Path, tunebook_home: Path) -> None:
    path, caches = tmp_path / "rows.jsonl", Path(datasets.config.HF_CACHE_HOME)

    def kept(folder: Path) -> list[Path]:
        return sorted(file for file in folder.rglob("*") if file.is_file() and file.suffix != ".lock")

    before = kept(caches)
    for rows in (ROWS, ROWS, ROWS[:20]):
        path.write_text("".join(json.dumps(row) + "\n" for row in rows) + "{\n")
        assert inspect_data(str(path)).report.rows == len(rows)
        held = load_rows(str(path), locate(str(path)), mend_in=mended_rows())
        alone = training_rows(locate(str(path)), mend_in=mended_rows())
        assert held.train.to_list() == alone.to_list() == rows
        assert kept(caches) == before
        assert len(list(tunebook_home.rglob("*.jsonl"))) == len(list(tunebook_home.rglob("*.arrow"))) == 1
    assert tunebook.clean().removed
    assert not list((tunebook_home / "mended").iterdir())


def test_a_training_split_is_read_alone_and_numbered_as_with_the_rest(tmp_path: Path) -> None:
    write(tmp_path / "train.jsonl")
    write(tmp_path / "test.jsonl", ROWS[:3])
    source = locate(str(tmp_path), split="train[5:]")
    alone, held = training_rows(source), load_rows(str(tmp_path), source)
    assert alone.column_names == ["prompt", "completion"]
    assert alone.to_list() == held.train.to_list() == ROWS[5:]


def test_a_list_over_several_lines_is_one_document(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text(json.dumps(ROWS, indent=1))
    assert load_rows(str(path), locate(str(path)), mend_in=tmp_path / "mended").unreadable == []
    path.write_text(json.dumps(ROWS))
    assert read(path) == ROWS


def test_a_broken_line_in_the_middle_is_a_finding_and_the_rest_is_inspected(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    good = "".join(json.dumps(row) + "\n" for row in ROWS)
    path.write_bytes(
        good.encode() + b'{"prompt": "\xff\xfe", "completion": "x"}\n' + good.encode().replace(b"even", b"odd")
    )
    report = inspect_data(str(path)).report
    assert report.rows == 80
    first = report.findings[0]
    assert (first.id, first.severity, first.rows) == ("unreadable", "error", 1)
    assert first.message == "1 line cannot be read, so no training could start (rows.jsonl line 41 is not UTF-8)"


def test_a_cell_that_holds_a_whole_file_is_a_finding_and_costs_no_memory(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    giant = {"prompt": "x " * 600_000, "completion": "y"}
    write(path, [*ROWS, giant, *ROWS[:5]])
    inspection = inspect_data(str(path))
    first = inspection.report.findings[0]
    assert (first.id, first.severity, first.rows, first.examples) == ("oversized", "error", 1, [40])
    assert first.message.startswith("1 row has 1,200,001 characters, more than any model reads")
    assert inspection.report.rows == inspection.train_rows == 46
    write(path, [giant])
    with pytest.raises(CallError, match="nothing but rows of more than"):
        inspect_data(str(path))


def test_a_compressed_file_that_ends_too_early_is_one_clear_line(tmp_path: Path) -> None:
    path = write(tmp_path / "rows.jsonl.gz")
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(CallError, match=r"rows.jsonl.gz ends too early: a part of it is missing") as wrong:
        load_rows(str(path), locate(str(path)), mend_in=tmp_path / "mended")
    assert "\n" not in str(wrong.value)


def broken(tmp_path: Path, case: str) -> str:
    path = tmp_path / f"{case}.jsonl"
    good = json.dumps(ROWS[0])
    match case:
        case "missing":
            return str(path)
        case "empty":
            path.write_text("")
        case "blank":
            path.write_text("\n\n")
        case "line":
            path.write_text(f'{good}\n{good}\n{{"prompt": "no end\n{good}\n')
        case "bytes":
            path.write_bytes(good.encode() + b'\n{"prompt": "\xff\xfe", "completion": "x"}\n')
        case "list":
            path.write_text(f"{good}\n[1, 2]\n")
        case "header":
            path = tmp_path / "rows.csv"
            path.write_text("prompt,completion\n")
        case "latin":
            path = tmp_path / "rows.csv"
            path.write_bytes("prompt,completion\ncaf\xe9,oui\n".encode("latin-1"))
        case "ragged":
            path = tmp_path / "rows.csv"
            path.write_text("prompt,completion\na,b\nc,d,e,f\n")
        case "kind":
            path = tmp_path / "rows.xlsx"
            path.write_text("x")
        case "folder":
            path = tmp_path / "nothing"
            path.mkdir()
        case "mixed":
            path = tmp_path / "mixed"
            path.mkdir()
            write(path / "a.csv")
            write(path / "b.jsonl")
    return str(path)


@pytest.mark.parametrize(
    ("case", "said"),
    [
        ("missing", "is not there"),
        ("empty", "is empty"),
        ("blank", "has no rows"),
        ("header", "has no rows"),
        ("latin", "is not UTF-8 text: save it as UTF-8"),
        ("ragged", "has 4 fields in line 3, where 2 are expected"),
        ("line", "line 3 is not JSON"),
        ("bytes", "line 2 is not UTF-8"),
        ("list", "line 2 is no JSON object"),
        ("kind", "no kind of file that can be read"),
        ("folder", "holds no file of rows"),
        ("mixed", "mixes kinds of files"),
    ],
)
def test_what_cannot_be_read_gets_one_clear_line(tmp_path: Path, case: str, said: str) -> None:
    dataset = broken(tmp_path, case)
    with pytest.raises(CallError) as wrong:
        load_rows(dataset, locate(dataset))
    assert wrong.value.field == "dataset"
    assert said in str(wrong.value)
    assert "\n" not in str(wrong.value)


def test_a_wrong_split_names_the_right_ones(tmp_path: Path) -> None:
    write(tmp_path / "train.jsonl")
    write(tmp_path / "test.jsonl")
    with pytest.raises(CallError, match=r"split is 'dev', which .* does not have: choose one of test, train"):
        locate(str(tmp_path), split="dev")
    assert locate(str(tmp_path), split="test").train_split == "test"
    assert len(load_rows("x", locate(str(tmp_path), split="train[:5]")).train) == 5


def test_a_hub_that_cannot_be_reached_is_one_line_and_no_minute_of_retries() -> None:
    code = """
from tunebook.pipeline.data.source import locate
from tunebook.pipeline.data.template import load_tokenizer
from tunebook.pipeline.errors import CallError
for find in (lambda: locate("owner/rows"), lambda: load_tokenizer("owner/model")):
    try:
        find()
    except CallError as wrong:
        print(wrong)
"""
    nowhere = {"HF_ENDPOINT": "http://127.0.0.1:9", "HF_HUB_OFFLINE": "0", "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env={**os.environ, **nowhere}, check=True
    )
    rows, model = done.stdout.splitlines()
    assert rows.startswith("dataset owner/rows is no file here, and the Hub cannot be reached")
    assert model.startswith("model owner/model has no tokenizer that can be loaded")
    assert "Retry" not in done.stderr


def test_rows_that_lack_a_part_are_named_and_the_others_fit(tmp_path: Path) -> None:
    """A csv whose lines end too early: what is missing is null, which must not make the whole set fit nothing."""
    lines = ["prompt,completion", *(f"q {n}?" if n % 7 == 3 else f"q {n}?,a {n}" for n in range(60))]
    path = tmp_path / "ragged.csv"
    path.write_text("\n".join(lines))
    report = inspect_data(str(path)).report
    assert (report.format, report.methods["sft"].status) == ("prompt and completion", "ready")
    found = next(finding for finding in report.findings if finding.id == "K07")
    assert (found.severity, found.rows, found.examples) == ("error", 9, [3, 10, 17])
    assert found.message.endswith("so no training could start: row 3 has nothing in completion")
    assert found.fix is not None


def test_a_file_that_changes_while_it_is_read_is_told_and_nothing_is_kept(tmp_path: Path, tunebook_home: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text('{"prompt": "q", "completion": "a"}\n' * 40)

    def grow() -> None:
        with path.open("a") as file:
            file.write('{"prompt": "q", "completion": "b"}\n')

    with pytest.raises(CallError, match="was changed while it was read"):
        inspect_for(make_spec(dataset=str(path)), None, Watched(check=grow))
    assert not list(tunebook_home.glob("inspections/*"))
    assert inspect_for(make_spec(dataset=str(path)), None).report.rows > 40
