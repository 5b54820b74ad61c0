"""A notebook as a person runs it: cell by cell, before panels, with clicks and waiting between the cells.

nbclient has no front end for panels and drops what they are told when their cell has ended.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import nbformat
from kernel.kernel import Kernel, Outcome

SHOWN = ("stream", "display_data", "execute_result", "error")


def run_cells(
    book: nbformat.NotebookNode,
    front: Kernel,
    *,
    before: Mapping[str, Callable[[], None]],
    after: Mapping[str, Callable[[Outcome], None]],
) -> None:
    """Run the code cells and keep their outputs in the book. `before` and `after` are what the person does at a cell, by
    its name.
    """
    for cell in book.cells:
        if cell.cell_type != "code":
            continue
        before.get(cell.id, lambda: None)()
        outcome = front.run(cell.source)
        assert not outcome.failed, (cell.id, outcome.reply, outcome.stderr)
        cell.execution_count = outcome.reply["execution_count"]
        cell.outputs = [_output(message) for message in outcome.messages if message["msg_type"] in SHOWN]
        after.get(cell.id, lambda _: None)(outcome)


def bring_up_to_date(book: nbformat.NotebookNode, told: list[dict[str, Any]]) -> None:
    """What was said later for an output that is there already, as a front end puts it in its place."""
    shown = {
        display_id: output
        for cell in book.cells
        for output in cell.get("outputs", [])
        if (display_id := output.metadata.pop("display_id", None) if "metadata" in output else None)
    }
    for message in told:
        if message["msg_type"] == "update_display_data":
            content = message["content"]
            if (output := shown.get(content["transient"]["display_id"])) is not None:
                output.data = nbformat.from_dict(content["data"])


def _output(message: dict[str, Any]) -> nbformat.NotebookNode:
    made: nbformat.NotebookNode = nbformat.v4.output_from_msg(message)  # type: ignore[no-untyped-call]
    if display_id := message["content"].get("transient", {}).get("display_id"):
        made.metadata["display_id"] = display_id
    return made


def text(book: nbformat.NotebookNode, name: str) -> str:
    """What the cell of this name has printed."""
    outputs = next(cell for cell in book.cells if cell.id == name).outputs
    return "".join(output.text for output in outputs if output.output_type == "stream")
