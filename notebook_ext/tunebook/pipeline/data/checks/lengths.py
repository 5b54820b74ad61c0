"""What a length limit does, and whether there is enough to learn from: K04, K05, K23."""

from __future__ import annotations

from collections.abc import Iterable

from tunebook.pipeline.data.checks import Examined, Skip, Verdict, check
from tunebook.pipeline.data.layout import share
from tunebook.pipeline.data.report import Fix, Severity

FEW = 25  # rows; below, a fine-tune learns its rows by heart
DOMINANT = 0.2  # of all tokens in the longest 1 % of rows, where 0.01 would be even
ENOUGH_TO_JUDGE = 200  # rows; of fewer, 1 % is a row or two


@check("K04")
def rows_keep_their_labels(examined: Examined) -> Verdict:
    """TRL drops a row whose answer lies wholly beyond the limit; for a reward model any row that is longer."""
    summary = examined.counts()
    if examined.method == "grpo":
        raise Skip("GRPO learns from answers that it samples, not from the rows")
    places = _rows(
        place
        for place, trained, within in zip(summary.position, summary.trained, summary.trained_within, strict=True)
        if trained and not within
    )
    if not places:
        return Verdict(f"every row keeps trained tokens within {examined.limit_why}")
    lost = (
        "{lose|loses} every answer token to the length limit"
        if examined.method != "reward"
        else "{are|is} longer than the length limit"
    )
    message = f"{{n}} {lost}, and TRL drops {{them|it}} without a word"
    fix, remedy = _longer(examined, "these rows lose nothing", "shorten the prompts of {these rows|this row}")
    severity: Severity = "error" if len(places) > 0.05 * summary.rows else "warning"
    finding = examined.finding("K04", severity, places, message, remedy, leave_out=True, fix=fix)
    return Verdict(f"cut at {examined.limit_why}", [finding])


@check("K05")
def answers_are_not_cut(examined: Examined) -> Verdict:
    """A limit cuts the end of long rows, which is where the answer and its end token are."""
    summary = examined.labels()
    places = _rows(
        place
        for place, trained, within in zip(summary.position, summary.trained, summary.trained_within, strict=True)
        if within < trained
    )
    longest = max(summary.tokens, default=0)
    if not places:
        return Verdict(f"no answer is cut: the longest row has {longest:,} tokens, the limit is {examined.limit_why}")
    lost, total = sum(summary.trained) - sum(summary.trained_within), sum(summary.trained)
    message = f"{{n}} {{have|has}} answers cut, {share(lost, total)} of all answer tokens are lost"
    fix, remedy = _longer(examined, "no answer is cut", "shorten {these rows|this row}")
    finding = examined.finding("K05", "warning", places, message, remedy, fix=fix)
    return Verdict(f"cut at {examined.limit_why}", [finding])


def _rows(positions: Iterable[int]) -> list[int]:
    """Each row once: a pair has two sequences."""
    return list(dict.fromkeys(positions))


def _longer(examined: Examined, then: str, else_: str) -> tuple[Fix | None, str]:
    """A limit at which nothing is lost, where the model can read that much, and the remedy in words; else another remedy."""
    longest = max(8, *examined.counts().tokens)
    if examined.context is not None and longest > examined.context:
        return None, f"{else_}: the model reads {examined.context:,} tokens at most"
    fix = Fix(fields={"max_length": longest}, label=f"Set max_length to {longest:,}")
    return fix, f"set max_length to {longest:,}, so that {then}"


@check("K23")
def enough_rows_and_none_dominate(examined: Examined) -> Verdict:
    """Too few rows are learned by heart; a few very long ones decide what is learned."""
    rows = len(examined.rows)
    if rows < FEW:
        message = f"Only {'1 row' if rows == 1 else f'{rows} rows'} to learn from, so they will be learned by heart"
        finding = examined.finding("K23", "warning", list(range(rows)), message, f"collect at least {FEW} rows")
        return Verdict(f"{rows} rows", [finding])
    if examined.summary is None:
        return Verdict(f"{rows:,} rows are enough to begin with; without a model their lengths are not compared")
    if rows < ENOUGH_TO_JUDGE:
        return Verdict(f"{rows:,} rows are enough to begin with, too few to say whether the longest 1 % dominate")
    tokens = examined.summary.tokens
    longest = sorted(range(len(tokens)), key=tokens.__getitem__, reverse=True)[: max(1, len(tokens) // 100)]
    part = sum(tokens[at] for at in longest) / max(1, sum(tokens))
    if part <= DOMINANT:
        return Verdict(f"{rows:,} rows; the longest 1 % hold {share(round(part * 1000), 1000)} of the tokens")
    places = sorted(_rows(examined.summary.position[at] for at in longest))
    message = f"{{n}} (the longest 1 %) {{hold|holds}} {share(round(part * 1000), 1000)} of all tokens"
    finding = examined.finding(
        "K23", "warning", places, message, "split or shorten {these rows|this row}, or set max_length"
    )
    return Verdict("token counts compared", [finding])
