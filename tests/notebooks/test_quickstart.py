"""The quickstart runs as it stands, in its small form: the model under its name and little data beside it."""

from __future__ import annotations

import json
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient
from small import CHECKPOINTS, HELD_OUT_ROWS, STEPS, small_workspace

from tunebook.pipeline.home import home
from tunebook.pipeline.journal import Journal, fold
from tunebook.pipeline.run_folder import RunFolder
from tunebook.pipeline.stages import comparison_of

#: 90 seconds on two free cores; a busy machine takes what it takes.
pytestmark = pytest.mark.timeout(1800)

QUICKSTART = Path(__file__).resolve().parents[2] / "examples" / "quickstart.ipynb"
#: What the outputs of a run may add to a saved notebook.
MOST_BYTES = 300_000


@pytest.fixture(scope="module")
def executed(tmp_path_factory: pytest.TempPathFactory, model_folder: Path, kinds: Path) -> nbformat.NotebookNode:
    """The notebook after nbclient ran it, as CI systems and papermill do: nobody sits before it."""
    folder = tmp_path_factory.mktemp("quickstart")
    small_workspace(folder, model=model_folder, kinds=kinds)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TUNEBOOK_HOME", str(folder / "home"))
        book = nbformat.read(QUICKSTART, as_version=4)  # type: ignore[no-untyped-call]
        NotebookClient(
            book, timeout=1700, kernel_name="python3", resources={"metadata": {"path": str(folder)}}
        ).execute()
        (book.metadata["run_id"],) = Journal(home()).run_ids()
        book.metadata["run_state"] = fold(Journal(home()).events(book.metadata["run_id"])).model_dump(mode="json")
        comparison = comparison_of(RunFolder(book.metadata["run_id"]))
        book.metadata["comparison"] = comparison.model_dump(mode="json") if comparison else None
    return book


def cell(book: nbformat.NotebookNode, name: str) -> nbformat.NotebookNode:
    return next(one for one in book.cells if one.id == name)


def text(book: nbformat.NotebookNode, name: str) -> str:
    return "".join(output.text for output in cell(book, name).outputs if output.output_type == "stream")


def test_it_is_shipped_without_outputs_and_with_its_badge() -> None:
    book = nbformat.read(QUICKSTART, as_version=4)  # type: ignore[no-untyped-call]
    assert book.metadata.kernelspec.name == "python3"
    assert all(not one.get("outputs") and one.get("execution_count") is None for one in book.cells)
    assert "colab-badge.svg" in book.cells[0].source


def test_the_run_succeeds_once_with_every_stage(executed: nbformat.NotebookNode) -> None:
    state = executed.metadata["run_state"]
    assert state["state"] == "succeeded"
    assert list(state["done_stages"]) == ["train", "evaluate", "export"]
    assert [attempt["n"] for attempt in state["attempts"]] == [1, 1, 1]


def test_the_text_follows_the_run_from_its_request_to_the_answer(executed: nbformat.NotebookNode) -> None:
    said = text(executed, "finetune")
    marks = [
        "Request ",
        "Data ",
        "Plan ",
        f"Trained {STEPS} steps",
        "Compare ",
        "Publish ",
        "The GGUF answers: ",
        "Finished in ",
    ]
    places = [said.index(mark) for mark in marks]
    assert places == sorted(places), said
    assert all(f"checkpoint at step {name.rsplit('-')[-1]}" in said for name in CHECKPOINTS)


def test_the_static_form_stays_with_its_curve(executed: nbformat.NotebookNode) -> None:
    (static,) = [output for output in cell(executed, "finetune").outputs if output.output_type == "display_data"]
    assert f"tunebook-static-{executed.metadata['run_id']}" in static.data["text/html"]
    assert "<script" not in static.data["text/html"]
    assert "image/png" in static.data


def test_the_comparison_counts_the_held_out_rows_of_base_and_checkpoints(executed: nbformat.NotebookNode) -> None:
    rows = executed.metadata["comparison"]["rows"]
    assert [row["checkpoint"] for row in rows] == ["base", *CHECKPOINTS]
    assert {row["total"] for row in rows} == {HELD_OUT_ROWS}
    assert all(row["checkpoint"] in text(executed, "compare") for row in rows)
    assert "report.html" in text(executed, "report")


def test_a_saved_notebook_stays_small(executed: nbformat.NotebookNode) -> None:
    outputs = [output for one in executed.cells for output in one.get("outputs", [])]
    assert len(json.dumps(outputs)) < MOST_BYTES
