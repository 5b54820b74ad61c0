"""Benchmarks by name. The built-in ones come first: an installed package cannot change what `exact_match` means."""

from __future__ import annotations

from importlib.metadata import EntryPoint, entry_points

from tunebook.pipeline.benchmarks.base import Benchmark
from tunebook.pipeline.benchmarks.exact_match import ExactMatch
from tunebook.pipeline.benchmarks.heldout_loss import HeldoutLoss
from tunebook.pipeline.benchmarks.mean_reward import MeanReward
from tunebook.pipeline.benchmarks.preference import Preference, RewardAccuracy
from tunebook.pipeline.benchmarks.verdict import Verdict
from tunebook.pipeline.errors import CallError

GROUP = "tunebook.benchmarks"
#: By the rows they need: a prompt and one short answer; any rows for supervised training; preference pairs; labelled
#: answers; preference pairs, asked of a reward model; prompts, with the run's reward functions.
_BUILT_IN: dict[str, type[Benchmark]] = {
    "exact_match": ExactMatch,
    "heldout_loss": HeldoutLoss,
    "preference": Preference,
    "verdict": Verdict,
    "reward_accuracy": RewardAccuracy,
    "mean_reward": MeanReward,
}


def benchmark_names() -> list[str]:
    """Every name that `get_benchmark` knows, without importing anyone's package."""
    return list(dict.fromkeys([*_BUILT_IN, *sorted(point.name for point in entry_points(group=GROUP))]))


def get_benchmark(name: str) -> Benchmark:
    """The benchmark of that name. Raises CallError if there is none, or if the package that brings it is broken."""
    if name in _BUILT_IN:
        return _BUILT_IN[name]()
    points = list(entry_points(group=GROUP, name=name))
    if not points:
        raise CallError("benchmark", f"{name!r} is not known", f"choose one of {', '.join(benchmark_names())}")
    if len({point.value for point in points}) > 1:
        places = " and ".join(sorted({point.value for point in points}))
        raise CallError("benchmark", f"{name!r} is brought by {places}", "uninstall all but one of them")
    return _load(points[0])


def _load(point: EntryPoint) -> Benchmark:
    try:
        found = point.load()
        benchmark: Benchmark = found() if isinstance(found, type) else found
    except Exception as failure:  # someone else's code raises what it likes
        reason = (str(failure).splitlines() or [type(failure).__name__])[0][:160]
        raise CallError(
            "benchmark", f"{point.name!r} could not be loaded from {point.value} ({reason})", "mend or uninstall it"
        ) from failure
    missing = [
        name
        for name in ("name", "metric", "higher_is_better", "is_count", "asks", "items", "score", "max_new_tokens")
        if not hasattr(benchmark, name)
    ]
    if missing:
        problem = f"{point.name!r} from {point.value} has no {', '.join(missing)}"
        raise CallError("benchmark", problem, "mend or uninstall it")
    return benchmark
