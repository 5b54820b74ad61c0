"""The rewards that rows allow: what a program can check, and nothing where it cannot."""

from __future__ import annotations

from typing import Any

import pytest

from tunebook.pipeline.rewards import choose, parse_rewards, reward_code

ASK = [{"role": "user", "content": "?"}]


def rows(answers: list[Any], **columns: Any) -> list[dict[str, Any]]:
    return [{"prompt": ASK, "answer": answer, **columns} for answer in answers]


MANY = [f"name of {number} things" for number in range(60)]


@pytest.mark.parametrize(
    ("given", "names"),
    [
        (rows(["42", "1,234", "-3.5", "2/3", "$12", "40%"]), ["numeric"]),
        (rows(["so 6 * 7\n#### 42", "#### 7"]), ["numeric"]),
        (rows(["thus \\boxed{x^2}", "\\boxed{\\frac{1}{2}}"]), ["numeric"]),
        (rows(["\\frac{1}{2}", "\\sqrt{3}"]), ["numeric"]),
        (rows(["A", "(B)", "c", "D."]), ["choice"]),
        (rows(["Rome", "Paris"], choices=["Rome", "Paris"]), ["choice"]),
        (rows(["x"], tests=["assert f(1) == 2"]), ["unit_tests"]),
        (rows(["x"], test="def check(candidate):\n    assert candidate(1) == 2"), ["unit_tests"]),
        (rows(["x"], test_cases={"inputs": ["1"], "outputs": ["2"]}), ["unit_tests"]),
        (rows(["3"], examples=["for instance"]), ["numeric"]),
        (rows([None], schema='{"type": "object"}'), ["json_schema"]),
        (rows(["person", "plant", "time", "person", "plant", "time"] * 5), ["exact"]),
        (rows(MANY), ["exact", "fuzzy"]),
        (rows(["a long answer " * 9] * 3), []),
        (rows(["two\nlines"]), []),
        (rows(["42", None, None]), []),
        ([{"prompt": ASK}], []),
        ([], []),
    ],
)  # fmt: skip
def test_what_the_rows_allow(given: list[dict[str, Any]], names: list[str]) -> None:
    chosen = choose(given)
    assert [one.name for one in chosen] == names
    assert all(one.why for one in chosen)
    assert reward_code(parse_rewards([one.said() for one in chosen])).names == names
