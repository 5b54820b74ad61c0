"""What a model is scored on: benchmarks by name, built in or brought by other packages."""

from tunebook.pipeline.benchmarks.base import Benchmark, Context, Item, Prompt
from tunebook.pipeline.benchmarks.registry import benchmark_names, get_benchmark

__all__ = ["Benchmark", "Context", "Item", "Prompt", "benchmark_names", "get_benchmark"]
