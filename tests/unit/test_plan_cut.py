"""The length at which a plan cuts rows is decided once: what was shown of the data is what is trained."""

from __future__ import annotations

from pathlib import Path

import datasets

from tunebook.pipeline.data.inspection import inspect_data
from tunebook.pipeline.plan.checkpoint_model import find_model
from tunebook.pipeline.plan.decide import decide
from tunebook.pipeline.plan.make import chosen_cut
from tunebook.pipeline.spec import make_spec


def test_a_cut_stays_when_the_rows_that_called_for_it_are_left_out(model_folder: Path) -> None:
    short = [
        {"prompt": f"Say {n}.", "completion": f"{n} it is, and more words so that it takes a while."}
        for n in range(300)
    ]
    long = [{"prompt": f"Read {n}: " + "word " * 1500, "completion": "yes"} for n in range(2)]
    model = find_model(str(model_folder), None)
    assert model is not None
    spec = make_spec(model=model.path, dataset="rows", tuning="lora")
    whole = inspect_data(datasets.Dataset.from_list([*short, *long]), model=model.path)
    cut = chosen_cut(spec, whole, model)
    assert cut is not None
    assert cut.value < 100
    shown = inspect_data(
        datasets.Dataset.from_list([*short, *long]), model=model.path, max_length=cut.value, leave_out=[300, 301]
    )
    assert shown.report.tokens is not None
    assert shown.report.tokens.max <= cut.value, "without the long rows another length would be decided"
    settled = decide(spec, shown, model, "lora", "", cut)
    assert settled.spec["max_length"] == cut.value
    assert next(made.why for made in settled.made if made.field == "max_length") == cut.why
