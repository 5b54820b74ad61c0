"""Tokens of many rendered conversations, each stretch between special tokens once.

A tokenizer cuts its text at special tokens before anything else, so what lies between two of them is tokenized on its
own. Rows share such stretches (the system prompt, the role names, the prompt within its whole row): each is tokenized
once and looked up afterwards. `Segments.of` says None for a tokenizer with which that is not exact.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from itertools import chain
from typing import Any

#: Parts of a fast tokenizer that treat every stretch alike, wherever in the text it stands.
_LOCAL = {"Sequence", "ByteLevel", "Split", "Digits", "Punctuation", "Whitespace", "WhitespaceSplit"}
#: Stretches kept. Beyond that the oldest go: those of the template are met again at once.
KEPT = 100_000


class Segments:
    """Token ids of texts. Made by `of`."""

    def __init__(self, tokenizer: Any, special: list[str]) -> None:
        self._backend = tokenizer.backend_tokenizer
        longest_first = sorted(special, key=len, reverse=True)
        self._cut = re.compile(f"({'|'.join(map(re.escape, longest_first))})")
        self._ids: dict[str, list[int]] = {}

    @classmethod
    def of(cls, tokenizer: Any) -> Segments | None:
        """For this tokenizer, or None where stretches are not independent or there is nothing to cut at."""
        backend = getattr(tokenizer, "backend_tokenizer", None)
        if backend is None or getattr(tokenizer, "split_special_tokens", False):
            return None
        made = json.loads(backend.to_str())
        added = made.get("added_tokens") or []
        if any(token["normalized"] or token["lstrip"] or token["rstrip"] or token["single_word"] for token in added):
            return None
        normal = made.get("normalizer") or {"type": "NFC"}
        if normal["type"] != "NFC" or not _local(made.get("pre_tokenizer")):
            return None
        special = [token["content"] for token in added]
        return cls(tokenizer, special) if special else None

    def ids(self, texts: Sequence[str]) -> list[list[int]]:
        """What `tokenizer(texts, add_special_tokens=False)` gives as `input_ids`."""
        cut = [self._cut.split(text) for text in texts]
        fresh = list(dict.fromkeys(piece for pieces in cut for piece in pieces if piece not in self._ids))
        if len(self._ids) + len(fresh) > KEPT:
            for piece in list(self._ids)[: len(self._ids) // 2]:
                del self._ids[piece]
            fresh = list(dict.fromkeys(piece for pieces in cut for piece in pieces if piece not in self._ids))
        for piece, encoding in zip(
            fresh, self._backend.encode_batch_fast(fresh, add_special_tokens=False), strict=True
        ):
            self._ids[piece] = encoding.ids
        return [list(chain.from_iterable(map(self._ids.__getitem__, pieces))) for pieces in cut]


def _local(part: Any) -> bool:
    """Whether a pre-tokenizer, as its JSON, looks at nothing outside the stretch it is given."""
    if not isinstance(part, dict) or part.get("type") not in _LOCAL or part.get("add_prefix_space"):
        return False
    return all(_local(inner) for inner in part.get("pretokenizers") or [])
