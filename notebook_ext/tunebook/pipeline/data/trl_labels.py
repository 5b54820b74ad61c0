"""TRL's own token ids and labels of rows, for each method: its trainer prepares and collates them, nothing is imitated.

Labels follow from the tokenizer, the template and the arguments, never from the weights, so a random model of a few
thousand parameters beside the real tokenizer is enough.
"""

from __future__ import annotations

import logging
import tempfile
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

IGNORED = -100
BATCH = 24
NUMBER = "tunebook_row"  # TRL keeps columns that it does not know, and drops rows: this says which are left

#: The token ids and the labels of a sequence before padding.
Labels = tuple[list[int], list[int]]
#: The place of a row to its sequences: of a pair the chosen answer's, then the rejected one's.
Labelled = dict[int, list[Labels]]
Row = dict[str, Any]


def labelled(
    method: str, rows: Sequence[Row], tokenizer: Any, settings: dict[str, Any], max_length: int | None
) -> Labelled:
    """What the method's trainer makes of rows in TRL's format, in padded batches.

    Rows that TRL drops because they are too long, or none of their tokens would be trained, are absent. GRPO learns from
    answers that it samples: of its rows the prompt is read, and nothing trained. A reward model is trained by the score
    at the last token of each answer, which alone is labelled. Raises whatever TRL or the template raises.
    """
    from datasets import Dataset

    from tunebook.pipeline.data.rows import quiet

    numbered = [{**row, NUMBER: place} for place, row in enumerate(rows)]
    with quiet(), _silent(), tempfile.TemporaryDirectory() as folder:
        if method == "grpo":
            return _prompts(rows, tokenizer, folder)
        dataset = Dataset.from_list(numbered, on_mixed_types="use_json")
        trainer = _trainer(method, dataset, tokenizer, folder, settings, max_length)
        prepared = list(trainer.train_dataset)
        result: Labelled = {}
        for start in range(0, len(prepared), BATCH):
            part = prepared[start : start + BATCH]
            for number, _, labels in sorted(_collated(method, trainer, part), key=lambda one: one[:2]):
                result.setdefault(number, []).append(labels)
    return result


def longest(found: Labelled) -> int:
    """Tokens of the longest sequence."""
    return max((len(ids) for labels in found.values() for ids, _ in labels), default=0)


def _trainer(
    method: str, dataset: Any, tokenizer: Any, folder: str, settings: dict[str, Any], max_length: int | None
) -> Any:
    import trl

    kinds: dict[str, tuple[Any, Any]] = {
        "sft": (trl.SFTTrainer, trl.SFTConfig),
        "dpo": (trl.DPOTrainer, trl.DPOConfig),
        "kto": (trl.KTOTrainer, trl.KTOConfig),
        "reward": (trl.RewardTrainer, trl.RewardConfig),
    }
    trainer, config = kinds[method]
    arguments = config(**_plain(folder), max_length=max_length, **settings)
    more = {"ref_model": _tiny(tokenizer)} if method in ("dpo", "kto") else {}
    model = _tiny(tokenizer, scores=method == "reward")
    return trainer(model, args=arguments, train_dataset=dataset, processing_class=tokenizer, **more)


def _prompts(rows: Sequence[Row], tokenizer: Any, folder: str) -> Labelled:
    """What GRPO's trainer generates from."""
    from datasets import Dataset
    from trl import GRPOConfig, GRPOTrainer

    prompts = [row["prompt"] for row in rows]
    trainer = GRPOTrainer(
        _tiny(tokenizer),
        reward_funcs=_no_reward,
        args=GRPOConfig(**_plain(folder)),
        train_dataset=Dataset.from_list([{"prompt": prompt} for prompt in prompts], on_mixed_types="use_json"),
        processing_class=tokenizer,
    )
    ids = trainer._tokenize_prompts(prompts)[0]
    return {place: [(list(one), [IGNORED] * len(one))] for place, one in enumerate(ids)}


def _no_reward(completions: list[Any], **_: Any) -> list[float]:
    return [0.0] * len(completions)


def _plain(folder: str) -> dict[str, Any]:
    return {"output_dir": folder, "report_to": [], "use_cpu": True, "bf16": False, "disable_tqdm": True}


def _tiny(tokenizer: Any, *, scores: bool = False) -> Any:
    from transformers import LlamaConfig, LlamaForCausalLM, LlamaForSequenceClassification

    config = LlamaConfig(
        vocab_size=max(len(tokenizer), 8),
        hidden_size=8,
        intermediate_size=8,
        num_hidden_layers=1,
        num_attention_heads=1,
        num_key_value_heads=1,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
        **({"num_labels": 1} if scores else {}),
    )
    return (LlamaForSequenceClassification if scores else LlamaForCausalLM)(config)


def _collated(method: str, trainer: Any, rows: list[Row]) -> Iterator[tuple[int, int, Labels]]:
    """(number of the row, 0 or 1 for the rejected answer, labels) of each sequence in one batch of TRL's collator."""
    batch = trainer.data_collator([{name: row[name] for name in row if name != NUMBER} for row in rows])
    count = len(rows)
    for at, (ids, real) in enumerate(zip(batch["input_ids"], batch["attention_mask"], strict=True)):
        row = rows[at % count]
        second = int(not row["label"]) if method == "kto" else at // count
        there = real == 1
        if method == "sft":
            labels = batch["labels"][at][there].tolist()
        elif method == "reward":
            last = ids[there].tolist()[-1:]
            labels = [IGNORED] * (int(there.sum()) - 1) + last
        else:
            labels = ids.masked_fill(batch["completion_mask"][at] == 0, IGNORED)[there].tolist()
        yield row[NUMBER], second, (ids[there].tolist(), labels)


@contextmanager
def _silent() -> Iterator[None]:
    """Without the advice that TRL and transformers print for a training that never starts."""
    loggers = [logging.getLogger(name) for name in ("trl", "transformers", "accelerate")]
    levels = [logger.level for logger in loggers]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for logger in loggers:
            logger.setLevel(logging.ERROR)
        try:
            yield
        finally:
            for logger, level in zip(loggers, levels, strict=True):
                logger.setLevel(level)
