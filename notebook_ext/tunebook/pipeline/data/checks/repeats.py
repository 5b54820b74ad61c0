"""The same row twice: held out and trained (K11), or trained twice (K13). Word for word, and nearly."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

from tunebook.pipeline.data import said
from tunebook.pipeline.data.checks import Examined, Skip, Verdict, check
from tunebook.pipeline.data.layout import Layout, layouts_of, share
from tunebook.pipeline.data.near import Copy, near_copies, words_apart
from tunebook.pipeline.data.overlaps import Overlap, overlaps
from tunebook.pipeline.data.passages import WIDTH as PASSAGE
from tunebook.pipeline.data.report import Finding, Severity


@check("K11")
def held_out_rows_are_not_trained(examined: Examined) -> Verdict:
    """A question that is both trained and held out makes the evaluation measure memory."""
    held_out = examined.held_out
    if not held_out:
        raise Skip("no rows are held out yet; copies that a split would part are found by K13")
    layouts = layouts_of(held_out).of_row
    first: dict[bytes, int] = {}
    for number, (row, layout) in enumerate(zip(held_out, layouts, strict=True)):
        if key := digest(said.asked(row, layout)):
            first.setdefault(key, number)
    exact: dict[int, int] = {}  # place of a training row to the held-out row that asks the same
    for place, (row, layout) in enumerate(zip(examined.rows, examined.layouts.of_row, strict=True)):
        if (key := digest(said.asked(row, layout))) in first:
            exact[place] = first[key]
    near = _near_held_out(examined, held_out, layouts, exact)
    shared = _shared_passages(examined, held_out, layouts, {*exact, *(copy.place - len(held_out) for copy in near)})
    if not exact and not near and not shared:
        return Verdict(
            f"none of {len(held_out):,} held-out rows asks what a training row asks, or nearly so, or shares "
            f"{PASSAGE} words in a row with one"
        )
    findings: list[Finding] = []
    told = len(set(exact.values()))
    if exact:
        held = "1 held-out row asks" if told == 1 else f"{told:,} held-out rows ask"
        message = f"{{n}} {{ask|asks}} what {held} too, so the evaluation would measure memory"
        severity: Severity = "error" if told >= 0.1 * len(first) else "warning"
        remedy = "take {these rows|this row} out of training"
        # Of a split that is drawn, another one would be drawn of the rows that are left.
        finding = examined.finding("K11", severity, list(exact), message, remedy, leave_out=examined.by_data_set)
        findings.append(finding)
    if near:
        copy = near[0]
        place, of = copy.place - len(held_out), copy.of
        apart = words_apart(_whole(examined, place), said.whole(held_out[of], layouts[of]))
        message = "{n} nearly {repeat|repeats} a held-out row"
        evidence = f"row {examined.numbers[place]} differs from held-out row {of} in {counted_words(apart)}"
        remedy = "take {these rows|this row} out of training, unless what differs is what is to be learned"
        places = [copy.place - len(held_out) for copy in near]
        findings.append(examined.finding("K11", "warning", places, message, remedy, evidence))
    if shared:
        longest = max(shared, key=lambda overlap: overlap.words)
        message = f"{{n}} {{share|shares}} {PASSAGE} words in a row or more with a held-out row"
        evidence = f"row {examined.numbers[longest.place]} shares {longest.words:,} with held-out row {longest.of}"
        remedy = "nothing, if it is a text that both quote; else take {these rows|this row} out of training"
        places = [overlap.place for overlap in shared]
        findings.append(examined.finding("K11", "info", places, message, remedy, evidence))
    known = len({*exact.values(), *(copy.of for copy in near)})
    return Verdict(
        f"{known:,} of {len(held_out):,} held-out rows ({share(known, len(held_out))}) are trained", findings
    )


def _near_held_out(
    examined: Examined, held_out: Sequence[dict[str, Any]], layouts: Sequence[Layout | None], exact: dict[int, int]
) -> list[Copy]:
    """Places count the held-out rows first, then the training rows."""
    older = len(held_out)

    def parts(place: int) -> tuple[str, str]:
        if place >= older:
            return _parts(examined, place - older)
        return said.asked(held_out[place], layouts[place]), said.answered(held_out[place], layouts[place])

    return near_copies(older + len(examined.rows), parts, apart=older, skip=[older + place for place in exact])


def _shared_passages(
    examined: Examined, held_out: Sequence[dict[str, Any]], layouts: Sequence[Layout | None], told: set[int]
) -> list[Overlap]:
    """Of the rows that are not told of already."""
    places = [place for place in range(len(examined.rows)) if place not in told]
    return overlaps(
        places,
        lambda place: said.apart(examined.rows[place], examined.layouts.of_row[place]),
        len(held_out),
        lambda number: said.apart(held_out[number], layouts[number]),
    )


@check("K13")
def no_row_is_trained_twice(examined: Examined) -> Verdict:
    """Copies count twice in training. Only rows that are the same as a whole, prompt and answer."""
    first: dict[bytes, int] = {}
    exact: list[int] = []
    for place in range(len(examined.rows)):
        key = digest(_whole(examined, place))
        if key is None:
            continue
        if key in first:
            exact.append(place)
        else:
            first[key] = place
    near = near_copies(len(examined.rows), lambda place: _parts_of_pair(examined, place), skip=exact)
    if not exact and not near:
        return Verdict(f"no two of {len(examined.rows):,} rows are the same or nearly so")
    findings: list[Finding] = []
    if exact:
        message = "{n} {repeat|repeats} an earlier row"
        message, severity = f"{message} word for word", _severity(exact, examined)
        findings.append(examined.finding("K13", severity, exact, message, "keep one of each", leave_out=True))
    if near:
        copy = near[0]
        apart = words_apart(_whole(examined, copy.place), _whole(examined, copy.of))
        message = "{n} nearly {repeat|repeats} an earlier row"
        evidence = (
            f"row {examined.numbers[copy.place]} differs from row {examined.numbers[copy.of]} in {counted_words(apart)}"
        )
        places = [copy.place for copy in near]
        remedy = "keep one of each, unless what differs is what is to be learned"
        findings.append(examined.finding("K13", _severity(places, examined), places, message, remedy, evidence))
    return Verdict(f"{len(first):,} different rows, {len(near):,} of them nearly copies", findings)


def digest(text: str) -> bytes | None:
    """The same for texts of the same words, letter case and punctuation aside; None without any word."""
    words = said.normalised(text)
    return hashlib.blake2b(words.encode("utf-8", "surrogatepass"), digest_size=16).digest() if words else None


def counted_words(number: int) -> str:
    if number == 0:
        return "the order of its words only"
    return "1 word" if number == 1 else f"{number:,} words"


def _severity(places: Sequence[int], examined: Examined) -> Severity:
    return "warning" if len(places) >= 0.01 * len(examined.rows) else "info"


def _whole(examined: Examined, place: int) -> str:
    return said.whole(examined.rows[place], examined.layouts.of_row[place])


def _parts(examined: Examined, place: int) -> tuple[str, str]:
    row, layout = examined.rows[place], examined.layouts.of_row[place]
    return said.asked(row, layout), said.answered(row, layout)


def _parts_of_pair(examined: Examined, place: int) -> tuple[str, str, str]:
    """As `_parts`, the rejected answer of a preference pair by itself: two pairs with swapped answers are no copies."""
    row, layout = examined.rows[place], examined.layouts.of_row[place]
    if layout is None or layout.format != "preference":
        return said.asked(row, layout), said.answered(row, layout), ""
    chosen, rejected = (" ".join(said.texts(row.get(name))) for name in ("chosen", "rejected"))
    return said.asked(row, layout), chosen, rejected
