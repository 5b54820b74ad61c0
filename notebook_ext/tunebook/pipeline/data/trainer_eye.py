"""Rows as the trainer sees them: each token trained, only read, or cut. The labels are TRL's own (`trl_labels`)."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import Any

from tunebook.pipeline.data.mapping import compiled
from tunebook.pipeline.data.report import Lens, PreviewRow, PreviewSequence, TokenRole, TokenSpan
from tunebook.pipeline.data.trl_labels import IGNORED, Labelled, Labels, labelled, longest

PAGE = 24
SHOWN = 800  # tokens of one sequence that travel to the panel; the counts are of all
CLIPPED = 4000  # characters of one raw cell that travel to the panel


def look(rows: Sequence[dict[str, Any]], numbers: Sequence[int], tokenizer: Any, lens: Lens) -> list[PreviewRow]:
    """Any rows of the data set, as the user wrote them, with their numbers in it, through the lens of an inspection.

    A row that TRL drops has no tokens. Raises whatever the mapping, the template or TRL raises for a row.
    """
    to_trl = compiled(lens.code) if lens.code else dict
    mapped = [to_trl(row) for row in rows]
    whole = labelled(lens.method, mapped, tokenizer, lens.settings, None)
    kept = whole
    if lens.limit is not None and longest(whole) > lens.limit:
        kept = labelled(lens.method, mapped, tokenizer, lens.settings, lens.limit)
    return page(rows, numbers, tokenizer, whole, kept)


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
        left = kept.get(place, [])
        seen = [
            _sequence(tokenizer, labels, len(left[at][0]) if at < len(left) else 0)
            for at, labels in enumerate(whole.get(place, []))
        ]
        # Without any: no token of the row is trained, and TRL drops it.
        first = seen[0] if seen else PreviewSequence(tokens=[], trained=0, masked=0, cut=0)
        result.append(
            PreviewRow(
                index=number,
                raw={name: clipped(value) for name, value in user_row.items()},
                rejected=seen[1] if len(seen) > 1 else None,
                **dict(first),
            )
        )
    return result


def _sequence(tokenizer: Any, labels: Labels, left: int) -> PreviewSequence:
    ids, marks = labels
    uncut: list[TokenRole] = ["masked" if mark == IGNORED else "trained" for mark in marks]
    roles: list[TokenRole] = ["cut" if at >= left else role for at, role in enumerate(uncut)]
    shown = spans(tokenizer, ids[:SHOWN], roles[:SHOWN])
    return PreviewSequence(
        tokens=shown,
        trained=roles.count("trained"),
        masked=roles.count("masked"),
        cut=roles.count("cut"),
        hidden=max(0, len(ids) - SHOWN),
        joined=[(at, span.tokens) for at, span in enumerate(shown) if span.tokens > 1],
        whole=[(role, len(list(run))) for role, run in groupby(uncut)],
    )


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
        result.append(TokenSpan(text=text[len(before) :], role=roles[start], tokens=end - start))
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
