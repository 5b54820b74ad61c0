"""The demo's data set is what its README says, and its script makes it again byte for byte."""

from __future__ import annotations

import importlib.util
import json
import re
import sys
from collections import Counter
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"
KINDS = EXAMPLES / "data" / "kinds"
WORDNET = Path("/usr/share/wordnet/data.noun")


def read(name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (KINDS / name).read_text(encoding="utf-8").splitlines()]


def definition(row: dict[str, Any]) -> str:
    question: str = row["prompt"][0]["content"]
    return " ".join(re.findall(r"[a-z0-9]+", question.removeprefix("What kind of thing is this? ").lower()))


@pytest.fixture(scope="module")
def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("make_kinds", EXAMPLES / "make_kinds.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["make_kinds"] = module
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(("name", "rows"), [("train.jsonl", 1200), ("test.jsonl", 200)])
def test_every_kind_has_the_same_number_of_rows(name: str, rows: int) -> None:
    kinds = Counter(row["completion"][0]["content"] for row in read(name))
    assert kinds == dict.fromkeys(
        ("animal", "plant", "food", "person", "object", "place", "feeling", "time"), rows // 8
    )


def test_no_definition_is_held_out_and_trained_or_there_twice() -> None:
    definitions = [definition(row) for name in ("train.jsonl", "test.jsonl") for row in read(name)]
    assert len(set(definitions)) == len(definitions) == 1400


def test_no_example_sentence_is_left_in_a_definition() -> None:
    assert not [
        row for name in ("train.jsonl", "test.jsonl") for row in read(name) if '"' in row["prompt"][0]["content"]
    ]


def test_the_licence_lies_beside_the_data() -> None:
    assert "WordNet 3.0 Copyright 2006 by Princeton University" in (KINDS / "LICENSE").read_text(encoding="utf-8")


def test_the_defined_word_is_not_given(script: ModuleType) -> None:
    told = script.Entry("food", "a pie made of apples", frozenset({"apple", "pie"}), named=False)
    assert not script.usable(told)
    assert script.usable(told._replace(words=frozenset({"strudel"})))


if WORDNET.exists():  # a machine without Debian's wordnet-base has nothing to compare with

    def test_the_script_makes_the_same_bytes_again(script: ModuleType, tmp_path: Path) -> None:
        script.write(WORDNET, tmp_path)
        for name in ("train.jsonl", "test.jsonl"):
            assert (tmp_path / name).read_bytes() == (KINDS / name).read_bytes()
