"""A wrong call in a cell: one line that names the field and the remedy, the cell failed, nothing started."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest
from kernel.kernel import Kernel, kernel
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError


@pytest.fixture(scope="module")
def one(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kernel]:
    folder = tmp_path_factory.mktemp("wrong")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TUNEBOOK_HOME", str(folder / "home"))
        with kernel(folder) as made:
            yield made


GOOD = "Fine-tune Qwen3-0.6B on tatsu-lab/alpaca"


@pytest.mark.parametrize(
    ("code", "field"),
    [
        (f"%%finetune\n{GOOD}\nbudget: -1", "budget_usd"),
        (f"%%finetune --budget -1\n{GOOD}", "budget_usd"),
        (f"%%finetune --max-steps many\n{GOOD}", "max_steps"),
        (f"%%finetune --nonsense 3\n{GOOD}", "arguments"),
        (f"%%finetune\n{GOOD}\nnonsense: 3", "nonsense"),
        (f"%%finetune --model 'x; rm -rf ~'\n{GOOD}", "model"),
        (f"%%finetune --dataset '<script>'\n{GOOD}", "dataset"),
        ("%%finetune --yes\n   \n", "instruction"),
        ("%finetune inspect no/such/file.jsonl", "dataset"),
        ("%finetune show nothing", "run"),
        ("%finetune nonsense", "arguments"),
        ("%finetune confirm abcdef", "plan_id"),
        ("%finetune read 'not closed", "arguments"),
    ],
)
def test_it_gets_one_line_and_starts_nothing(one: Kernel, code: str, field: str) -> None:
    outcome = one.run(code)
    assert outcome.failed
    assert outcome.of("error") == []
    assert outcome.reply["traceback"] == []
    (line,) = outcome.stderr.strip().splitlines()
    assert line.startswith(f"UsageError: {field} ")
    assert "Traceback" not in line
    assert one.run("%finetune runs --json").stdout.strip() == '{"runs": []}'


def test_a_question_fails_the_cell_where_nobody_can_see_a_panel(one: Kernel) -> None:
    outcome = one.run("%%finetune --yes\nFine-tune something on tatsu-lab/alpaca")
    assert outcome.failed
    assert "? model: " in outcome.stdout
    assert outcome.stderr.strip().endswith("Nothing was started.")
    assert one.run("%finetune runs --json").stdout.strip() == '{"runs": []}'


def test_nbclient_stops_at_a_wrong_call(tmp_path: Path) -> None:
    book = nbformat.v4.new_notebook(
        cells=[
            nbformat.v4.new_code_cell("%load_ext tunebook"),
            nbformat.v4.new_code_cell(f"%%finetune\n{GOOD}\nbudget: -1"),
            nbformat.v4.new_code_cell("open('went-on', 'w')"),
        ]
    )
    with pytest.raises(CellExecutionError, match="budget_usd is -1"):
        NotebookClient(
            book, timeout=120, kernel_name="python3", resources={"metadata": {"path": str(tmp_path)}}
        ).execute()
    assert not (tmp_path / "went-on").exists()
    assert not any(output.output_type == "error" for cell in book.cells for output in cell.outputs)


@pytest.mark.parametrize("quote", ["'", '"'])
def test_json_is_exactly_one_object(one: Kernel, quote: str) -> None:
    outcome = one.run(f"%finetune read --json {quote}{GOOD}, stay under $2{quote}")
    assert outcome.stderr == ""
    said = json.loads(outcome.stdout)["spec"]
    assert said == {"model": "Qwen/Qwen3-0.6B", "dataset": "tatsu-lab/alpaca", "budget_usd": 2}


def test_help_is_no_failure(one: Kernel) -> None:
    for code in ("%finetune", "%finetune --help", "%finetune run --help", f"%%finetune --help\n{GOOD}"):
        outcome = one.run(code)
        assert not outcome.failed, code
        assert "usage:" in outcome.stdout
