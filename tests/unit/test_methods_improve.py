"""Each method makes a real model better at a real small task: the short form of bench/methods.py."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def bench() -> ModuleType:
    found = importlib.util.spec_from_file_location("methods_bench", ROOT / "bench" / "methods.py")
    assert found and found.loader
    module = importlib.util.module_from_spec(found)
    found.loader.exec_module(module)
    return module


@pytest.mark.alone
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("method", ["sft", "dpo", "kto", "reward", "grpo"])
def test_the_best_checkpoint_beats_the_base(method: str, bench: ModuleType, model_folder: Path) -> None:
    base, best, p, benchmark, said, rows = bench.run(method, model_folder, short=True)
    print(f"\n{method}: {benchmark} of {rows} rows {base:.3f} to {best}, p = {p}: {said}")
    assert best is not None and p is not None
    assert best > base and p < 0.05
