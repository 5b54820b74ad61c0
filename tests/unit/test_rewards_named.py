"""Rewards are named, found, and written into the script as text that runs without tunebook."""

from __future__ import annotations

import ast
import subprocess
import sys
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import pytest

from tunebook.pipeline.errors import CallError
from tunebook.pipeline.rewards import RewardChoice, catalogue, parse_rewards, reward_code
from tunebook.pipeline.rewards import carried as carried_module
from tunebook.pipeline.rewards.catalogue import BUILT_IN

ALL = [*BUILT_IN]
POLITE = '''"""My rewards."""

from __future__ import annotations

import re


def polite(completions, **kwargs) -> list[float]:
    """Thanks count."""
    return [float(bool(re.search("please|thank", str(one)))) for one in completions]


def loud(completions, answer, **kwargs):
    return [float(str(one).isupper()) for one in completions]


if __name__ == "__main__":
    print(polite(["thank you"]))
'''


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    path = tmp_path / "my_rewards.py"
    path.write_text(POLITE)
    return path


def ran(source: str) -> dict[str, Any]:
    names: dict[str, Any] = {"__name__": "train"}
    exec(compile(source, "train.py", "exec"), names)
    return names


@pytest.mark.parametrize(
    ("value", "name", "weight", "option"),
    [
        ("numeric", "numeric", 1.0, None),
        (" tags*0.2 ", "tags", 0.2, None),
        ("0.2 * tags", "tags", 0.2, None),
        ("length(50-200)*-1", "length", -1.0, "50-200"),
        ("tags(reasoning+answer)", "tags", 1.0, "reasoning+answer"),
        (r"pattern(\d+(?:\.\d*)?)*0.5", "pattern", 0.5, r"\d+(?:\.\d*)?"),
    ],
)
def test_names_weights_and_brackets_are_read(value: str, name: str, weight: float, option: str | None) -> None:
    (choice,) = parse_rewards([value])
    assert (choice.name, choice.weight, choice.option, choice.file) == (name, weight, option, None)
    assert parse_rewards([choice.said()]) == [choice]


def test_a_function_in_a_file_is_named_by_both() -> None:
    (choice,) = parse_rewards(["0.5*some folder/my_rewards.py:polite"])
    assert (choice.file, choice.name, choice.weight) == ("some folder/my_rewards.py", "polite", 0.5)
    assert choice.said() == "some folder/my_rewards.py:polite*0.5"


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ("numerik", "did you mean numeric"),
        ("regex", "did you mean pattern"),
        ("accuracy", "did you mean numeric"),
        ("Unit Tests", "did you mean unit_tests"),
        ("kindness", "name a function of your own as my_rewards.py:kindness"),
        ("", "are empty"),
        ("tags*0", "has the weight 0"),
        ("tags*1e999", "has the weight inf"),
        ("2*tags*3", "two weights"),
        ("tags*much", "write a weight as a number"),
        ("numeric(3)", "takes nothing in brackets"),
        ("my_rewards.py:not a name", "no name of a function"),
    ],
)
def test_what_is_not_known_is_told_with_what_is_near(value: str, told: str) -> None:
    with pytest.raises(CallError, match="rewards") as failure:
        parse_rewards([value])
    assert told in str(failure.value) and "\n" not in str(failure.value)
    with pytest.raises(CallError, match="twice"):
        parse_rewards(["tags", "0.1*tags"])


@pytest.mark.parametrize(
    "value",
    ["length(long)", "length(9-3)", "tags(<a>)", "pattern(()", "json_schema(nowhere.json)", 'json_schema({"type": 3})'],
)
def test_a_wrong_option_is_told(value: str) -> None:
    with pytest.raises(CallError, match="rewards"):
        reward_code(parse_rewards([value]))


def test_the_text_of_all_of_them_is_clean_and_needs_no_tunebook(tmp_path: Path) -> None:
    code = reward_code(parse_rewards(ALL))
    assert code == reward_code(parse_rewards(ALL))
    assert code.source.endswith(f"REWARDS = [{', '.join(ALL)}]\nREWARD_WEIGHTS = {[1.0] * len(ALL)}\n")
    assert "tunebook" not in code.source
    path = tmp_path / "rewards.py"
    path.write_text(code.source + "\nprint([one.__name__ for one in REWARDS], exact(['a'], answer=['A']))\n")
    ruff = [
        sys.executable,
        "-m",
        "ruff",
        "check",
        "--config",
        str(Path(__file__).resolve().parents[2] / "pyproject.toml"),
        str(path),
    ]
    found = subprocess.run(ruff, capture_output=True, text=True, check=False)
    assert found.returncode == 0, found.stdout
    alone = subprocess.run([sys.executable, "-I", "-S", str(path)], capture_output=True, text=True, check=True)
    assert alone.stdout == f"{ALL} [1.0]\n"


@pytest.mark.parametrize("name", ALL)
def test_each_alone_is_the_module_that_the_tests_import(name: str) -> None:
    code = reward_code(parse_rewards([name]))
    theirs = {node.name: ast.dump(node) for node in ast.parse(code.source).body if isinstance(node, ast.FunctionDef)}
    ours = {
        node.name: ast.dump(node)
        for node in ast.parse(catalogue.library_source(name)).body
        if isinstance(node, ast.FunctionDef)
    }
    assert ours.items() <= theirs.items()
    assert ast.get_docstring(next(one for one in ast.parse(code.source).body if getattr(one, "name", "") == name))


def test_options_stand_in_the_text() -> None:
    names = ran(
        reward_code(
            parse_rewards(["length(5-20)", "tags(a+b)", r"pattern(\d+)", 'json_schema({"type": "object"})'])
        ).source
    )
    assert (names["LENGTH"], names["TAGS"], names["PATTERN"], names["JSON_SCHEMA"]) == (
        "5-20",
        "a+b",
        r"\d+",
        {"type": "object"},
    )
    assert names["tags"](["<a>1</a><b>2</b>"]) == [1.0]


def test_no_rewards_are_a_text_too() -> None:
    assert reward_code([]).source == "REWARDS = []\nREWARD_WEIGHTS = []\n"


def test_a_persons_file_is_carried_whole(mine: Path) -> None:
    code = reward_code(parse_rewards([f"{mine}:polite*0.5", "numeric", f"{mine}:loud"]))
    names = ran(code.source)
    assert [one.__name__ for one in names["REWARDS"]] == ["polite", "numeric", "loud"] == code.names
    assert names["polite"](["thank you", "no"]) == [1.0, 0.0]
    assert code.built_in == ["numeric"] and code.source.count("def polite") == 1
    assert "__future__" not in code.source and "__main__" not in code.source and '"""Thanks count."""' in code.source


def test_a_notebooks_function_is_carried_with_what_it_needs() -> None:
    source = (
        "    import math\n    LIMIT = 3\n    def short(completions, **kwargs):\n"
        "        return [math.exp(-len(one) / LIMIT) for one in completions]\n"
    )
    code = reward_code([RewardChoice(name="short", source=source, weight=2.0)])
    assert ran(code.source)["short"](["", "aaa"]) == [1.0, pytest.approx(0.3679, abs=1e-4)]


def test_what_others_need_is_required(mine: Path) -> None:
    mine.write_text(
        "import numpy as np\nimport torch\n\n\n"
        "def mean(completions, **kwargs):\n    return [float(np.mean([1])) for _ in completions]\n"
    )
    assert list(reward_code(parse_rewards([f"{mine}:mean"])).requirements) == ["numpy"]
    assert "math-verify[antlr4_13_2]" in reward_code(parse_rewards(["numeric"])).requirements


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("def polite(completions, **kwargs:\n", "is no Python"),
        ("x = 1\n", "has no function polite"),
        ("def rude(completions, **kwargs): pass\n", "name one of rude"),
        ("def polite(completions): return [1.0]\n", "write def polite(completions, **kwargs)"),
        ("from .helpers import x\ndef polite(completions, **kwargs): pass\n", "imports from beside it (line 1)"),
        ("import helpers\ndef polite(completions, **kwargs): pass\n", "imports helpers from beside it"),
        ("import tunebook\ndef polite(completions, **kwargs): pass\n", "imports tunebook"),
        ("import nowhere_to_be_found\ndef polite(completions, **kwargs): pass\n", "which is not installed"),
        ("MODEL = 1\ndef polite(completions, **kwargs): pass\n", "rename MODEL"),
        ("def said(x): pass\ndef polite(completions, **kwargs): pass\n", "rename said in yours"),
        ("from time import time\ndef polite(completions, **kwargs): pass\n", "rename time"),
        ("import os as re\ndef polite(completions, **kwargs): pass\n", "rename re in yours"),
        ("\x00", "is no Python"),
    ],
)
def test_a_file_that_cannot_be_carried_is_told_with_its_remedy(mine: Path, text: str, told: str) -> None:
    (mine.parent / "helpers.py").write_text("x = 1\n")
    mine.write_text(text)
    with pytest.raises(CallError) as failure:
        reward_code(parse_rewards([f"{mine}:polite", "exact"]))
    assert told in str(failure.value)


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(CallError, match="cannot be read"):
        reward_code(parse_rewards([f"{tmp_path}/none.py:polite"]))
    (tmp_path / "latin.py").write_bytes(b"# \xe9\n")
    with pytest.raises(CallError, match="no UTF-8"):
        reward_code(parse_rewards([f"{tmp_path}/latin.py:polite"]))


def test_an_installed_package_can_bring_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "courtesy.py").write_text(POLITE)
    monkeypatch.syspath_prepend(str(tmp_path))
    points = [
        EntryPoint("polite", "courtesy:polite", catalogue.GROUP),
        EntryPoint("loud", "courtesy", catalogue.GROUP),
        EntryPoint("gone", "nowhere:gone", catalogue.GROUP),
    ]

    def found(group: str, name: str | None = None) -> list[EntryPoint]:
        return [one for one in points if one.group == group and name in (None, one.name)]

    monkeypatch.setattr(catalogue, "entry_points", found)
    code = reward_code(parse_rewards(["polite*0.5", "loud"]))
    assert ran(code.source)["polite"](["please"]) == [1.0]
    with pytest.raises(CallError, match="could not be loaded from nowhere:gone"):
        reward_code(parse_rewards(["gone"]))
    points.append(EntryPoint("polite", "other:polite", catalogue.GROUP))
    with pytest.raises(CallError, match="is brought by courtesy:polite and other:polite"):
        reward_code(parse_rewards(["polite"]))


def test_what_the_script_defines_is_reserved() -> None:
    """Every constant and function of the training scripts' templates; a reward that redefined one would change it."""
    folder = Path(carried_module.__file__).parents[1] / "scripts" / "templates"
    defined = {name for path in folder.glob("*.py") for name in _tops(path.read_text())}
    assert defined - {"annotations"} <= carried_module.RESERVED


def _tops(text: str) -> set[str]:
    names: set[str] = set()
    for node in ast.parse(text).body:
        if isinstance(node, ast.Import | ast.ImportFrom):
            names |= {(alias.asname or alias.name).partition(".")[0] for alias in node.names}
        elif not isinstance(node, ast.If | ast.Expr):
            names |= set(carried_module._defined(node))
    return names
