"""Tokens and labels of every row, in batches: what TRL's SFTTrainer does row by row, several times as fast.

`trainer_eye.page` asks TRL itself for the first rows, and the inspection compares the two. What is kept of a row is a
handful of numbers, so a million rows fit in memory.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from tunebook.pipeline.data.lengths import stretches
from tunebook.pipeline.data.segments import Segments
from tunebook.pipeline.data.template import training_template

BATCH = 256
Row = dict[str, Any]


@dataclass(frozen=True)
class Tokenized:
    """One row before truncation: token ids and, of the same length, whether each is trained."""

    ids: list[int]
    trained: list[bool]
    prompt_changed: bool = False  # the prompt alone is tokenized otherwise than with its completion behind it


@dataclass
class Summary:
    """Of every row that could be tokenized: its position in the rows given, and counts of tokens."""

    position: array[int] = field(default_factory=lambda: array("q"))
    tokens: array[int] = field(default_factory=lambda: array("q"))
    trained: array[int] = field(default_factory=lambda: array("q"))
    trained_within: array[int] = field(default_factory=lambda: array("q"))  # within the length limit
    # Trained stretches of all rows: the place of their row in the arrays above, first token, and one past the last.
    owner: array[int] = field(default_factory=lambda: array("q"))
    start: array[int] = field(default_factory=lambda: array("q"))
    end: array[int] = field(default_factory=lambda: array("q"))
    no_end: list[int] = field(default_factory=list)  # positions of rows whose end token is not trained
    prompt_trained: list[int] = field(default_factory=list)  # positions of rows with trained text of the prompt
    two_starts: list[int] = field(default_factory=list)  # positions of rows that begin with two BOS tokens
    failed: dict[int, str] = field(default_factory=dict)  # position to why it could not be tokenized


class Encoder:
    """Tokenizes rows in TRL's formats: `prompt` and `completion` (text or turns), `messages`, `text`."""

    def __init__(self, tokenizer: Any, *, assistant_only: bool = False) -> None:
        self.tokenizer = tokenizer
        self.assistant_only = assistant_only
        self._template = training_template(tokenizer) if assistant_only else None
        self._segments = Segments.of(tokenizer)
        self._adds = bool(tokenizer.num_special_tokens_to_add(pair=False)) if tokenizer.is_fast else True

    def encode(self, rows: Sequence[Row]) -> list[Tokenized]:
        """Rows of one format. Raises whatever the template raises for a row that it cannot render."""
        if "prompt" in rows[0]:
            return self._completions(rows)
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

    def __init__(self, tokenizer: Any, settings: dict[str, Any]) -> None:
        super().__init__(tokenizer, assistant_only=bool(settings.get("assistant_only_loss")))
        self._settings = settings

    def encode(self, rows: Sequence[Row]) -> list[Tokenized]:
        from tunebook.pipeline.data.trainer_eye import IGNORED, labelled

        found = labelled(rows, self.tokenizer, self._settings, None)
        pairs = [found.get(place, ([], [])) for place in range(len(rows))]
        return [Tokenized(ids, [label != IGNORED for label in labels]) for ids, labels in pairs]


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


def summarize(
    encoder: Encoder,
    rows: Iterable[Row | None],
    *,
    limit: int,
    ends: set[int],
    prompts: bool,
    progress: Callable[[int], None] = lambda done: None,
) -> Summary:
    """Tokenize every row (None: no format) and keep counts. `prompts`: look for them in what is trained."""
    summary = Summary()
    white = _whitespace_ids(encoder.tokenizer)
    bos = encoder.tokenizer.bos_token_id
    position = 0
    for batch in _batches(rows):
        present = [(position + offset, row) for offset, row in enumerate(batch) if row is not None]
        encoded = _one_by_one_if_needed(encoder, present, summary)
        for number, row, tokens in encoded:
            _count(summary, number, tokens, limit, ends, white)
            if prompts and prompt_is_trained(encoder.tokenizer, row, tokens):
                summary.prompt_trained.append(number)
            if bos is not None and tokens.ids[:2] == [bos, bos]:
                summary.two_starts.append(number)
        position += len(batch)
        progress(position)
    return summary


def _one_by_one_if_needed(
    encoder: Encoder, rows: list[tuple[int, Row]], summary: Summary
) -> list[tuple[int, Row, Tokenized]]:
    """A batch at once; if a row in it cannot be rendered, each alone, so that only that row is lost."""
    if not rows:
        return []
    try:
        return [
            (number, row, tokens)
            for (number, row), tokens in zip(rows, encoder.encode([r for _, r in rows]), strict=True)
        ]
    except Exception:  # noqa: BLE001 (a template is a program: it raises what it likes)
        pass
    result: list[tuple[int, Row, Tokenized]] = []
    for number, row in rows:
        try:
            result.append((number, row, encoder.encode([row])[0]))
        except Exception as failure:  # noqa: BLE001
            summary.failed[number] = (str(failure).splitlines() or [type(failure).__name__])[0][:200]
    return result


def _count(summary: Summary, number: int, tokens: Tokenized, limit: int, ends: set[int], white: set[int]) -> None:
    summary.position.append(number)
    summary.tokens.append(len(tokens.ids))
    summary.trained.append(sum(tokens.trained))
    summary.trained_within.append(sum(tokens.trained[:limit]))
    for start, end in stretches(tokens.trained):
        summary.owner.append(len(summary.tokens) - 1)
        summary.start.append(start)
        summary.end.append(end)
    if not _ends_are_trained(tokens, ends, white):
        summary.no_end.append(number)


def _ends_are_trained(tokens: Tokenized, ends: set[int], white: set[int]) -> bool:
    """Whether every trained stretch closes with an end token, with nothing but white space behind it."""
    last: int | None = None  # the last trained id of the stretch that is not white space
    for token, trained in zip(tokens.ids, tokens.trained, strict=True):
        if trained:
            last = last if token in white else token
        elif last is not None:
            if last not in ends:
                return False
            last = None
    return last is None or last in ends


def _whitespace_ids(tokenizer: Any) -> set[int]:
    """Ids that stand for line breaks and blanks, which chat templates put behind the end token."""
    ids: set[int] = set()
    for text in ("\n", "\n\n", " ", " \n"):
        found = tokenizer(text, add_special_tokens=False)["input_ids"]
        if len(found) == 1:
            ids.add(found[0])
    return ids


def prompt_is_trained(tokenizer: Any, row: Row, tokens: Tokenized) -> bool:
    """Whether the trained tokens, read as text, hold the end of what the user or the system said."""
    asked: Any = row.get("prompt") or row.get("messages") or []
    if isinstance(asked, str):
        said = [asked]
    else:
        others = [turn for turn in asked if turn["role"] in ("user", "system")]
        said = [turn["content"] for turn in others if isinstance(turn.get("content"), str)]
    answers: Any = row.get("completion") or [turn for turn in row.get("messages") or [] if turn["role"] == "assistant"]
    if isinstance(answers, str):
        answers = [{"content": answers}]
    text = tokenizer.decode(
        [token for token, trained in zip(tokens.ids, tokens.trained, strict=True) if trained], skip_special_tokens=True
    )
    for answer in answers:
        if isinstance(answer.get("content"), str):
            text = text.replace(answer["content"].strip(), "", 1)
    tails = [part.strip()[-16:] for part in said if len(part.strip()) >= 8]
    return any(tail in text for tail in tails)


def _batches(rows: Iterable[Row | None]) -> Iterator[list[Row | None]]:
    iterator = iter(rows)
    while batch := list(islice(iterator, BATCH)):
        yield batch
