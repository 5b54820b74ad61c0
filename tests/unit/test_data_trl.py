"""What is called ready, TRL trains on as it stands; what is mapped, TRL trains on after the mapping; the rest it refuses.

The formats are those of TRL's documentation (dataset_formats), plain and conversational, with one real step each.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import datasets
import pytest
from tiny import tiny_model

from tunebook.pipeline.data.inspection import inspect_data
from tunebook.pipeline.data.mapping import compiled

SKY = "The sky is"
ASK = [{"role": "user", "content": "What colour is the sky?"}]
BLUE, GREEN = [{"role": "assistant", "content": "It is blue."}], [{"role": "assistant", "content": "It is green."}]
TOOL = {
    "type": "function",
    "function": {
        "name": "look",
        "description": "Look at the sky.",
        "parameters": {"type": "object", "properties": {"where": {"type": "string"}}},
    },
}
CALL = {
    "role": "assistant",
    "tool_calls": [{"type": "function", "function": {"name": "look", "arguments": {"where": "up"}}}],
}

FORMATS: dict[str, dict[str, Any]] = {
    "language modeling": {"text": "The sky is blue."},
    "language modeling, conversational": {"messages": ASK + BLUE},
    "prompt only": {"prompt": SKY},
    "prompt only, conversational": {"prompt": ASK},
    "prompt and completion": {"prompt": SKY, "completion": " blue."},
    "prompt and completion, conversational": {"prompt": ASK, "completion": BLUE},
    "preference": {"prompt": SKY, "chosen": " blue.", "rejected": " green."},
    "preference, conversational": {"prompt": ASK, "chosen": BLUE, "rejected": GREEN},
    "preference, implicit prompt": {"chosen": "The sky is blue.", "rejected": "The sky is green."},
    "preference, implicit prompt, conversational": {"chosen": ASK + BLUE, "rejected": ASK + GREEN},
    "unpaired preference": {"prompt": SKY, "completion": " blue.", "label": True},
    "unpaired preference, conversational": {"prompt": ASK, "completion": BLUE, "label": False},
    "tool calls": {
        "messages": [*ASK, CALL, {"role": "tool", "name": "look", "content": "blue"}, *BLUE],
        "tools": [TOOL],
    },
}
METHODS = ("sft", "dpo", "kto", "reward", "grpo")

#: TRL would train on these, and the result would not be what was meant: method, start of the format, why it is refused.
STRICTER = {
    ("sft", "unpaired preference"): "unwanted answers would be learned too",
    ("grpo", "unpaired preference"): "the rows carry a verdict on an answer, not an answer to compare with",
    ("grpo", "preference"): "the rows carry two answers, and no program can check a new one by them",
}


@pytest.fixture(scope="module")
def model(model_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(tiny_model(model_folder, tmp_path_factory.mktemp("model") / "tiny"))


def rows_of(format: str) -> datasets.Dataset:
    """Thirty rows, each with something of its own."""

    def numbered(value: Any, number: int) -> Any:
        if isinstance(value, str):
            return value.replace("sky", f"sky no. {number}") if "sky" in value else value
        if isinstance(value, list):
            return [numbered(item, number) for item in value]
        if isinstance(value, dict):
            return {key: numbered(item, number) if key == "content" else item for key, item in value.items()}
        return value

    row = FORMATS[format]
    return datasets.Dataset.from_list(
        [{key: value if key == "tools" else numbered(value, n) for key, value in row.items()} for n in range(30)]
    )


def trl_trains(method: str, rows: datasets.Dataset, model: str, folder: Path) -> bool:
    """Whether one real step of TRL's trainer works on the rows."""
    import transformers
    import trl

    short: dict[str, Any] = {
        "output_dir": str(folder), "max_steps": 1, "per_device_train_batch_size": 2, "report_to": "none",
        "use_cpu": True, "bf16": False, "save_strategy": "no", "disable_tqdm": True,
    }  # fmt: skip
    more: dict[str, Any] = {}
    match method:
        case "sft":
            kind, config = trl.SFTTrainer, trl.SFTConfig(**short)
        case "dpo":
            kind, config = trl.DPOTrainer, trl.DPOConfig(**short)
        case "kto":
            kind, config = trl.KTOTrainer, trl.KTOConfig(**short)
        case "reward":
            kind, config = trl.RewardTrainer, trl.RewardConfig(**short)
        case _:
            kind, config = trl.GRPOTrainer, trl.GRPOConfig(**short, num_generations=2, max_completion_length=3)
            more["reward_funcs"] = lambda completions, **_: [float(len(str(one))) for one in completions]
    made: Any = model
    tokenizer = transformers.AutoTokenizer.from_pretrained(model)
    if "tools" in rows.column_names:  # the model's own template knows no tools
        tokenizer.chat_template = (Path(trl.__file__).parent / "chat_templates" / "qwen3.jinja").read_text()
    if method == "reward":
        made = transformers.AutoModelForSequenceClassification.from_pretrained(model, num_labels=1)
        made.config.pad_token_id = tokenizer.pad_token_id
    try:
        kind(made, args=config, train_dataset=rows, processing_class=tokenizer, **more).train()
    except (KeyError, ValueError, TypeError, AttributeError, IndexError, RuntimeError):
        return False
    return True


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("format", FORMATS)
def test_a_method_is_ready_only_where_trl_trains_and_refused_only_where_it_does_not(
    format: str, method: str, model: str, tmp_path: Path
) -> None:
    rows = rows_of(format)
    fit = inspect_data(rows).report.methods[method]
    refused = next((why for (name, start), why in STRICTER.items() if name == method and format.startswith(start)), "")
    if refused:
        assert fit.status == "no", refused
        return
    trains = trl_trains(method, rows, model, tmp_path)
    assert trains or fit.status != "ready", fit.why
    assert fit.status != "no" or not trains, fit.why
    if fit.code:
        mapped = rows.map(compiled(fit.code), remove_columns=rows.column_names)
        assert trl_trains(method, mapped, model, tmp_path), "after the mapping"
