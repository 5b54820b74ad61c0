"""Tokens and labels of every row, in batches: what TRL's trainers do row by row, several times as fast.

`trl_labels` asks TRL itself for the first rows, and the inspection compares the two.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain, islice
from typing import Any

from tunebook.pipeline.data.segments import Segments
from tunebook.pipeline.data.sequences import sequences
from tunebook.pipeline.data.template import training_template

Row = dict[str, Any]


@dataclass(frozen=True)
class Tokenized:
    """One sequence before truncation: token ids and, of the same length, whether each is trained."""

    ids: list[int]
    trained: list[bool]
    prompt_changed: bool = False  # the prompt alone is tokenized otherwise than with its completion behind it


class Encoder:
    """Tokenizes rows in TRL's formats as a method reads them: one or two sequences a row."""

    def __init__(self, tokenizer: Any, *, method: str = "sft", assistant_only: bool = False) -> None:
        self.tokenizer = tokenizer
        self.method = method
        self.assistant_only = assistant_only
        self._template = training_template(tokenizer) if assistant_only else None
        self._segments = Segments.of(tokenizer)
        self._adds = bool(tokenizer.num_special_tokens_to_add(pair=False)) if tokenizer.is_fast else True

    def encode(self, rows: Sequence[Row]) -> list[list[Tokenized]]:
        """The sequences of rows of one format. Raises whatever the template raises for a row that it cannot render."""
        if self.method == "sft":
            return [[one] for one in self.tokenized(rows)]
        parts = [sequences(self.method, row) for row in rows]
        flat = iter(self.tokenized(list(chain.from_iterable(parts))))
        found = [list(islice(flat, len(part))) for part in parts]
        if self.method == "dpo":
            return [_together(pair) for pair in found]
        if self.method == "reward":
            return [[_scored(one) for one in pair] for pair in found]
        return found

    def tokenized(self, rows: Sequence[Row]) -> list[Tokenized]:
        """Rows that are one sequence each, as SFT reads them."""
        if "completion" in rows[0]:
            return self._completions(rows)
        if "prompt" in rows[0]:
            return self._prompts(rows)
        if "messages" in rows[0]:
            return self._messages(rows)
        eos = self.tokenizer.eos_token or ""
        texts = [row["text"] if row["text"].endswith(eos) else row["text"] + eos for row in rows]
        return [Tokenized(ids, [True] * len(ids)) for ids in self._ids(texts, special=True)]

    def _completions(self, rows: Sequence[Row]) -> list[Tokenized]:
        turns = isinstance(rows[0]["prompt"], list)
        if turns:
            prompts = [self._rendered(row, row["prompt"], add_generation_prompt=True) for row in rows]
            wholes = [self._rendered(row, row["prompt"] + row["completion"]) for row in rows]
        else:
            eos = self.tokenizer.eos_token or ""
            prompts = [row["prompt"] for row in rows]
            wholes = [row["prompt"] + row["completion"] for row in rows]
            wholes = [whole if whole.endswith(eos) else whole + eos for whole in wholes]
        result: list[Tokenized] = []
        for before, whole in zip(self._ids(prompts, not turns), self._ids(wholes, not turns), strict=True):
            start = common_prefix(before, whole)
            trained = [False] * start + [True] * (len(whole) - start)
            result.append(Tokenized(whole, trained, start < len(before)))
        return result

    def _prompts(self, rows: Sequence[Row]) -> list[Tokenized]:
        """What answers are sampled from: read, never trained."""
        turns = isinstance(rows[0]["prompt"], list)
        texts = [
            self._rendered(row, row["prompt"], add_generation_prompt=True) if turns else row["prompt"] for row in rows
        ]
        return [Tokenized(ids, [False] * len(ids)) for ids in self._ids(texts, not turns)]

    def _messages(self, rows: Sequence[Row]) -> list[Tokenized]:
        if not self.assistant_only:
            texts = [self._rendered(row, row["messages"]) for row in rows]
            return [Tokenized(ids, [True] * len(ids)) for ids in self._ids(texts, special=False)]
        result: list[Tokenized] = []
        for row in rows:
            output = self.tokenizer.apply_chat_template(
                row["messages"],
                tools=_tools(row),
                chat_template=self._template,
                tokenize=True,
                return_dict=True,
                return_assistant_tokens_mask=True,
            )
            result.append(Tokenized(output["input_ids"], [bool(bit) for bit in output["assistant_masks"]]))
        return result

    def _rendered(self, row: Row, turns: list[Any], **keywords: Any) -> str:
        keywords |= row.get("chat_template_kwargs") or {}
        text: str = self.tokenizer.apply_chat_template(
            turns, tools=_tools(row), chat_template=self._template, tokenize=False, **keywords
        )
        return text

    def _ids(self, texts: list[str], special: bool) -> list[list[int]]:
        if self._segments is not None and not (special and self._adds):
            return self._segments.ids(texts)
        ids: list[list[int]] = self.tokenizer(texts, add_special_tokens=special)["input_ids"]
        return ids


class TrlEncoder(Encoder):
    """The slow way, by TRL itself: for a template with which the fast way comes to another result."""

    def __init__(self, tokenizer: Any, method: str, settings: dict[str, Any]) -> None:
        super().__init__(tokenizer, method=method, assistant_only=bool(settings.get("assistant_only_loss")))
        self._settings = settings

    def encode(self, rows: Sequence[Row]) -> list[list[Tokenized]]:
        from tunebook.pipeline.data.trl_labels import IGNORED, labelled

        found = labelled(self.method, rows, self.tokenizer, self._settings, None)
        return [
            [Tokenized(ids, [label != IGNORED for label in labels]) for ids, labels in found.get(place, [([], [])])]
            for place in range(len(rows))
        ]


def _together(pair: list[Tokenized]) -> list[Tokenized]:
    """DPO lets both answers of a pair begin where the first of them does."""
    start = min(one.trained.index(True) if True in one.trained else len(one.trained) for one in pair)
    return [Tokenized(one.ids, [False] * start + [True] * (len(one.ids) - start), one.prompt_changed) for one in pair]


def _scored(answer: Tokenized) -> Tokenized:
    """A reward model is trained by its score at the last token."""
    return Tokenized(answer.ids, [False] * (len(answer.ids) - 1) + [True] * (len(answer.ids) > 0))


def _tools(row: Row) -> Any:
    import json

    tools = row.get("tools")
    return (json.loads(tools) if isinstance(tools, str) else tools) or None


def common_prefix(left: Sequence[int], right: Sequence[int]) -> int:
    """How many leading tokens are the same: where TRL lets the completion begin."""
    size = min(len(left), len(right))
    if left[:size] == right[:size]:
        return size
    return next(number for number in range(size) if left[number] != right[number])


def end_tokens(tokenizer: Any, generation_config: Any | None) -> set[int]:
    """The ids that end an answer: those of the generation config, and the tokenizer's own."""
    ids = getattr(generation_config, "eos_token_id", None)
    listed = ids if isinstance(ids, list) else [ids]
    return {number for number in (*listed, tokenizer.eos_token_id) if number is not None}
