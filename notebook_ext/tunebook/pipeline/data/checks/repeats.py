"""The same row twice: held out and trained (K11), or trained twice (K13). Exact, after normalising."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Iterator
from typing import Any

from tunebook.pipeline.data.checks import Examined, Skip, Verdict, check
from tunebook.pipeline.data.layout import Layout, layout_of, shape_of, share
from tunebook.pipeline.data.report import Severity

#: What a row asks, as against what it answers.
ASKED = ("prompt", "question", "instruction", "input", "context", "text")


@check("K11")
def held_out_rows_are_not_trained(examined: Examined) -> Verdict:
    """A question that is both trained and held out makes the evaluation measure memory."""
    if not examined.held_out:
        raise Skip("no rows are held out yet")
    held = {key for row in examined.held_out if (key := key_of(row, layout_of(dict(shape_of(row))), asked=True))}
    places = [
        place
        for place, (row, layout) in enumerate(zip(examined.rows, examined.layouts.of_row, strict=True))
        if key_of(row, layout, asked=True) in held
    ]
    if not places:
        return Verdict(
            f"none of {len(examined.held_out):,} held-out rows asks what a training row asks, letter case aside"
        )
    told = {key_of(examined.rows[place], examined.layouts.of_row[place], asked=True) for place in places}
    held_out = "1 held-out row asks" if len(told) == 1 else f"{len(told):,} held-out rows ask"
    message = f"{{n}} {{ask|asks}} what {held_out} too, so the evaluation would measure memory"
    severity: Severity = "error" if len(told) >= 0.1 * len(held) else "warning"
    remedy = "take these rows out of the training rows"
    why = f"{len(told):,} of {len(held):,} held-out questions ({share(len(told), len(held))}) are trained"
    return Verdict(why, [examined.finding("K11", severity, places, message, remedy)])


@check("K13")
def no_row_is_trained_twice(examined: Examined) -> Verdict:
    """Copies count twice in training. Only rows that are the same as a whole, prompt and answer."""
    first: dict[bytes, int] = {}
    places: list[int] = []
    for place, (row, layout) in enumerate(zip(examined.rows, examined.layouts.of_row, strict=True)):
        key = key_of(row, layout, asked=False)
        if key is None:
            continue
        if key in first:
            places.append(place)
        else:
            first[key] = place
    if not places:
        return Verdict(f"no two of {len(examined.rows):,} rows are the same, letter case and punctuation aside")
    message = "{n} {repeat|repeats} an earlier row"
    severity: Severity = "warning" if len(places) >= 0.01 * len(examined.rows) else "info"
    finding = examined.finding("K13", severity, places, message, "keep one of each")
    return Verdict(f"{len(first):,} different rows", [finding])


def key_of(row: dict[str, Any], layout: Layout | None, *, asked: bool) -> bytes | None:
    """A digest of what a row says, or only of what it asks; None if that is nothing."""
    if layout is None:
        return None
    parts = [(part, row.get(column)) for part, column in layout.parts]
    if asked:
        turns = next((value for part, value in parts if part == "turns"), None)
        if isinstance(turns, list):
            text = " ".join(_texts(_before_last_answer(turns)))
        else:
            text = " ".join(piece for part, value in parts if part in ASKED for piece in _texts(value))
    else:
        text = " ".join(piece for _, value in parts for piece in _texts(value))
    words = normalised(text)
    return hashlib.blake2b(words.encode("utf-8", "surrogatepass"), digest_size=16).digest() if words else None


def normalised(text: str) -> str:
    """Lower case, one Unicode form, letters and digits only, one blank between words."""
    return " ".join(re.findall(r"\w+", unicodedata.normalize("NFKC", text).casefold()))


def _before_last_answer(turns: list[Any]) -> list[Any]:
    last = max(
        (
            at
            for at, turn in enumerate(turns)
            if isinstance(turn, dict) and (turn.get("role") or turn.get("from")) != "user"
        ),
        default=len(turns),
    )
    return turns[:last]


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item)
    elif isinstance(value, dict):
        content = value.get("content") if value.get("content") is not None else value.get("value")
        yield from _texts(content)
    elif value is not None:
        yield str(value)
