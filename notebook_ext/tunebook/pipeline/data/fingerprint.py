"""The identity of the rows: the same rows have the same fingerprint whatever file, path or format they come from."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from typing import Any

from tunebook.pipeline.data.source import Source


def fingerprint(train: Iterable[Mapping[str, Any]], held_out: Iterable[Mapping[str, Any]] | None) -> str:
    """sha256 (hex) over the rows in their order. Nulls count as absent: formats differ in how they say nothing."""
    digest = hashlib.sha256()
    for name, rows in (("train", train), ("eval", held_out or ())):
        digest.update(f"{name}\n".encode())
        for row in rows:
            text = json.dumps(_plain(row), sort_keys=True, ensure_ascii=False, separators=(",", ":"), default=str)
            digest.update(text.encode("utf-8", "surrogatepass") + b"\n")
    return digest.hexdigest()


def fingerprint_of_commit(source: Source, *drawn: float | None) -> str:
    """Of rows that are not all read: a commit on the Hub cannot change, so its sha stands for them. `drawn` is what else
    decides which of them are trained on.
    """
    what = [source.path, source.revision, source.config, source.train_split, source.eval_split, *drawn]
    return hashlib.sha256(json.dumps(what).encode()).hexdigest()


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items() if item is not None}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value
