"""Generated training scripts: whole, readable Python for every method, with nothing in them that is not theirs."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
from scripts import METHODS, script, settings

from examples.method_data import method_data
from tunebook.pipeline.scripts import sections, train_script

VARIANTS: dict[str, dict[str, Any]] = {
    "lora": {},
    "full": {"lora_rank": None},
    "qlora": {"four_bit": True, "half_weights": True},
    "adapter": {"adapter": "runs/one/checkpoint-8"},
    "qlora adapter": {"adapter": "runs/one/checkpoint-8", "four_bit": True},
    "cards": {"cards": 4},
    "sharded": {"cards": 4, "sharded": True, "lora_rank": None},
    "pushed": {"push_to": "acme/kinds"},
    "cpu": {"cpu": True, "cpu_bf16": True, "plain_attention": True},
}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory, kinds: Path) -> Path:
    return method_data("sft", kinds, tmp_path_factory.mktemp("data"))


@pytest.fixture(scope="module")
def every(data: Path) -> dict[tuple[str, str], str]:
    """All methods in all variants."""
    return {
        (method, name): script(method, "acme/model", data, **more)
        for method in METHODS
        for name, more in VARIANTS.items()
    }


def header(text: str) -> dict[str, Any]:
    """The PEP 723 table, read as the standard says."""
    found = re.match(r"# /// script\n((?:#(?: .*)?\n)+?)# ///\n", text)
    assert found
    return tomllib.loads("".join(line[2:] or "\n" for line in found[1].splitlines(keepends=True)))


def test_every_script_has_no_unknown_name_and_no_unused_import(
    every: dict[tuple[str, str], str], tmp_path: Path
) -> None:
    for (method, name), text in every.items():
        (tmp_path / f"{method}_{name.replace(' ', '_')}.py").write_text(text, encoding="utf-8")
    ruff = [
        sys.executable,
        "-m",
        "ruff",
        "check",
        "--isolated",
        "--select",
        "F,E9,B",
        "--ignore",
        "F401",
        str(tmp_path),
    ]
    found = subprocess.run(ruff, capture_output=True, text=True, check=False)
    assert found.returncode == 0, found.stdout


def test_no_script_imports_tunebook_or_has_marks_of_its_template(every: dict[tuple[str, str], str]) -> None:
    for text in every.values():
        imported = {
            name.split(".")[0]
            for node in ast.walk(ast.parse(text))
            for name in (
                [one.name for one in node.names]
                if isinstance(node, ast.Import)
                else [str(node.module)]
                if isinstance(node, ast.ImportFrom)
                else []
            )
        }
        assert "tunebook" not in imported
        assert not re.search(r"# </?(when|unless|plan|trainer|imports|doc)\b", text)


def test_the_header_pins_what_the_script_needs_and_tells_hf_jobs_how_long(every: dict[tuple[str, str], str]) -> None:
    for (_, name), text in every.items():
        table = header(text)
        pinned = {one.split(">")[0]: one for one in table["dependencies"]}
        assert {"trl", "transformers", "peft", "datasets", "torch", "trackio"} <= set(pinned)
        assert all("<" in pinned[one] for one in ("trl", "transformers", "peft"))
        assert ("bitsandbytes" in pinned) == ("qlora" in name)
        assert table["tool"]["hf-jobs"]["timeout"] == "3600s"
        assert table["tool"]["hf-jobs"].get("secrets", []) == (["HF_TOKEN"] if name == "pushed" else [])


def test_a_script_holds_only_what_it_uses(every: dict[tuple[str, str], str]) -> None:
    plain = every["sft", "lora"]
    for word in ("accelerate", "BitsAndBytes", "PeftModel", "push_to_hub", "distributed", "subprocess"):
        assert word not in plain
    assert "accelerate.commands.launch" in every["sft", "cards"]
    assert "--use_fsdp" in every["sft", "sharded"] and "--use_fsdp" not in every["sft", "cards"]
    assert "LORA" not in every["dpo", "full"].split("def ")[0]
    assert "with_adapter(AutoModelForSequenceClassification, num_labels=1)" in every["reward", "adapter"]
    scoring = {method for method in METHODS if "score_only_what_is_learned" in every[method, "cpu"]}
    assert scoring == set(METHODS) - {"reward"} and "score_only" not in plain


def test_the_same_settings_give_the_same_bytes(data: Path) -> None:
    made = settings("dpo", "acme/model", data)
    assert train_script(made, timeout_s=900) == train_script(made.model_copy(), timeout_s=900)


def test_reasons_stand_beside_their_values(data: Path) -> None:
    text = script("sft", "acme/model", data, why={"learning_rate": "a reason\nin two lines"})
    assert "LEARNING_RATE = 0.001  # a reason in two lines\n" in text


def test_hostile_names_stay_literals(data: Path) -> None:
    nasty = '"; import os; os.system("x") #\n"""'
    text = script("sft", nasty, data, push_to=nasty, why={"seed": nasty})
    constants = {
        target.id: node.value.value
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    assert constants["MODEL"] == constants["PUSH_TO"] == nasty
    assert not [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Attribute) and node.attr == "system"]


def test_sections_may_lie_in_each_other() -> None:
    text = "a\n# <when x>\nb\n    # <unless y>\nc\n    # </unless>\n# </when>\nd\n"
    assert sections.chosen(text, {"x"}) == "a\nb\nc\nd\n"
    assert sections.chosen(text, {"x", "y"}) == "a\nb\nd\n"
    assert sections.chosen(text, ()) == "a\nd\n"
    with pytest.raises(ValueError, match="not closed"):
        sections.chosen("# <when x>\n", ())
    with pytest.raises(ValueError, match="no block"):
        sections.block("", "plan")
