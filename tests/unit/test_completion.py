"""What TAB offers in a line of the magics. Values come from the parsers that read the same line."""

from __future__ import annotations

import pytest
from IPython.core.completer import CompletionContext
from panel_facts import STORY

from tunebook.commands import COMMANDS
from tunebook.completion import candidates, complete_finetune
from tunebook.pipeline.home import home
from tunebook.pipeline.journal import Journal
from tunebook.pipeline.spec import FIELDS


def offered(text: str, line: int = 0) -> list[str]:
    typed = text.split("\n")[line]
    context = CompletionContext(
        token=typed.split(" ")[-1], full_text=text, cursor_position=len(typed), cursor_line=line, limit=None
    )
    result = complete_finetune(context)
    assert result.get("suppress", False) is bool(result["completions"])
    return [completion.text for completion in result["completions"]]


def test_the_cell_offers_every_field_of_the_spec() -> None:
    options = offered("%%finetune --")
    assert {f"--{field.replace('_', '-')}" for field in FIELDS} <= set(options)
    assert {"--yes", "--again", "--text", "--on", "--budget"} <= set(options)


def test_an_option_that_stands_there_is_not_offered_again() -> None:
    assert "--yes" not in offered("%%finetune --yes --")


@pytest.mark.parametrize(
    ("typed", "values"),
    [
        ("%%finetune --tuning ", ["full", "lora", "qlora"]),
        ("%%finetune --tuning q", ["qlora"]),
        ("%%finetune --method g", ["grpo"]),
        ("%%finetune --packing ", ["true", "false"]),
        ("%%finetune --on ", ["local"]),
        ("%finetune sh", ["show"]),
        ("%finetune run --y", ["--yes"]),
    ],
)
def test_values_that_are_known_are_offered(typed: str, values: list[str]) -> None:
    assert offered(typed) == values


def test_the_line_offers_every_command() -> None:
    assert offered("%finetune ") == list(COMMANDS)


@pytest.mark.parametrize("command", ["show", "logs", "metrics", "stop", "cancel", "resume", "compare", "report"])
def test_commands_that_take_a_run_offer_the_runs_there_are(command: str) -> None:
    journal = Journal(home())
    for run_id in ("older", "newer"):
        journal.create_run(run_id, STORY[0][1], same_as=None)
    assert candidates(False, [command], "")[:2] == ["newer", "older"]


def test_a_plan_is_offered_by_the_beginning_of_its_id() -> None:
    journal = Journal(home())
    journal.create_run("run", STORY[0][1], same_as=None)
    journal.append("run", "planned", plan_id="abcdef" * 10, max_usd=0.0)
    assert offered("%finetune confirm ") == ["abcdefabcdef"]


@pytest.mark.parametrize(
    "text", ["finetune --", "x = 1", "%%finetuned --", "%%finetune", "%finetune nothing --", "%matplotlib --"]
)
def test_other_lines_are_left_alone(text: str) -> None:
    assert offered(text) == []


def test_the_instruction_below_the_magic_is_left_alone() -> None:
    assert offered("%%finetune --yes\n%%finetune --", line=1) == []
