"""A call that does not answer is given up in time, and the others' answers are kept."""

from __future__ import annotations

import threading
import time

import pytest

from tunebook.pipeline.deadline import all_within, within


def _fails() -> int:
    raise ValueError("no")


def test_what_a_call_returns_or_raises_is_handed_on() -> None:
    assert within(5, lambda: 3) == 3
    with pytest.raises(ValueError, match="no"):
        within(5, _fails)


def test_a_call_that_does_not_answer_is_given_up() -> None:
    never = threading.Event()
    began = time.monotonic()
    with pytest.raises(TimeoutError):
        within(0.1, never.wait)
    assert time.monotonic() - began < 2
    never.set()


def test_calls_go_side_by_side_and_each_has_its_own_answer() -> None:
    never, both = threading.Event(), threading.Barrier(2)

    def meets() -> bool:
        both.wait(2)
        return True

    began = time.monotonic()
    told = all_within(0.5, {"one": meets, "other": meets, "never": never.wait, "fails": _fails})
    assert time.monotonic() - began < 2
    assert told["one"] is True and told["other"] is True, "each waited for the other"
    assert isinstance(told["never"], TimeoutError)
    assert isinstance(told["fails"], ValueError)
    assert list(told) == ["one", "other", "never", "fails"]
    assert all_within(0.1, {}) == {}
    never.set()
