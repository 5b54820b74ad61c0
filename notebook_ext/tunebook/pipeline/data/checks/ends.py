"""Where training begins and stops within a row: K01, K02, K03."""

from __future__ import annotations

import re

from tunebook.pipeline.data.checks import Examined, Skip, Verdict, check
from tunebook.pipeline.data.report import Severity
from tunebook.pipeline.data.trl_labels import IGNORED


@check("K01")
def end_token_is_trained(examined: Examined) -> Verdict:
    """Every trained stretch must close with an end token, or the model never learns to stop."""
    places = examined.labels().no_end
    total = examined.labels().rows
    if not places:
        return Verdict(f"each of {total:,} rows ends its trained text with an end token")
    message = "{n} never {train|trains} the end token, so the model would not learn to stop"
    remedy = "use prompt and completion rows, whose end token TRL adds, or a chat template that closes the answer"
    severity: Severity = "error" if len(places) > total / 2 else "warning"
    return Verdict(f"{len(places):,} of {total:,} rows", [examined.finding("K01", severity, places, message, remedy)])


@check("K02")
def padding_does_not_mask_the_end(examined: Examined) -> Verdict:
    """In a padded batch the real end token keeps its label, also where padding uses the same token."""
    without = set(examined.labels().no_end)
    if examined.page is None:
        raise Skip("no row could be prepared by TRL")
    masked: list[int] = []
    for place, found in examined.page.items():
        trained = [{token for token, label in zip(*one, strict=True) if label != IGNORED} for one in found]
        if place not in without and not all(examined.ends & tokens for tokens in trained):
            masked.append(place)
    if not masked:
        return Verdict(
            f"{len(examined.page)} rows in padded batches of TRL's collator keep the label of their end token"
        )
    message = "{n} {lose the label of their end token when they are|loses the label of its end token when it is} padded"
    remedy = "give the tokenizer a pad token that is not its end token"
    return Verdict("seen in TRL's own batches", [examined.finding("K02", "error", masked, message, remedy)])


@check("K03")
def prompt_is_not_trained(examined: Examined) -> Verdict:
    """What is trained, read as text, must not hold what the user or the system said."""
    if examined.layouts.main is not None and examined.layouts.main.format == "text":
        return _conversations_as_text(examined)
    summary = examined.labels()
    places = summary.prompt_trained
    if not places:
        return Verdict(f"the trained text of {summary.rows:,} rows holds nothing of their prompts")
    message = "{n} {train|trains} on text of the prompt"
    remedy = "use prompt and completion rows, or a model whose chat template TRL knows"
    return Verdict(
        "trained tokens compared with the prompts", [examined.finding("K03", "warning", places, message, remedy)]
    )


#: How a user's turn begins where a conversation was written into one text.
MARKERS = re.compile(
    r"<\|im_start\|>user|<\|user\|>|<start_of_turn>user|\[INST\]|^#+ ?(Instruction|Human|User):?", re.MULTILINE
)


def _conversations_as_text(examined: Examined) -> Verdict:
    """Of plain text every token is trained: wrong where the text is a conversation."""
    column = examined.layouts.main.columns["text"] if examined.layouts.main else "text"
    places = [at for at, row in enumerate(examined.rows) if MARKERS.search(str(row.get(column) or ""))]
    if not places:
        raise Skip("plain text has no prompt that could be told from an answer")
    message = "{n} {are conversations|is a conversation} written as text, so the prompts are trained too"
    remedy = "give the turns as messages, or as prompt and completion"
    return Verdict("marks of turns in the text", [examined.finding("K03", "warning", places, message, remedy)])
