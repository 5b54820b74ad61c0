"""The evaluation as a job of its own: `python -m tunebook.pipeline.evaluation.job CONFIG RESULT`.

CONFIG is an `EvaluationConfig` as JSON. RESULT gets `{"table": ScoreTable, "items": {target: [{"id", "expected",
"completion", "passed"} or {..., "value"}]}}`, or `{"error": {"field", "problem", "remedy"}}` and exit code 2 if the
call was wrong; an item that is a pair has what each answer got as `chosen` and `rejected`. On the way it says
`progress`, and `score` with a row as soon as a target has one.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from tunebook.pipeline.benchmarks import Benchmark, Context, Item, Output, Pair, get_benchmark
from tunebook.pipeline.data.encode import Encoder
from tunebook.pipeline.errors import CallError, WorkFailed
from tunebook.pipeline.evaluation.answers import answers
from tunebook.pipeline.evaluation.compare import BASE
from tunebook.pipeline.evaluation.completions import evaluate_completions
from tunebook.pipeline.evaluation.config import EvaluationConfig, Target, read_config
from tunebook.pipeline.evaluation.losses import losses
from tunebook.pipeline.evaluation.models import Models
from tunebook.pipeline.evaluation.pairs import log_probabilities, scores
from tunebook.pipeline.evaluation.scores import Score, ScoreTable
from tunebook.pipeline.evaluation.statistics import mean_interval, proportion_interval
from tunebook.pipeline.home import write_json
from tunebook.pipeline.job import run
from tunebook.pipeline.progress import emit

COIN = 0.5  # what a target is worth on a pair that it knows nothing about
_ASKED = {"answer": "answers", "loss": "loss", "pair": "log-probability", "reward": "score"}


def main(config_path: Path, result_path: Path) -> int:
    """Score every target and leave the result. Raises CallError or WorkFailed, which `run` turns into exit codes."""
    table, items = evaluate(read_config(config_path))
    write_json(result_path, {"table": table.model_dump(mode="json"), "items": items})
    return 0


def evaluate(config: EvaluationConfig) -> tuple[ScoreTable, dict[str, list[dict[str, Any]]]]:
    """The scores of every target, and what each scored on each item."""
    benchmark = get_benchmark(config.benchmark)
    config.check()
    place = Path(config.rows_file) if config.rows_file else None
    context = Context(rows_file=place, limit=config.limit, seed=config.seed, rewards=config.rewards)
    items = benchmark.items(context)

    table = ScoreTable(
        benchmark=benchmark.name,
        metric=benchmark.metric,
        higher_is_better=benchmark.higher_is_better,
        sandbox=config.sandbox,
        rows=[],
    )
    kept: dict[str, list[dict[str, Any]]] = {}
    voice = _Voice(len(config.targets), len(items))
    models = Models(config.model, config.model_revision, voice.say, scored=benchmark.asks == "reward")
    for target in config.targets:
        voice.target = target.name
        outputs = _outputs(target, models, benchmark, items, config, voice.count)
        voice.targets_done += 1
        kept[target.name] = _scored(benchmark, items, outputs, target.name)
        table.rows.append(_score(target.name, kept[target.name], benchmark, items))
        heading = {"benchmark": table.benchmark, "metric": table.metric, "higher_is_better": table.higher_is_better}
        emit("score", row=table.rows[-1].model_dump(mode="json"), step=target.step, **heading)
    return table, kept


class _Voice:
    """Says how far the whole evaluation is, in items, whichever target is at work."""

    def __init__(self, targets: int, items: int) -> None:
        self._targets, self._items = targets, items
        self.targets_done = 0
        self.target = ""

    def count(self, done: int) -> None:
        self.say(f"{self.target}: {done} of {self._items} answered", done)

    def say(self, text: str, done: int = 0) -> None:
        before, total = self.targets_done * self._items, self._targets * self._items
        emit("progress", done=before + done, total=total, text=text)


def _outputs(
    target: Target,
    models: Models,
    benchmark: Benchmark,
    items: Sequence[Item],
    config: EvaluationConfig,
    progress: Callable[[int], None],
) -> Sequence[Output | None]:
    """What the target gives for each item: read from its file, or asked of its model. None where it is a coin toss."""
    if target.completions:
        if benchmark.asks != "answer":
            raise CallError(
                "target", f"{target.name} has answers, and {benchmark.name} asks for more than texts", "name a model"
            )
        assert target.path is not None
        return evaluate_completions(Path(target.path), items)
    with models.target(target) as loaded:
        if benchmark.asks == "loss":
            return losses(loaded, items, batch_size=config.batch_size, progress=progress)
        if benchmark.asks == "pair":
            return log_probabilities(loaded, items, batch_size=config.batch_size, progress=progress)
        if benchmark.asks == "reward":
            if loaded.untrained and target.name != BASE:
                raise CallError(
                    "target", f"{target.name} has no trained score", "name a reward model, or its checkpoint"
                )
            if loaded.untrained:
                return [None] * len(items)
            return scores(loaded, items, batch_size=config.batch_size, progress=progress)
        limit = config.max_new_tokens or benchmark.max_new_tokens(items, answer_tokens(loaded.tokenizer))
        return answers(loaded, items, max_new_tokens=limit, batch_size=config.batch_size, progress=progress)


def answer_tokens(tokenizer: Any) -> Callable[[Item], int]:
    """Counts the tokens of an expected answer as they are trained, with the end token and what a template adds."""
    encoder = Encoder(tokenizer)

    def count(item: Item) -> int:
        if item.row.get("completion") and (isinstance(item.prompt, str) or tokenizer.chat_template):
            return sum(encoder.tokenized([item.row])[0].trained)
        return len(tokenizer(item.expected, add_special_tokens=False)["input_ids"]) + 1

    return count


def _scored(
    benchmark: Benchmark, items: Sequence[Item], outputs: Sequence[Output | None], name: str
) -> list[dict[str, Any]]:
    if outputs and outputs[0] is None:
        return [{"id": item.id, "expected": item.expected, "completion": None, "value": COIN} for item in items]
    given = [output for output in outputs if output is not None]
    _check_numbers(benchmark, items, given, name)
    together = getattr(benchmark, "scores", None)
    values = (
        together(items, given)
        if together is not None
        else [benchmark.score(item, output) for item, output in zip(items, given, strict=True)]
    )
    return [
        {**_row(item, output), **({"passed": bool(value)} if benchmark.is_count else {"value": float(value)})}
        for item, output, value in zip(items, given, values, strict=True)
    ]


def _check_numbers(benchmark: Benchmark, items: Sequence[Item], outputs: Sequence[Output], name: str) -> None:
    """Raises WorkFailed for a model that gives no number: a comparison with one that does would be a lie."""
    for item, output in zip(items, outputs, strict=True):
        numbers = [output.chosen, output.rejected] if isinstance(output, Pair) else [output]
        if not all(isinstance(value, str) or math.isfinite(value) for value in numbers):
            raise WorkFailed(
                f"{name} has no finite {_ASKED[benchmark.asks]} on row {item.id}: its weights may be broken"
            )


def _row(item: Item, output: Output) -> dict[str, Any]:
    row: dict[str, Any] = {"id": item.id, "expected": item.expected, "completion": None}
    if isinstance(output, str):
        row["completion"] = str(output)
    elif isinstance(output, Pair):
        row |= {"chosen": output.chosen, "rejected": output.rejected}
    return row


def _score(name: str, rows: Sequence[dict[str, Any]], benchmark: Benchmark, items: Sequence[Item]) -> Score:
    total = len(rows)
    if "passed" in rows[0]:
        passed = sum(row["passed"] for row in rows)
        return Score(
            target=name, passed=passed, total=total, score=passed / total, ci=proportion_interval(passed, total)
        )
    values = [row["value"] for row in rows]
    score, interval = math.fsum(values) / total, mean_interval(values)
    comparisons = getattr(benchmark, "comparisons", None)
    if comparisons is not None:
        score, interval = _share(score, interval, comparisons(items))
    return Score(target=name, passed=None, total=None, score=score, ci=interval)


def _share(score: float, interval: tuple[float, float], count: int) -> tuple[float, tuple[float, float]]:
    """A share within 0 and 1. Where all comparisons agree, nothing spreads, and the interval is that of so many counts."""
    score = min(1.0, max(0.0, round(score, 12)))  # without the dust of sums
    low, high = max(0.0, interval[0]), min(1.0, interval[1])
    if score in (0.0, 1.0):
        low, high = proportion_interval(count if score else 0, count)
    return score, (low, high)


if __name__ == "__main__":
    sys.exit(run(main))
