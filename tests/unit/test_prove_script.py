"""What a proof reads in a script, which rows it takes, and how it tells a failure: without running anything."""

from __future__ import annotations

from pathlib import Path

import pytest

from tunebook.pipeline.errors import CallError
from tunebook.pipeline.prove.remedies import failure
from tunebook.pipeline.prove.script import Script
from tunebook.pipeline.prove.trial import Outcome

SCRIPT = """
METHOD = "dpo"
MODEL = "Qwen/Qwen3-0.6B"
MODEL_REVISION = "abc"
CARDS = 2

def main():
    parser.add_argument("--output")
"""


def written(folder: Path, text: str) -> Path:
    path = folder / "train.py"
    path.write_text(text)
    return path


def test_constants_are_read_without_running_the_script(tmp_path: Path) -> None:
    found = Script.read(written(tmp_path, SCRIPT + "raise SystemExit('it ran')\n"))
    assert (found.method, found.model, found.revision, found.cards) == ("dpo", "Qwen/Qwen3-0.6B", "abc", 2)
    assert found.several


def test_a_script_without_a_method_is_a_supervised_one(tmp_path: Path) -> None:
    assert Script.read(written(tmp_path, SCRIPT.replace('METHOD = "dpo"', ""))).method == "sft"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("print('hello')\n", "script is no training script: it has no MODEL and no main() and no --output:"),
        (SCRIPT.replace('"Qwen/Qwen3-0.6B"', "sys.argv[1]"), "it has no MODEL:"),
        (SCRIPT.replace('"dpo"', '"ppo"'), "says METHOD = 'ppo', which cannot be proved: choose one of sft, dpo"),
        (SCRIPT + "def broken(:\n", "script does not parse (line 9: invalid syntax): mend that line."),
        (SCRIPT + "\0", "script does not parse"),
    ],
)
def test_what_is_no_training_script_is_refused_in_one_line(text: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(CallError) as refused:
        Script.read(written(tmp_path, text))
    assert said in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_script_that_is_not_there_is_refused_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(CallError, match=r"cannot be read .*No such file"):
        Script.read(tmp_path / "none.py")


@pytest.mark.parametrize(
    ("error", "said"),
    [
        ("ValueError: Cannot use chat template functions because tokenizer.chat_template is not set", "has no chat template"),
        ("ValueError: Target modules {'q'} not found in the base model.", "the adapter's targets are not in the model"),
        ("TypeError: must be real number, not str", "a reward returns text in place of a number"),
        ("KeyError: 'anwser'", "line 7: KeyError: 'anwser'"),
    ],
)  # fmt: skip
def test_failures_are_told_with_the_line_of_the_script_and_what_mends_them(error: str, said: str) -> None:
    told = failure(Outcome(exit_code=1, error=error, where="line 7"), "")
    assert told.startswith("line 7: ")
    assert said in told


def test_a_killed_run_is_told_as_such() -> None:
    assert "signal 9" in failure(Outcome(exit_code=-9), "")


def test_few_rows_are_short_have_different_prompts_and_both_labels() -> None:
    from datasets import Dataset

    from tunebook.pipeline.prove.few import few_rows

    rows = [{"prompt": f"{at % 20} " * (1 + at % 7), "completion": "y" * 9, "label": at > 900} for at in range(1000)]
    few, cut = few_rows(Dataset.from_list(rows), 8, 100)
    assert len({row["prompt"] for row in few}) == len(few) == 8
    assert sum(few["label"]) == 4
    assert cut == 0


def test_long_texts_are_cut_and_counted_and_pairs_of_equal_answers_left_out() -> None:
    from datasets import Dataset

    from tunebook.pipeline.prove.few import few_rows

    rows = [{"prompt": f"{at}", "chosen": "a" * 500, "rejected": "a" * 500 if at < 5 else "b"} for at in range(8)]
    few, cut = few_rows(Dataset.from_list(rows), 8, 100)
    assert (len(few), cut) == (3, 3)
    assert all(len(row["chosen"]) == 100 for row in few)


def test_rewards_are_taken_out_of_a_script_with_what_they_use_and_no_more() -> None:
    from tunebook.pipeline.prove.rewards import carried

    code = carried(
        "import re\nimport torch\nWORD = re.compile('a')\ndef helper(x):\n    return WORD.search(x)\n"
        "def mine(completions, **_):\n    return [float(bool(helper(c))) for c in completions]\n"
        "def other():\n    return torch\nREWARDS = [mine]\n"
    )
    assert code is not None
    assert (code.names, code.built_in) == (["mine"], [])
    assert "helper" in code.source and "import re" in code.source and "torch" not in code.source


def test_a_reward_of_the_library_is_known_only_as_long_as_nobody_changed_it() -> None:
    from tunebook.pipeline.prove.rewards import carried
    from tunebook.pipeline.rewards import parse_rewards, reward_code

    source = reward_code(parse_rewards(["choice"])).source
    same, changed = carried(source), carried(source.replace("def choice(", "def choice(more=1, *, ", 1))
    assert same is not None and same.built_in == ["choice"]
    assert changed is None or changed.built_in == []
