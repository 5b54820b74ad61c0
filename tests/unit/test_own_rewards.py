"""A function of the notebook becomes a file that stands alone, with what the function uses."""

from __future__ import annotations

import math
import re as regex
import runpy
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tunebook.own_rewards import written
from tunebook.pipeline.errors import CallError
from tunebook.pipeline.rewards import parse_rewards, reward_code

POLITE = ("please", "thank")
UNWRITABLE = object()


def has_word(text: str) -> bool:
    return any(regex.search(word, text) for word in POLITE)


def polite(completions: list[str], **_: Any) -> list[float]:
    return [math.floor(has_word(str(one))) + 0.0 * len(Counter(str(one))) for one in completions]


def strange(completions: list[str], **_: Any) -> list[float]:
    return [float(one is UNWRITABLE) for one in completions]


def test_a_function_is_written_with_what_it_uses() -> None:
    [said] = written([polite], {})
    path, _, name = said.rpartition(":")
    assert name == "polite"
    made = runpy.run_path(path)
    assert made["polite"](["thank you", "no"]) == [1.0, 0.0]
    assert said == written([polite], {})[0], "the same text is the same file"
    code = reward_code(parse_rewards([f"{said}*0.5"]))
    assert code.names == ["polite"] and code.weights == [0.5]


def test_a_name_in_the_cell_is_a_function_of_the_notebook_unless_it_is_a_built_in_one() -> None:
    names = {"polite": polite, "numeric": polite}
    [own, built_in, tags] = written(["polite*0.5", "numeric", "0.2*tags"], names)
    assert own.endswith("polite.py:polite*0.5") and Path(own.partition(":")[0]).is_file()
    assert (built_in, tags) == ("numeric", "0.2*tags")


def test_what_cannot_be_written_is_named() -> None:
    with pytest.raises(CallError, match="strange uses UNWRITABLE, which cannot be written into a script"):
        written([strange], {})
    names: dict[str, Any] = {}
    exec("def nowhere(completions, **kwargs): return [0.0]", names)
    with pytest.raises(CallError, match="the text of nowhere is not to be had"):
        written([names["nowhere"]], {})
