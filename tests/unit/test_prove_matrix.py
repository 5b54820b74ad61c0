"""Every method in every tuning on every format that it can read: inspected, written as a script, proved in miniature.

Six cells run in `make test`, all of them in `make test-all`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
from proving import Prover, failed, script, settings, warm_prover

from examples.method_data import KINDS
from tunebook.pipeline.data.inspection import inspect_data
from tunebook.pipeline.data.source import locate
from tunebook.pipeline.rewards import choose, reward_code

Row = dict[str, Any]
QUESTION, RIGHT = "What kind of thing is this?", "The answer is {}."


def user(text: str) -> list[Row]:
    return [{"role": "user", "content": text}]


def said(text: str) -> list[Row]:
    return [{"role": "assistant", "content": text}]


#: How a question with its right and a wrong answer, and its number, is a row of each format.
FORMATS: dict[str, Callable[[str, str, str, int], Row]] = {
    "messages": lambda q, a, w, n: {"messages": [*user(q), *said(a)]},
    "sharegpt": lambda q, a, w, n: {"conversations": [{"from": "human", "value": q}, {"from": "gpt", "value": a}]},
    "turns": lambda q, a, w, n: {"prompt": user(q), "completion": said(a)},
    "plain": lambda q, a, w, n: {"prompt": q + "\n", "completion": a},
    "alpaca": lambda q, a, w, n: {"instruction": QUESTION, "input": q, "output": a},
    "question": lambda q, a, w, n: {"question": q, "answer": a},
    "text": lambda q, a, w, n: {"text": f"{q}\n{a}"},
    "other text": lambda q, a, w, n: {"body": f"{q}\n{a}"},
    "explicit": lambda q, a, w, n: {"prompt": user(q), "chosen": said(a), "rejected": said(w)},
    "implicit": lambda q, a, w, n: {"chosen": [*user(q), *said(a)], "rejected": [*user(q), *said(w)]},
    "plain pairs": lambda q, a, w, n: {"question": q + "\n", "chosen": a, "rejected": w},
    "verdicts": lambda q, a, w, n: {"prompt": user(q), "completion": said(a if n % 2 else w), "label": bool(n % 2)},
    "number": lambda q, a, w, n: {"question": f"{q} {n} and 1, how many?", "answer": n + 1},
    "gsm8k": lambda q, a, w, n: {"question": f"{q} {n} and 1?", "answer": f"{n} + 1 = {n + 1}\n#### {n + 1}"},
    "options": lambda q, a, w, n: {"question": q, "choices": [a, w], "answer": a},
    "tests": lambda q, a, w, n: {"prompt": user(f"Write f that adds {n}."), "tests": [f"assert f(1) == {n + 1}"]},
}
PAIRS = ("explicit", "implicit", "plain pairs")
READS = {
    "sft": ("messages", "sharegpt", "turns", "plain", "alpaca", "question", "text", "other text", *PAIRS),
    "dpo": PAIRS,
    "kto": ("verdicts", *PAIRS),
    "reward": PAIRS,
    "grpo": ("number", "gsm8k", "options", "tests", "turns"),
}
TUNINGS: dict[str, dict[str, Any]] = {
    "lora": {},
    "full": {"lora_rank": None, "learning_rate": 1e-4},
    "qlora": {"four_bit": True, "half_weights": True, "checkpointing": True},
}
CELLS = [(method, tuning, name) for method, names in READS.items() for tuning in TUNINGS for name in names]
QUICK = [
    ("sft", "lora", "messages"),
    ("sft", "full", "text"),
    ("dpo", "lora", "implicit"),
    ("kto", "full", "plain pairs"),
    ("reward", "qlora", "explicit"),
    ("grpo", "lora", "gsm8k"),
]
assert len(CELLS) >= 40


@pytest.fixture(scope="module")
def prover() -> Iterator[Prover]:
    with warm_prover() as made:
        yield made


def written(method: str, tuning: str, name: str, *, model: Path, kinds: Path, folder: Path) -> Path:
    """The script of a cell, by the inspection of its rows, as a plan writes it."""
    for part, count in (("train", 48), ("test", 12)):
        with (kinds / f"{part}.jsonl").open(encoding="utf-8") as file:
            rows = [json.loads(line) for line in islice(file, count)]
        with (folder / f"{part}.jsonl").open("w", encoding="utf-8") as file:
            for number, row in enumerate(rows):
                kind = row["completion"][0]["content"]
                other = KINDS[(KINDS.index(kind) + 1) % len(KINDS)]
                made = FORMATS[name](row["prompt"][0]["content"], RIGHT.format(kind), RIGHT.format(other), number)
                file.write(json.dumps(made) + "\n")
    inspection = inspect_data(str(folder), model=str(model), method=method)
    fit = inspection.report.methods[method]
    assert fit.status != "no", fit.why
    more: dict[str, Any] = {"to_trl": fit.code, "data_settings": inspection.settings, **TUNINGS[tuning]}
    if method in ("dpo", "kto", "grpo"):
        more["beta"] = 0.0 if method == "grpo" else 0.1
    if method == "grpo":
        more |= {"rewards": reward_code(choose(inspection.sample)), "num_generations": 4, "max_completion_length": 8}
    return script(folder / "train.py", settings(model, locate(str(folder)), method=method, **more))


@pytest.mark.parametrize(("method", "tuning", "name"), QUICK)
def test_a_cell_of_each_method_runs_trains_and_saves(
    method: str, tuning: str, name: str, prover: Prover, model_folder: Path, kinds: Path, tmp_path: Path
) -> None:
    made = written(method, tuning, name, model=model_folder, kinds=kinds, folder=tmp_path)
    proof = prover.prove(made, "run")
    # A clone whose answers are noise earns no reward that judges them: that rewards vary is proved on the real model.
    assert [one for one in failed(proof) if one != "reward-varies"] == [], proof


@pytest.mark.slow
@pytest.mark.parametrize(("method", "tuning", "name"), CELLS)
def test_every_cell_passes_its_proof(
    method: str, tuning: str, name: str, prover: Prover, model_folder: Path, kinds: Path, tmp_path: Path
) -> None:
    made = written(method, tuning, name, model=model_folder, kinds=kinds, folder=tmp_path)
    proof = prover.prove(made)
    assert [one for one in failed(proof) if one != "reward-varies"] == [], proof
