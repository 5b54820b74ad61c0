"""The demo's data in the format of each method: definitions of things, and the right kind beside a wrong one."""

from __future__ import annotations

import json
from itertools import islice
from pathlib import Path
from typing import Any

KINDS = ("animal", "feeling", "food", "object", "person", "place", "plant", "time")
Row = dict[str, Any]


def method_data(method: str, kinds: Path, to: Path, *, train: int = 64, test: int = 16) -> Path:
    """Write train.jsonl and test.jsonl of the first rows for this method into the folder `to`, and return it."""
    to.mkdir(parents=True, exist_ok=True)
    for name, count in (("train.jsonl", train), ("test.jsonl", test)):
        with (kinds / name).open(encoding="utf-8") as file:
            rows = [json.loads(line) for line in islice(file, count)]
        made = [row_for(method, number, row) for number, row in enumerate(rows)]
        (to / name).write_text("".join(json.dumps(row) + "\n" for row in made), encoding="utf-8")
    return to


def row_for(method: str, number: int, row: Row) -> Row:
    right = row["completion"][0]["content"]
    wrong = KINDS[(KINDS.index(right) + 1 + number % (len(KINDS) - 1)) % len(KINDS)]
    if method == "sft":
        return row
    if method == "grpo":
        return {"prompt": row["prompt"], "answer": right}
    if method == "kto":
        wanted = number % 2 == 0
        return {"prompt": row["prompt"], "completion": _turn(right if wanted else wrong), "label": wanted}
    return {"prompt": row["prompt"], "chosen": _turn(right), "rejected": _turn(wrong)}


def _turn(text: str) -> list[Row]:
    return [{"role": "assistant", "content": text}]
