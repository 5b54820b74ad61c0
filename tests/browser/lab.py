"""The server that the browser's tests talk to, as they need it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import nbformat


@dataclass
class Lab:
    """A JupyterLab server over a working folder with the small data and the model."""

    url: str
    token: str
    folder: Path

    def notebook(self, name: str, *cells: str) -> str:
        """Write a notebook with these code cells and return its address in JupyterLab."""
        book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
        book.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3 (ipykernel)", "language": "python"}
        nbformat.write(book, self.folder / name)
        return f"{self.url}/lab/tree/{name}?token={self.token}&reset"
