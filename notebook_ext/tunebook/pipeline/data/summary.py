"""Counts of tokens over all rows: what is kept of a row is a handful of numbers, so a million rows fit in memory."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from tunebook.pipeline.data.encode import Encoder, Row, Tokenized
from tunebook.pipeline.data.sequences import sequences

BATCH = 256


@dataclass
class Summary:
    """Of every sequence that could be tokenized: the position of its row in the rows given, and counts of tokens.

    A preference pair is two sequences, all other rows are one. The lists of positions below name a row once.
    """

    position: array[int] = field(default_factory=lambda: array("q"))
    tokens: array[int] = field(default_factory=lambda: array("q"))
    trained: array[int] = field(default_factory=lambda: array("q"))
    trained_within: array[int] = field(default_factory=lambda: array("q"))  # within the length limit
    # Trained stretches of all sequences: the place of theirs in the arrays above, first token, and one past the last.
    owner: array[int] = field(default_factory=lambda: array("q"))
    start: array[int] = field(default_factory=lambda: array("q"))
    end: array[int] = field(default_factory=lambda: array("q"))
    no_end: list[int] = field(default_factory=list)  # positions of rows whose end token is not trained
    prompt_trained: list[int] = field(default_factory=list)  # positions of rows with trained text of the prompt
    two_starts: list[int] = field(default_factory=list)  # positions of rows that begin with two BOS tokens
    failed: dict[int, str] = field(default_factory=dict)  # position to why it could not be tokenized

    @property
    def rows(self) -> int:
        """How many rows the sequences are of."""
        at = self.position
        return sum(1 for place in range(len(at)) if place == 0 or at[place] != at[place - 1])


def stretches(trained: Sequence[bool]) -> list[tuple[int, int]]:
    """The trained stretches of a row, as (start, end) with the end not in it.

    >>> stretches([False, True, True, False, True])
    [(1, 3), (4, 5)]
    """
    found: list[tuple[int, int]] = []
    at = 0
    try:
        while True:
            start = trained.index(True, at)
            try:
                at = trained.index(False, start)
            except ValueError:
                return [*found, (start, len(trained))]
            found.append((start, at))
    except ValueError:
        return found


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
        for number, row, found in _one_by_one_if_needed(encoder, present, summary):
            closed = True
            for tokens in found:
                closed &= _count(summary, number, tokens, limit, ends, white)
                if bos is not None and tokens.ids[:2] == [bos, bos]:
                    _once(summary.two_starts, number)
            if not closed:
                summary.no_end.append(number)
            if prompts and any(
                prompt_is_trained(encoder.tokenizer, part, tokens)
                for part, tokens in zip(sequences(encoder.method, row), found, strict=True)
            ):
                summary.prompt_trained.append(number)
        position += len(batch)
        progress(position)
    return summary


def _one_by_one_if_needed(
    encoder: Encoder, rows: list[tuple[int, Row]], summary: Summary
) -> list[tuple[int, Row, list[Tokenized]]]:
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
    result: list[tuple[int, Row, list[Tokenized]]] = []
    for number, row in rows:
        try:
            result.append((number, row, encoder.encode([row])[0]))
        except Exception as failure:  # noqa: BLE001
            summary.failed[number] = (str(failure).splitlines() or [type(failure).__name__])[0][:200]
    return result


def _count(summary: Summary, number: int, tokens: Tokenized, limit: int, ends: set[int], white: set[int]) -> bool:
    """Keep the counts of a sequence; whether every trained stretch closes with an end token, white space behind it aside."""
    place, ids = len(summary.tokens), tokens.ids
    trained = within = 0
    closed = True
    for start, end in stretches(tokens.trained):
        summary.owner.append(place)
        summary.start.append(start)
        summary.end.append(end)
        trained += end - start
        within += max(0, min(end, limit) - start)
        last = end - 1
        while last >= start and ids[last] in white:
            last -= 1
        closed &= last < start or ids[last] in ends
    summary.position.append(number)
    summary.tokens.append(len(ids))
    summary.trained.append(trained)
    summary.trained_within.append(within)
    return closed


def _once(numbers: list[int], number: int) -> None:
    if not numbers or numbers[-1] != number:
        numbers.append(number)


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
