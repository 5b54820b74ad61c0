"""Several processes come to the very numbers that one comes to."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from tunebook.pipeline.data import parallel
from tunebook.pipeline.data.encode import Encoder
from tunebook.pipeline.data.summary import summarize
from tunebook.pipeline.errors import WorkFailed


def rows(count: int) -> list[dict[str, Any] | None]:
    """Prompts of all lengths, some rows without a format, some that the template cannot render."""
    made: list[dict[str, Any] | None] = []
    for number in range(count):
        ask = [{"role": "user", "content": f"Say {number} " + "again " * (number % 7)}]
        answer = [{"role": "assistant", "content": str(number)}]
        made.append(None if number % 50 == 3 else {"prompt": ask, "completion": answer if number % 90 else [7]})
    return made


@pytest.fixture(scope="module")
def encoder(model_folder: Path) -> Encoder:
    from transformers import AutoTokenizer

    return Encoder(AutoTokenizer.from_pretrained(model_folder))


def test_processes_agree_with_one_and_tell_their_progress(encoder: Encoder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parallel, "FROM", 100)
    told: list[int] = []
    keywords: dict[str, Any] = {"limit": 40, "ends": {2}, "prompts": True}
    alone = summarize(encoder, rows(2000), **keywords)
    several = parallel.summarize_all(encoder, rows(2000), **keywords, progress=told.append, workers=3)
    assert asdict(several) == asdict(alone)
    assert alone.failed
    assert told == sorted(told)
    assert told[-1] == 2000


def test_a_process_that_dies_is_told(encoder: Encoder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parallel, "FROM", 100)
    monkeypatch.setattr(parallel, "summarize", lambda *_, **__: __import__("os")._exit(9))
    with pytest.raises(WorkFailed, match="ended early"):
        parallel.summarize_all(encoder, rows(200), limit=40, ends={2}, prompts=False, workers=2)
