"""What a model is scored on: benchmarks by name, built in or brought by other packages."""

from tunebook.pipeline.benchmarks.base import Answer, Benchmark, BenchmarkText, Context, Item, Output, Pair, Prompt
from tunebook.pipeline.benchmarks.defaults import default_benchmark
from tunebook.pipeline.benchmarks.registry import benchmark_names, get_benchmark
from tunebook.pipeline.benchmarks.texts import benchmark_texts

__all__ = [
    "Answer",
    "Benchmark",
    "BenchmarkText",
    "Context",
    "Item",
    "Output",
    "Pair",
    "Prompt",
    "benchmark_names",
    "benchmark_texts",
    "default_benchmark",
    "get_benchmark",
]
