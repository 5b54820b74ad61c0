"""The demo's data set through the whole inspection, as a function and as a job."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from tunebook.pipeline.data.inspection import inspect_data
from tunebook.pipeline.data.job import main
from tunebook.pipeline.data.report import Inspection
from tunebook.pipeline.errors import CallError
from tunebook.pipeline.progress import parse


@pytest.fixture(scope="module")
def inspection(kinds: Path, model_folder: Path) -> Inspection:
    return inspect_data(str(kinds), model=str(model_folder))


def test_the_demo_data_is_ready_and_clean(inspection: Inspection) -> None:
    report = inspection.report
    assert (report.rows, inspection.train_rows, inspection.eval_rows) == (1200, 1200, 200)
    assert report.format == "prompt and completion, conversational"
    assert (report.methods["sft"].status, report.recommended, inspection.answer_kind) == ("ready", "sft", "short")
    assert {check.id for check in report.checks if check.status != "passed"} == {
        *("K08", "K10"),  # there is no plan yet
        *("K12", "K15"),  # nothing to compare with
    }
    assert not report.findings
    assert report.tokens is not None
    assert report.tokens.max < 128


def test_the_page_has_the_first_rows_with_only_the_answer_trained(inspection: Inspection, kinds: Path) -> None:
    assert inspection.preview is not None
    rows = inspection.preview.rows
    first = json.loads((kinds / "train.jsonl").read_text(encoding="utf-8").splitlines()[0])
    assert [row.index for row in rows] == list(range(24))
    assert rows[0].raw == first
    trained = "".join(span.text for span in rows[0].tokens if span.role == "trained")
    assert trained.split("<|im_end|>")[0] == first["completion"][0]["content"]


def test_it_travels_as_json_and_back(inspection: Inspection) -> None:
    text = inspection.model_dump_json()
    assert Inspection.model_validate_json(text) == inspection
    assert len(text) < 200_000


def test_rows_and_shares_are_those_that_the_script_will_train(kinds: Path) -> None:
    part = inspect_data(str(kinds / "train.jsonl"), rows=100, eval_share=0.2)
    assert (part.report.rows, part.eval_rows) == (80, 0)
    assert {check.id: check.status for check in part.report.checks}["K11"] == "passed"
    again = inspect_data(str(kinds / "train.jsonl"), rows=100, eval_share=0.2)
    other = inspect_data(str(kinds / "train.jsonl"), rows=100, eval_share=0.2, seed=1)
    assert part.fingerprint == again.fingerprint != other.fingerprint


def test_the_fingerprint_does_not_know_the_path(kinds: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere.jsonl").write_bytes((kinds / "test.jsonl").read_bytes())
    here = inspect_data(str(kinds / "test.jsonl")).fingerprint
    assert inspect_data(str(tmp_path / "elsewhere.jsonl")).fingerprint == here


@pytest.mark.parametrize(
    ("keywords", "field"),
    [
        ({"model": "/nowhere/at-all"}, "model"),
        ({"method": "magic"}, "method"),
        ({"max_length": 0}, "max_length"),
        ({"split": "left"}, "split"),
        ({"config": "main"}, "dataset_config"),
        ({"revision": "main"}, "dataset_revision"),
    ],
)
def test_a_wrong_call_names_its_field(kinds: Path, keywords: dict[str, object], field: str) -> None:
    with pytest.raises(CallError) as wrong:
        inspect_data(str(kinds), **keywords)  # type: ignore[arg-type]
    assert wrong.value.field == field


def test_a_folder_without_a_tokenizer_is_one_line(kinds: Path, tmp_path: Path) -> None:
    with pytest.raises(CallError) as wrong:
        inspect_data(str(kinds), model=str(tmp_path))
    assert wrong.value.field == "model"
    assert "\n" not in str(wrong.value)


def test_the_job_tells_its_progress_and_leaves_the_result(
    kinds: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TUNEBOOK_NONCE", "n0")
    (tmp_path / "config.json").write_text(json.dumps({"dataset": str(kinds), "eval_share": None}))
    assert main(tmp_path / "config.json", tmp_path / "result.json") == 0
    result = Inspection.model_validate_json((tmp_path / "result.json").read_text())
    assert result.report.rows == 1200
    events = [event for line in capfd.readouterr().out.splitlines() if (event := parse(line, "n0"))]
    assert {event["event"] for event in events} == {"progress"}
    assert events[-1]["done"] == events[-1]["total"]
    assert any("Reading" in event["text"] for event in events)


def test_a_wrong_call_of_the_job_is_data_and_exit_code_2(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps({"dataset": "./gone.jsonl"}))
    done = subprocess.run(
        [sys.executable, "-m", "tunebook.pipeline.data.job", tmp_path / "config.json", tmp_path / "result.json"],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        check=False,
    )
    assert done.returncode == 2
    assert done.stderr.strip() == "dataset ./gone.jsonl is not there: check the path, or name a data set on the Hub."
    error = json.loads((tmp_path / "result.json").read_text())["error"]
    assert error["field"] == "dataset"


def test_importing_the_inspection_loads_nothing_heavy() -> None:
    heavy = {"torch", "transformers", "datasets", "trl", "pandas", "huggingface_hub", "pyarrow", "numpy"}
    code = "import sys, tunebook.pipeline.data.inspection, tunebook.pipeline.data.job; print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        check=True,
    ).stdout.split()
    assert heavy.isdisjoint(loaded)


def test_rows_that_do_not_fit_into_memory_are_sampled_and_that_is_said(
    kinds: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tunebook.pipeline.data import sampling

    all_seen = inspect_data(str(kinds))
    assert all_seen.report.findings == []
    monkeypatch.setattr(sampling, "ROW_BYTES", sampling.ROW_BYTES * 10**4)
    monkeypatch.setattr("psutil.virtual_memory", lambda: SimpleNamespace(available=10**10))
    inspection = inspect_data(str(kinds))
    report = inspection.report
    assert report.rows == inspection.train_rows == 1200
    assert inspection.fingerprint == all_seen.fingerprint, "free memory is no part of a plan's identity"
    first = report.findings[0]
    assert (first.id, first.severity, first.examples) == ("sampled", "warning", [])
    assert 100 < 1200 - first.rows < 130
    assert first.message.startswith(f"Only {1200 - first.rows:,} of 1,200 rows, drawn at random, fit into memory")
