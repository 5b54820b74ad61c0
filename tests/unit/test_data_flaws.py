"""Every silent killer in generated sets: exactly the flawed rows are found, and nothing in the clean twin."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import datasets
import pytest
from unit.data import flawed_labels as labels
from unit.data.flawed import FLAWS
from unit.data.made import Flawed, Row

from tunebook.pipeline.data import checks
from tunebook.pipeline.data.inspection import inspect_data
from tunebook.pipeline.data.report import Inspection

#: Sets that a model is needed for are made once, the others three times.
CASES = [(name, seed) for name, make in FLAWS.items() for seed in range(1 if make.__module__ == labels.__name__ else 3)]


def inspected(rows: list[Row], held_out: list[Row] | None, **keywords: Any) -> Inspection:
    parts = {"train": rows, "test": held_out} if held_out else {"train": rows}
    names = dict.fromkeys(name for row in rows for name in row)
    parts = {split: [{name: row.get(name) for name in names} for row in part] for split, part in parts.items()}
    return inspect_data(
        datasets.DatasetDict(
            {name: datasets.Dataset.from_list(part, on_mixed_types="use_json") for name, part in parts.items()}
        ),
        **keywords,
    )


def changed(model: Path, to: Path, change: Callable[[Any], None]) -> Path:
    """A folder with the model's config and its tokenizer, changed; no weights."""
    from transformers import AutoConfig, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(model)
    change(tokenizer)
    tokenizer.save_pretrained(to)
    AutoConfig.from_pretrained(model).save_pretrained(to)
    return to


def numbers(inspection: Inspection, id: str) -> list[int]:
    """The row numbers of all findings of a check."""
    return sorted({number for f in inspection.report.findings if f.id == id for number in f.examples})


@pytest.mark.parametrize(("name", "seed"), CASES)
def test_exactly_the_flawed_rows_are_found(
    name: str, seed: int, monkeypatch: pytest.MonkeyPatch, model_folder: Path, tmp_path: Path
) -> None:
    monkeypatch.setattr(checks, "EXAMPLES", 10_000)  # a report names three, the test wants them all
    id = name.split()[0]
    case: Flawed = FLAWS[name](Random(seed))
    keywords = dict(case.keywords)
    if case.change:
        keywords["model"] = str(changed(model_folder, tmp_path / "model", case.change))
    found = inspected(case.rows, case.held_out, **keywords)
    assert numbers(found, id) == case.flawed
    status = {check.id: check.status for check in found.report.checks}
    assert status[id] == "found"
    clean = inspected(case.clean, case.clean_held_out, **keywords)
    assert [finding.message for finding in clean.report.findings] == []
    assert {check.id: check.status for check in clean.report.checks}[id] in ("passed", "skipped")
