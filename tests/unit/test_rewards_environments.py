"""Environments: a class in a file or a package is carried as text, and tried as TRL uses it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from environments import COUNTER

from tunebook.pipeline.errors import CallError
from tunebook.pipeline.rewards import (
    RewardCheck,
    environment,
    environment_code,
    parse_rewards,
    reward_code,
    try_environment,
)

GYM = Path(__file__).resolve().parents[2] / "examples" / "environments" / "reasoning_gym_env.py"


def written(folder: Path, text: str) -> str:
    (folder / "env.py").write_text(text)
    return f"{folder}/env.py:Counter"


def tried(folder: Path, text: str, seconds: float = 60) -> dict[str, RewardCheck]:
    return {check.id: check for check in try_environment(environment(written(folder, text)), seconds=seconds)}


def test_reasoning_gym_is_a_source_of_tasks_and_rewards() -> None:
    code = environment(f"{GYM}:Arithmetic")
    assert list(code.requirements) == ["reasoning_gym"] and "tunebook" not in code.source
    names: dict[str, Any] = {}
    exec(reward_code(parse_rewards(["length"])).source + "\n\n" + code.source, names)
    assert [one.__name__ for one in names["REWARDS"]] == ["length", "environment_reward"]
    right, wrong, silent = (names["ENVIRONMENT"]() for _ in range(3))
    for one in (right, wrong, silent):
        assert "tool `answer`" in one.reset(prompt="", rating=3)
    assert right.answer(f" {right._task['answer']} ") == "right"
    assert wrong.answer("no number") == "wrong" and wrong.answer(wrong._task["answer"]) == "There is an answer already."
    right_score, wrong_score, none = names["environment_reward"](environments=[right, wrong, silent])
    assert right_score == 1.0 and 0 <= wrong_score < 0.1 and none == 0.0


def test_the_trial_uses_it_as_trl_does() -> None:
    checks = try_environment(environment(f"{GYM}:Arithmetic"), [{"prompt": "x", "rating": 3}])
    assert [check.id for check in checks] == ["environment.reset", "environment.tools", "environment.reward"]
    assert all(check.passed for check in checks), checks
    assert "tools: answer" in checks[1].evidence


def test_a_class_that_owns_its_reward_gets_no_second_one(tmp_path: Path) -> None:
    code = environment_code(written(tmp_path, COUNTER))
    assert code.endswith("ENVIRONMENT = Counter\n") and "environment_reward" not in code


def test_an_installed_package_is_imported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "games.py").write_text(COUNTER)
    monkeypatch.syspath_prepend(str(tmp_path))
    code = environment("games:Counter")
    assert code.source.startswith("from games import Counter\n\nENVIRONMENT = Counter\n")


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (("class Counter", "class Other"), "name one of Other"),
        (("def reset(self, **row)", "def begin(self, **row)"), "has no method reset"),
        (("def reset(self, **row)", "def reset(self)"), "write def reset(self, **row)"),
        (("def get_reward(self)", "def _worth(self)"), "says nowhere what a run was worth"),
        (("class Counter", "from .x import y\nclass Counter"), "imports from beside it"),
        (("class Counter", "class Counter("), "is no Python"),
    ],
)
def test_what_cannot_be_an_environment_is_told(tmp_path: Path, change: tuple[str, str], told: str) -> None:
    with pytest.raises(CallError, match="environment") as failure:
        environment(written(tmp_path, COUNTER.replace(*change)))
    assert told in str(failure.value)


@pytest.mark.parametrize(
    "value", ["", "Counter", "none.py:Counter", "not_installed_at_all:Counter", "a b:c", "json.nothing:X", ":X"]
)
def test_a_place_where_nothing_is_is_told(value: str) -> None:
    with pytest.raises(CallError, match="environment"):
        environment(value)


@pytest.mark.parametrize(
    ("change", "id", "told"),
    [
        (("class Counter:", "class Counter:\n    def __init__(self, size): pass"), "runs", "is made without arguments"),
        (("self.count = 0", "raise OSError('no server')"), "reset", "OSError: no server"),
        (('return "Count to three."', "return 3"), "reset", "return the task as text"),
        (("steps: int", "steps"), "tools", "it lacks the type of steps"),
        (
            ("return self.count / 3", "self.all = getattr(self, 'all', 0) + 1; return self.all"),
            "reward",
            "set it anew in reset",
        ),
        (("return self.count / 3", "return 'much'"), "reward", "return a finite number"),
        (("return self.count / 3", "return self.nothing"), "reward", "AttributeError"),
        (("self.count = 0", "import os; os._exit(3)"), "runs", "the process ended (3)"),
        (("self.count = 0", "import time; time.sleep(60)"), "runs", "it was not done after 2 s"),
    ],
)
def test_what_is_wrong_with_one_is_found(tmp_path: Path, change: tuple[str, str], id: str, told: str) -> None:
    seconds = 2 if "sleep" in change[1] else 60
    text = COUNTER.replace(*change)
    if id == "reward":
        text = text.replace("def up(", "def _up(")  # no tools: describing them takes seconds
    failed = [check for check in tried(tmp_path, text, seconds).values() if not check.passed]
    assert failed[0].id == f"environment.{id}" and told in failed[0].evidence
