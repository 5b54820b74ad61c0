"""What a model is scored on: benchmarks by name, built in or brought by other packages."""

from tunebook.pipeline.benchmarks.base import Benchmark, BenchmarkText, Context, Item, Prompt
from tunebook.pipeline.benchmarks.registry import benchmark_names, get_benchmark
from tunebook.pipeline.benchmarks.texts import benchmark_texts

__all__ = [
    "Benchmark",
    "BenchmarkText",
    "Context",
    "Item",
    "Prompt",
    "benchmark_names",
    "benchmark_texts",
    "get_benchmark",
]
