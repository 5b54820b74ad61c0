"""The trial finds what is wrong with a reward before anything is trained, in one sentence, whatever the reward does."""

from __future__ import annotations

from typing import Any

import pytest

from tunebook.pipeline.rewards import RewardCheck, RewardChoice, choose, parse_rewards, reward_code, try_rewards
from tunebook.pipeline.rewards.tried import solution_of

ASK = [{"role": "user", "content": "?"}]
NUMBERS = ["42", "1,234", "3/4", "0.5", "so 2 + 2\n#### 4", "$12", "\\boxed{x^2+1}", "\\frac{1}{2}", "-7"]


def rows(answers: list[Any], **columns: Any) -> list[dict[str, Any]]:
    return [{"prompt": ASK, "answer": answer, **columns} for answer in answers]


def tried(names: list[str], given: list[dict[str, Any]], *, conversational: bool = True) -> dict[str, RewardCheck]:
    checks = try_rewards(reward_code(parse_rewards(names)), given, conversational=conversational)
    return {check.id: check for check in checks}


def of_mine(body: str, name: str = "mine") -> RewardCheck:
    """The one check that fails."""
    source = f"def {name}(completions, **kwargs):\n{body}\n"
    checks = try_rewards(
        reward_code([RewardChoice(name=name, source=source)]), rows(["42", "7"]), conversational=False, seconds=2
    )
    (failed,) = [check for check in checks if not check.passed]
    assert failed.evidence.startswith(name) and "\n" not in failed.evidence and failed.evidence.endswith(".")
    return failed


CODE = [
    {"answer": "def add(a, b):\n    return a + b", "tests": ["assert add(1, 2) == 3"]},
    {"answer": "def sub(a, b):\n    return a - b", "tests": ["assert sub(1, 2) == -1"]},
]
OPTIONS = [{"role": "user", "content": "Which?\nA. Rome\nB. Paris\nC. A dog"}]
PROMPTS = [{"prompt": OPTIONS, "answer": letter} for letter in "ABC"]


@pytest.mark.parametrize(
    ("name", "given"),
    [
        ("choice", PROMPTS),
        ("choice", rows(["Rome", "Paris"], choices=["Rome", "Paris", "Oslo"])),
        ("exact", rows(["person", "plant", "a long name", "ß"])),
        ("exact", rows(["The answer is plant.", "The answer is food."])),
        ("fuzzy", rows(["person", "plant", "a long name", "ß"])),
    ],
)
def test_what_judges_answers_puts_the_right_one_first(name: str, given: list[dict[str, Any]]) -> None:
    for conversational in (True, False):
        checks = tried([name], given, conversational=conversational)
        assert list(checks) == [f"{name}.{what}" for what in ("runs", "numbers", "varies", "right_first")]
        assert all(check.passed for check in checks.values()), checks
        assert f"first in {min(8, len(given))} of " in checks[f"{name}.right_first"].evidence


def test_tests_without_a_solution_are_tried_on_what_they_tell_themselves() -> None:
    tests = [{"prompt": ASK, "tests": [f"assert add({n}, 2) == {n + 2}"]} for n in (1, 5)]
    checks = tried(["unit_tests"], tests)
    assert all(check.passed for check in checks.values()), checks
    assert "first in 2 of 2 rows" in checks["unit_tests.right_first"].evidence


@pytest.mark.parametrize(
    "test", ["assert f({[]: 1}) == 2", "assert f(" + "(" * 999, "assert f(" + "-" * 9999 + "1) == 2", 7]
)
def test_tests_that_cannot_be_read_tell_no_program(test: Any) -> None:
    assert solution_of({"tests": [test]}) is None


def test_where_no_right_answer_is_known_that_wrong_ones_are_alike_is_no_fault() -> None:
    checks = tried(["unit_tests"], [{"prompt": ASK, "tests": ["import math\nassert abs(root(4) - 2) < 0.1"]}])
    assert all(check.passed for check in checks.values()), checks
    assert "no right one" in checks["unit_tests.varies"].evidence


def test_what_judges_the_form_tells_answers_apart() -> None:
    checks = tried(["tags", "length(5-20)", r"pattern(\d+)", "json_schema"], rows(NUMBERS, schema='{"type": "object"}'))
    assert all(check.passed for check in checks.values()), checks
    assert not any("right_first" in name for name in checks)


def test_what_was_chosen_by_the_rows_passes_on_them() -> None:
    for given in (
        rows(NUMBERS),
        [{"prompt": ASK, **row} for row in CODE],
    ):
        names = [choice.said() for choice in choose(given)]
        checks = tried(names, given)
        assert all(check.passed for check in checks.values()), checks
        assert f"first in {min(8, len(given))} of " in checks[f"{names[0]}.right_first"].evidence


@pytest.mark.parametrize(
    ("body", "id", "told"),
    [
        ("    return [1 / 0 for _ in completions]", "runs", "ZeroDivisionError: division by zero"),
        ("    return ['good' for _ in completions]", "numbers", "mine gave 'good' (str), which is no finite number"),
        ("    return [float('nan') for _ in completions]", "numbers", "mine gave nan (float)"),
        ("    return [float('-inf') for _ in completions]", "numbers", "mine gave -inf (float)"),
        ("    return [[1.0] for _ in completions]", "numbers", "mine gave [1.0] (list)"),
        ("    return [1.0]", "numbers", "mine gave 1 scores for"),
        ("    return 1.0", "runs", "TypeError"),
        ("    return None", "runs", "TypeError"),
        ("    return [None for _ in completions]", "numbers", "gave None for each of"),
        ("    return [0.5 for _ in completions]", "varies", "mine gave 0.5 for every one of"),
        (
            "    return [float(len(kwargs['prompts'][0])) for _ in completions]",
            "varies",
            "score good answers above bad ones",
        ),
        (
            "    return [len(one['content']) for one in completions]",
            "runs",
            "TypeError: string indices must be integers",
        ),
        ("    return [float(kwargs['rating'][0])]", "runs", "KeyError: 'rating'"),
        ("    raise SystemExit(0)", "runs", "SystemExit"),
        ("    import os\n    os._exit(0)", "runs", "did not come back: the process ended (0)"),
        ("    import os\n    os.abort()", "runs", "did not come back: the process ended (-6)"),
        ("    while True: pass", "runs", "it was not done after 2 s"),
    ],
)
def test_a_persons_faulty_reward_is_found_with_one_sentence(body: str, id: str, told: str) -> None:
    failed = of_mine(body)
    assert failed.id == f"mine.{id}" and told in failed.evidence


def test_a_persons_good_reward_passes_and_may_be_asynchronous() -> None:
    source = (
        "async def mine(completions, log_extra, log_metric, **kwargs):\n    log_metric('n', 1.0)\n"
        "    return [min(1, len(one) / 99) for one in completions]\n"
    )
    checks = try_rewards(reward_code([RewardChoice(name="mine", source=source)]), rows(["42"]), conversational=False)
    assert [check.id for check in checks if check.passed] == ["mine.runs", "mine.numbers", "mine.varies"]


def test_a_column_that_is_not_there_is_named() -> None:
    checks = tried(["numeric"], [{"prompt": ASK}])
    assert not checks["numeric.runs"].passed and "the rows have no column answer" in checks["numeric.runs"].evidence
    checks = tried(["unit_tests"], rows(["x"]))
    assert not checks["unit_tests.numbers"].passed and "gave None for each" in checks["unit_tests.numbers"].evidence


def test_a_row_whose_answer_cannot_be_right_is_found() -> None:
    checks = tried(["choice"], [{"prompt": OPTIONS, "answer": "Berlin"}, *PROMPTS])
    assert checks["choice.right_first"].evidence.startswith("first in 3 of 3 rows")
    checks = tried(["unit_tests"], [{"prompt": ASK, **CODE[0], "tests": ["assert add(1, 2) == 4"]}])
    assert not checks["unit_tests.varies"].passed


def test_without_rows_or_rewards_nothing_breaks() -> None:
    assert try_rewards(reward_code([]), rows(["1"]), conversational=True) == []
    (check,) = try_rewards(reward_code(parse_rewards(["exact"])), [], conversational=True)
    assert not check.passed and check.evidence == "there is no row to try it on"


def test_a_source_that_cannot_be_loaded_is_told() -> None:
    code = reward_code([RewardChoice(name="mine", source="x = 1 / 0\ndef mine(completions, **kwargs): pass\n")])
    (check,) = try_rewards(code, rows(["1"]), conversational=True)
    assert check.id == "mine.runs" and "cannot be loaded: ZeroDivisionError" in check.evidence
