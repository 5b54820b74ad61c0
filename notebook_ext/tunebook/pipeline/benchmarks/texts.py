"""The texts of benchmarks by name, so that training rows can be searched for them.

They come from a benchmark's own `texts()`, or from a package on the registry that carries the data.
"""

from __future__ import annotations

from collections.abc import Callable

from tunebook.pipeline.benchmarks import human_eval
from tunebook.pipeline.benchmarks.base import BenchmarkText
from tunebook.pipeline.benchmarks.registry import benchmark_names, get_benchmark
from tunebook.pipeline.errors import CallError

_CARRIED: dict[str, Callable[[], list[BenchmarkText]]] = {"humaneval": human_eval.texts}


def benchmark_texts(name: str) -> list[BenchmarkText]:
    """All texts of a benchmark. Raises CallError if there is none of that name, or if it has or brings no texts."""
    if name in benchmark_names():
        own = getattr(get_benchmark(name), "texts", None)
        if own is not None:
            return _read(name, own)
    elif name not in _CARRIED:
        raise CallError("against", f"is {name!r}, which is no benchmark", _remedy())
    if name not in _CARRIED:
        raise CallError("against", f"is {name!r}, which has no texts of its own to look for", _remedy())
    return _CARRIED[name]()


def _read(name: str, own: Callable[[], list[BenchmarkText]]) -> list[BenchmarkText]:
    try:
        return list(own())
    except CallError:
        raise
    except Exception as failure:  # noqa: BLE001 (someone else's code raises what it likes)
        reason = (str(failure).splitlines() or [type(failure).__name__])[0][:160]
        raise CallError("against", f"is {name!r}, whose texts cannot be read ({reason})", "mend its package") from None


def _remedy() -> str:
    return f"name one that has texts, such as {' or '.join(_CARRIED)}"
