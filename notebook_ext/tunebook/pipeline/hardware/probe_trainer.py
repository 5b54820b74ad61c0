"""The trainer of each method as the training script makes it, on made-up rows of given lengths: what the probe times."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from tunebook.pipeline.hardware.batches import Step
from tunebook.pipeline.hardware.cpu_scoring import score_only_what_is_learned
from tunebook.pipeline.hardware.probe import ProbeConfig

#: Repeated, each is one token to nearly every tokenizer.
WORDS = (" time", " the", "time", " a", "a")


def make_trainer(
    config: ProbeConfig,
    tuning: str,
    steps: Sequence[Step],
    heldout: Sequence[Step],
    folder: Path,
    cuda: bool,
    callbacks: Sequence[Any],
) -> Any:
    """A trainer whose rows come in the order of `steps`."""
    import trl
    from transformers import AutoTokenizer

    name = {"sft": "SFT", "dpo": "DPO", "grpo": "GRPO", "kto": "KTO", "reward": "Reward"}[config.method]
    tokenizer = AutoTokenizer.from_pretrained(config.model, revision=config.model_revision)
    made = rows_of if config.method == "sft" else _TextRows(tokenizer)
    if not cuda:
        score_only_what_is_learned()
    more: dict[str, Any] = {"reward_funcs": [_any_reward]} if config.method == "grpo" else {}
    return getattr(trl, f"{name}Trainer")(
        model=config.model,
        args=training_arguments(config, getattr(trl, f"{name}Config"), len(steps), folder, cuda),
        train_dataset=made(steps, config),
        eval_dataset=made(heldout, config),
        processing_class=tokenizer,
        peft_config=lora(config) if tuning != "full" else None,
        quantization_config=four_bit() if tuning == "qlora" else None,
        callbacks=list(callbacks),
        **more,
    )


def training_arguments(config: ProbeConfig, kind: Any, steps: int, folder: Path, cuda: bool) -> Any:
    """The script's own arguments, but for what makes it a probe: no reports, no checkpoints, rows in our order."""
    import torch

    arguments: dict[str, Any] = {
        # A T4 only emulates it; a CPU that computes it itself is told by the plan.
        "bf16": torch.cuda.get_device_capability()[0] >= 8 if cuda else config.cpu_bf16,
        "activation_checkpointing": config.checkpointing,
        "model_init_kwargs": {
            "revision": config.model_revision,
            "dtype": "float32",
            **({"attn_implementation": "eager"} if config.plain_attention else {}),
        },
        **config.arguments,
    }
    evaluation_rows = config.evaluation_batch_size or 4 * config.batch_size
    arguments |= {
        "output_dir": str(folder),
        "max_steps": steps,
        "per_device_train_batch_size": config.batch_size,
        "per_device_eval_batch_size": evaluation_rows,
        "gradient_accumulation_steps": config.accumulation,
        "save_strategy": "no",
        "eval_strategy": "no",
        "logging_strategy": "no",
        "report_to": "none",
        "disable_tqdm": True,
        "push_to_hub": False,
        "use_cpu": not cuda,
        "dataloader_pin_memory": cuda,
    }
    if config.method == "grpo":
        arguments |= {
            "num_generations": config.num_generations,
            "max_completion_length": config.max_completion_length,
            "per_device_eval_batch_size": config.num_generations,
            "shuffle_dataset": False,
        }
    else:
        arguments |= {"train_sampling_strategy": "sequential", "max_length": None}
    if config.method == "sft":
        arguments |= {"dataset_kwargs": {"skip_prepare_dataset": True}, "packing": False}
    return kind(**arguments)


def rows_of(steps: Sequence[Step], config: ProbeConfig) -> Any:
    """A data set of random tokens with the steps' row lengths, in their order."""
    from datasets import Dataset
    from transformers import AutoConfig

    vocabulary = AutoConfig.from_pretrained(config.model, revision=config.model_revision).get_text_config().vocab_size
    chance = random.Random(0)
    ids, labels = [], []
    for length in _lengths(steps):
        row = [chance.randrange(vocabulary) for _ in range(length)]
        masked = length - max(1, round(length * config.trained_share))
        ids.append(row)
        labels.append([-100] * masked + row[masked:])
    return Dataset.from_dict({"input_ids": ids, "labels": labels})


def _lengths(steps: Sequence[Step]) -> list[int]:
    return [length for step in steps for rows in step.passes for length in rows]


class _TextRows:
    """Rows of text, for the trainers that tokenize by themselves. Each is about as long as it should be."""

    def __init__(self, tokenizer: Any) -> None:
        def tokens(word: str) -> int:
            return abs(len(tokenizer(word * 64, add_special_tokens=False)["input_ids"]) - 64)

        self._word = min(WORDS, key=tokens)

    def __call__(self, steps: Sequence[Step], config: ProbeConfig) -> Any:
        from datasets import Dataset

        makes: dict[str, Callable[[int, int], dict[str, Any]]] = {
            "grpo": lambda prompt, answer: {"prompt": self._word * (prompt + answer)},
            "kto": lambda prompt, answer: {"prompt": self._word * prompt, "completion": self._word * answer},
        }

        def pair(prompt: int, answer: int) -> dict[str, Any]:
            chosen = self._word * answer
            return {"prompt": self._word * prompt, "chosen": chosen, "rejected": chosen}

        rows = []
        for length in _prompts(steps, config):
            answer = max(1, round(length * config.trained_share))
            rows.append(makes.get(config.method, pair)(max(1, length - answer), answer))
        if config.method == "kto":
            rows = [row | {"label": number % 2 == 0} for number, row in enumerate(rows)]
        return Dataset.from_list(rows)


def _prompts(steps: Sequence[Step], config: ProbeConfig) -> list[int]:
    """Lengths in the order of the steps; of those whose answers fill one step where each prompt has several."""
    if config.method != "grpo":
        return _lengths(steps)
    each = config.batch_size * config.accumulation // config.num_generations
    return [length for step in steps for length in _lengths([step])[:each]]


def _any_reward(completions: list[Any], **_: Any) -> list[float]:
    """Not the same for all, so that there is something to learn from; what it is makes no difference to time."""
    return [float(number % 2) for number in range(len(completions))]


def lora(config: ProbeConfig) -> Any:
    """The adapter, with the rank and targets the script uses."""
    from peft import LoraConfig

    kind = "SEQ_CLS" if config.method == "reward" else "CAUSAL_LM"
    return LoraConfig(r=config.lora_rank, target_modules=config.lora_targets, task_type=kind)


def four_bit() -> Any:
    """QLoRA's base: 4-bit normal floats, double quantisation, bf16 compute."""
    import torch
    from transformers import BitsAndBytesConfig

    return BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=torch.bfloat16,
    )
