"""KTO's script on preference pairs: TRL makes single answers of them, all wanted ones first, and goes through them in order."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from scripts import script
from tiny import tiny_model


@pytest.mark.parametrize("implicit", [False, True])
def test_wanted_and_unwanted_answers_share_their_batches(implicit: bool, model_folder: Path, tmp_path: Path) -> None:
    def row(number: int) -> dict[str, Any]:
        asked = [{"role": "user", "content": f"Is {number} even?"}]
        right, wrong = ("yes", "no") if number % 2 == 0 else ("no", "yes")
        pair = {
            name: [{"role": "assistant", "content": text}] for name, text in (("chosen", right), ("rejected", wrong))
        }
        return {name: [*asked, *turn] for name, turn in pair.items()} if implicit else {"prompt": asked, **pair}

    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "train.jsonl").write_text("".join(json.dumps(row(n)) + "\n" for n in range(64)))
    names: dict[str, Any] = {"__name__": "train", "__file__": "train.py"}
    text = script("kto", tiny_model(model_folder, tmp_path / "tiny"), tmp_path / "data", device_batch_size=8)
    exec(compile(text, "train.py", "exec"), names)
    rows, _ = names["load_rows"]()
    trainer = names["make_trainer"](rows, None, names["common_arguments"](tmp_path / "output", False))
    labels = [batch["label"] for batch in trainer.get_train_dataloader()]
    assert len(labels) == 16 and sum(map(sum, labels)) == 64
    assert all(0 < sum(batch) < len(batch) for batch in labels), labels
