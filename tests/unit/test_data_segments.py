"""Tokenizing the stretches between special tokens gives exactly what tokenizing the whole text gives."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tunebook.pipeline.data.segments import KEPT, Segments

PIECES = st.one_of(
    st.sampled_from(
        ["<|im_start|>", "<|im_end|>", "<|endoftext|>", "<|im_start|>system\n", "\n", " ", "  ", "user", "<|im_", "|>"]
    ),
    st.text(max_size=12),
)


@pytest.fixture(scope="module")
def tokenizer(model_folder: Path) -> Any:
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(model_folder)


@pytest.fixture(scope="module")
def segments(tokenizer: Any) -> Segments:
    found = Segments.of(tokenizer)
    assert found is not None
    return found


@settings(deadline=None, max_examples=300)
@given(st.lists(st.lists(PIECES, max_size=8).map("".join), min_size=1, max_size=6))
def test_any_texts_get_the_tokens_of_the_tokenizer(segments: Segments, tokenizer: Any, texts: list[str]) -> None:
    assert segments.ids(texts) == tokenizer(texts, add_special_tokens=False)["input_ids"]


def test_what_is_kept_stays_bounded(segments: Segments, tokenizer: Any) -> None:
    for start in range(0, 3 * KEPT // 2, KEPT // 2):
        texts = [f"<|im_start|>{number}<|im_end|>" for number in range(start, start + KEPT // 2)]
        assert segments.ids(texts[:3] + texts)[:3] == tokenizer(texts[:3], add_special_tokens=False)["input_ids"]
        assert len(segments._ids) <= KEPT + 2


@pytest.mark.parametrize("change", ["metaspace", "prefix", "strip", "normal"])
def test_a_tokenizer_whose_stretches_depend_on_each_other_is_left_alone(model_folder: Path, change: str) -> None:
    from tokenizers import AddedToken, normalizers, pre_tokenizers
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(model_folder)
    backend = tokenizer.backend_tokenizer
    match change:
        case "metaspace":
            backend.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="first")
        case "prefix":
            backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
        case "strip":
            backend.add_special_tokens([AddedToken("<mask>", lstrip=True)])
        case _:
            backend.normalizer = normalizers.Prepend("_")
    assert Segments.of(tokenizer) is None
