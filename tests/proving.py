"""Proofs in miniature for the tests: the scripts, and one process that has imported the libraries once for many of them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any

from tunebook.pipeline.prove.result import Proof, ProofCheck

#: As every local job has them.
ENVIRONMENT = {"MALLOC_MMAP_MAX_": "0", "MALLOC_TRIM_THRESHOLD_": "8000000000", "OMP_NUM_THREADS": "1"}
TRAIN_ROWS, HELD_OUT_ROWS = 160, 16


class Prover:
    """Asks a warm process for proofs."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process

    def prove(self, script: Path, *only: str, quick: bool = True) -> Proof:
        """The proof of a script by some of its runs; by all without names."""
        assert self.process.stdin and self.process.stdout
        self.process.stdin.write(json.dumps({"script": str(script), "only": only, "quick": quick}) + "\n")
        self.process.stdin.flush()
        answer = json.loads(self.process.stdout.readline())
        assert "error" not in answer, answer["error"]
        return Proof.model_validate(answer)


@contextmanager
def warm_prover() -> Iterator[Prover]:
    process = subprocess.Popen(
        [sys.executable, __file__],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | ENVIRONMENT,
    )
    try:
        yield Prover(process)
    finally:
        process.kill()
        process.communicate()


def settings(model: Path, source: Any, **more: Any) -> Any:
    """What a plan would decide for a small run."""
    from tunebook.pipeline.scripts.train import TrainSettings

    small: dict[str, Any] = {
        "model": str(model), "model_revision": None, "source": source, "to_trl": None, "rows": None, "eval_share": 0.0,
        "held_out_rows": 64, "loss_rows": 16, "seed": 42, "max_length": 512, "packing": False, "epochs": 1.0,
        "max_steps": 20, "device_batch_size": 8, "accumulation": 1, "learning_rate": 5e-4, "warmup_steps": 2,
        "checkpointing": False, "eval_steps": 20, "save_steps": 20, "lora_rank": 16, "report_to": ["trackio"],
    }  # fmt: skip
    return TrainSettings(**small | more)


def script(to: Path, settings: Any, *changes: tuple[str, str]) -> Path:
    """The generated script in a file, with some of its text changed by hand."""
    from tunebook.pipeline.scripts.train import train_script

    text = train_script(settings, timeout_s=600)
    for old, new in changes:
        assert old in text, f"the script has no {old!r}"
        text = text.replace(old, new, 1)
    to.write_text(text, encoding="utf-8")
    return to


def data(kinds: Path, to: Path, method: str) -> Any:
    """The source of rows made of the demo's data, as a method reads them."""
    from tunebook.pipeline.data.source import locate

    to.mkdir()
    for name, count in (("train", TRAIN_ROWS), ("test", HELD_OUT_ROWS)):
        with (kinds / f"{name}.jsonl").open(encoding="utf-8") as file:
            rows = [json.loads(line) for line in islice(file, count)]
        made = [_row(method, row, rows, at) for at, row in enumerate(rows)]
        (to / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in made), encoding="utf-8")
    return locate(str(to))


def _row(method: str, row: dict[str, Any], rows: list[dict[str, Any]], at: int) -> dict[str, Any]:
    right = row["completion"]
    wrong = next(one["completion"] for one in rows[at:] + rows[:at] if one["completion"] != right)
    if method in ("dpo", "reward"):
        return {"prompt": row["prompt"], "chosen": right, "rejected": wrong}
    if method == "kto":
        return {"prompt": row["prompt"], "completion": right if at % 2 else wrong, "label": bool(at % 2)}
    if method == "grpo":
        return {"prompt": row["prompt"], "answer": right[0]["content"]}
    return row


def check(proof: Proof, name: str) -> ProofCheck:
    return next(one for one in proof.checks if one.id == name)


def failed(proof: Proof) -> list[str]:
    return [one.id for one in proof.checks if not one.passed]


def _serve() -> None:
    """A line with a ProofConfig in, a line with its Proof out."""
    from tunebook.pipeline.errors import CallError
    from tunebook.pipeline.prove.job import import_all, proof_of
    from tunebook.pipeline.prove.result import ProofConfig

    os.environ |= {"CUDA_VISIBLE_DEVICES": "", "TQDM_DISABLE": "1"}
    import_all()
    for line in sys.stdin:
        with tempfile.TemporaryDirectory() as folder:
            try:
                told = proof_of(ProofConfig.model_validate_json(line), Path(folder), time.monotonic()).model_dump()
            except CallError as error:
                told = {"error": str(error)}
        print(json.dumps(told), flush=True)


if __name__ == "__main__":
    _serve()
