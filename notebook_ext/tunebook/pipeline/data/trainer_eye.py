"""A page of rows as the trainer sees them: TRL's own SFTTrainer prepares and collates them, nothing is imitated.

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

from tunebook.pipeline.data.report import PreviewRow, TokenRole, TokenSpan

PAGE = 24
SHOWN = 800  # tokens of one row that travel to the panel; the counts are of all
CLIPPED = 4000  # characters of one raw cell that travel to the panel
IGNORED = -100
NUMBER = "tunebook_row"  # TRL keeps columns that it does not know, and drops rows: this says which are left


Labelled = dict[int, tuple[list[int], list[int]]]


def page(
    raw: Sequence[dict[str, Any]],
    numbers: Sequence[int],
    tokenizer: Any,
    whole: Labelled,
    kept: Labelled,
) -> list[PreviewRow]:
    """The user's rows, with their numbers in the data set, as tokens with roles.

    `whole` are TRL's rows without a limit, `kept` those with one: a token that only `whole` has is cut.
    """
    result: list[PreviewRow] = []
    for place, (user_row, number) in enumerate(zip(raw, numbers, strict=True)):
        if place not in whole:  # no token of it is trained, and TRL drops it
            ids: list[int] = []
            labels: list[int] = []
        else:
            ids, labels = whole[place]
        left = len(kept[place][0]) if place in kept else 0
        roles: list[TokenRole] = [
            "cut" if at >= left else "trained" if label != IGNORED else "masked" for at, label in enumerate(labels)
        ]
        result.append(
            PreviewRow(
                index=number,
                raw={name: clipped(value) for name, value in user_row.items()},
                tokens=spans(tokenizer, ids[:SHOWN], roles[:SHOWN]),
                trained=roles.count("trained"),
                masked=roles.count("masked"),
                cut=roles.count("cut"),
                hidden=max(0, len(ids) - SHOWN),
            )
        )
    return result


def labelled(
    rows: Sequence[dict[str, Any]], tokenizer: Any, settings: dict[str, Any], max_length: int | None
) -> Labelled:
    """Place in `rows` to (token ids, labels) as the collator of SFTTrainer makes them in padded batches.

    Rows that TRL drops because none of their tokens would be trained are absent.
    """
    from datasets import Dataset
    from transformers import LlamaConfig, LlamaForCausalLM
    from trl import SFTConfig, SFTTrainer

    from tunebook.pipeline.data.rows import quiet

    tiny = LlamaForCausalLM(
        LlamaConfig(
            vocab_size=max(len(tokenizer), 8),
            hidden_size=8,
            intermediate_size=8,
            num_hidden_layers=1,
            num_attention_heads=1,
            num_key_value_heads=1,
            bos_token_id=tokenizer.bos_token_id,
            eos_token_id=tokenizer.eos_token_id,
            pad_token_id=tokenizer.pad_token_id,
        )
    )
    dataset = Dataset.from_list([{**row, NUMBER: place} for place, row in enumerate(rows)], on_mixed_types="use_json")
    with quiet(), _silent(), tempfile.TemporaryDirectory() as folder:
        arguments = SFTConfig(
            output_dir=folder,
            max_length=max_length,
            report_to=[],
            use_cpu=True,
            bf16=False,
            disable_tqdm=True,
            **settings,
        )
        trainer = SFTTrainer(tiny, args=arguments, train_dataset=dataset, processing_class=tokenizer)
        prepared = list(trainer.train_dataset)
        result: Labelled = {}
        for start in range(0, len(prepared), PAGE):
            part = prepared[start : start + PAGE]
            batch = trainer.data_collator([{"input_ids": row["input_ids"], "labels": row["labels"]} for row in part])
            for row, ids, labels, real in zip(
                part, *(batch[n] for n in ("input_ids", "labels", "attention_mask")), strict=True
            ):
                result[row[NUMBER]] = (ids[real == 1].tolist(), labels[real == 1].tolist())
    return result


def spans(tokenizer: Any, ids: Sequence[int], roles: Sequence[TokenRole]) -> list[TokenSpan]:
    """Token texts whose concatenation is the decoded row.

    Tokens that share the bytes of one character are one span, in the role of the first. Each text is the difference
    that a token makes behind its neighbours, since some tokenizers drop the blank before a token that stands alone.
    """
    result: list[TokenSpan] = []
    anchor, start = 0, 0  # decoding from `anchor` gives tokens before `start` their context
    for end in range(1, len(ids) + 1):
        before = _text(tokenizer, ids[anchor:start])
        text = _text(tokenizer, ids[anchor:end])
        if text.endswith("\ufffd") and end - start < 4 and end < len(ids):
            continue  # a character of UTF-8 has at most four bytes, so at most four tokens
        result.append(TokenSpan(text=text[len(before) :], role=roles[start]))
        anchor, start = start, end
    return result


def _text(tokenizer: Any, ids: Sequence[int]) -> str:
    text: str = tokenizer.decode(list(ids), skip_special_tokens=False, clean_up_tokenization_spaces=False)
    return text


def clipped(value: Any) -> Any:
    """A cell of the user's row, long text shortened with a note of how much is missing."""
    if isinstance(value, str) and len(value) > CLIPPED:
        return f"{value[:CLIPPED]} … ({len(value) - CLIPPED:,} more characters)"
    if isinstance(value, list):
        return [clipped(item) for item in value]
    if isinstance(value, dict):
        return {name: clipped(item) for name, item in value.items()}
    if value is None or isinstance(value, str | int | float | bool):
        return value
    return str(value)


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
