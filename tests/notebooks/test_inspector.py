"""The inspector's notebook runs as it stands and tells the faults that it put into its data."""

from __future__ import annotations

from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient
from small import small_workspace

NOTEBOOK = Path(__file__).resolve().parents[2] / "examples" / "inspector.ipynb"


@pytest.fixture(scope="module")
def executed(tmp_path_factory: pytest.TempPathFactory, model_folder: Path, kinds: Path) -> nbformat.NotebookNode:
    folder = small_workspace(tmp_path_factory.mktemp("inspector"), model=model_folder, kinds=kinds)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TUNEBOOK_HOME", str(folder / "home"))
        book = nbformat.read(NOTEBOOK, as_version=4)  # type: ignore[no-untyped-call]
        NotebookClient(
            book, timeout=300, kernel_name="python3", resources={"metadata": {"path": str(folder)}}
        ).execute()
    return book


def said(book: nbformat.NotebookNode, name: str) -> str:
    outputs = next(one for one in book.cells if one.id == name).outputs
    return "".join(output.text for output in outputs if output.output_type == "stream")


def test_the_clean_data_is_ready_and_shown_in_a_panel(executed: nbformat.NotebookNode) -> None:
    panel = next(one for one in executed.cells if one.id == "panel")
    assert "application/vnd.jupyter.widget-view+json" in panel.outputs[0].data
    assert "64 rows, prompt and completion, conversational: ready for SFT" in said(executed, "inspect")
    assert "Nothing found that would spoil a training." in said(executed, "inspect")


def test_every_fault_is_told_with_its_row(executed: nbformat.NotebookNode) -> None:
    told = said(executed, "flaw")
    for check, row in (("K14 error: 1 row has an empty answer", 7), ("K13", 11), ("K14 error: 1 row has a role", 20)):
        line = next(line for line in told.splitlines() if line.startswith(check))
        assert f"rows [{row}]" in line


def test_the_rows_of_two_checks_are_left_out_by_name(executed: nbformat.NotebookNode) -> None:
    assert said(executed, "mend") == "37 rows are left: nothing found\n"


def test_pairs_are_shown_in_a_panel(executed: nbformat.NotebookNode) -> None:
    panel = next(one for one in executed.cells if one.id == "pairs")
    assert "application/vnd.jupyter.widget-view+json" in panel.outputs[0].data
