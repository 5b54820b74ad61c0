"""Whether the model is asked in the same tokens as it was trained on: K06 (two BOS tokens), K17 (the template)."""

from __future__ import annotations

import json
from typing import Any

from tunebook.pipeline.data.checks import Examined, Skip, Verdict, check
from tunebook.pipeline.data.encode import common_prefix
from tunebook.pipeline.data.sequences import sequences

ASKED_WITH: list[dict[str, Any]] = [{"role": "user", "content": "Hello"}]


@check("K06")
def one_token_begins_the_text(examined: Examined) -> Verdict:
    """A text that begins with the BOS token gets a second one where the tokenizer puts one before every text."""
    summary = examined.counts()
    tokenizer = examined.tokenizer
    bos = getattr(tokenizer, "bos_token", None)
    if not bos:
        return Verdict("the tokenizer has no BOS token")
    if summary.two_starts:
        message = f"{{n}} {{begin|begins}} with two BOS tokens ({bos}), where the model expects one"
        remedy = f"take {bos} out of the text, or out of the chat template"
        return Verdict(
            "the first two tokens of every row looked at",
            [examined.finding("K06", "warning", summary.two_starts, message, remedy)],
        )
    why = f"none of {summary.rows:,} rows begins with two BOS tokens"
    if _template_writes_it_too(tokenizer):
        why += "; text that the chat template has rendered begins with one: tokenize it with add_special_tokens=False"
    return Verdict(why)


def _template_writes_it_too(tokenizer: Any) -> bool:
    """Whether rendering first and tokenizing then, as some servers do, would make two."""
    try:
        text = tokenizer.apply_chat_template(ASKED_WITH, tokenize=False, add_generation_prompt=True)
    except Exception:  # noqa: BLE001 (no template, or one that wants other turns)
        return False
    ids: list[int] = tokenizer(text)["input_ids"]
    return ids[:2] == [tokenizer.bos_token_id] * 2


@check("K17")
def asked_as_it_was_trained(examined: Examined) -> Verdict:
    """A trained conversation must begin with the tokens by which the model is asked for its last answer."""
    examined.counts()
    if examined.page is None:
        raise Skip("no row could be prepared by TRL")
    method = examined.method or "sft"
    asked = {place: asked_for for place in examined.page if (asked_for := _asked(method, examined.mapped[place]))}
    if not asked:
        raise Skip("the rows are no conversations, so no chat template is used")
    parting: dict[int, str] = {}
    served: list[int] = []
    for place, (row, turns) in asked.items():
        trained = examined.page[place][0][0]
        ids, text = _generation(examined.tokenizer, row, turns)
        if trained[: len(ids)] != ids:
            at = common_prefix(trained, ids)
            parting[place] = f"row {examined.numbers[place]} parts at token {at + 1} of the {len(ids)} of its prompt"
        if examined.tokenizer(text, add_special_tokens=False)["input_ids"] != ids:
            served.append(place)
    findings = []
    if parting:
        message = (
            f"{{n}} of the first {len(examined.page)} {{are|is}} trained in other tokens than the model is asked in"
        )
        remedy = "use a chat template that writes a turn in the same way whatever follows it"
        evidence = next(iter(parting.values()))
        findings.append(examined.finding("K17", "warning", list(parting), message, remedy, evidence))
    if served:
        message = (
            f"{{n}} of the first {len(examined.page)} {{become|becomes}} other tokens when the template's text is "
            "tokenized by itself, as servers do"
        )
        remedy = "use a tokenizer whose special tokens are not split or joined with the text beside them"
        findings.append(examined.finding("K17", "warning", served, message, remedy))
    if findings:
        return Verdict("rendered for training and for an answer", findings)
    return Verdict(f"the first {len(asked)} conversations begin in training with the tokens that ask for their answer")


Row = dict[str, Any]


def _asked(method: str, row: Row | None) -> tuple[Row, list[Any]] | None:
    """The row and the turns before its last answer; None if it is no conversation with an answer."""
    if row is None:
        return None
    row = sequences(method, row)[0]
    if isinstance(row.get("prompt"), list):
        return row, row["prompt"]
    turns = row.get("messages")
    if not isinstance(turns, list):
        return None
    last = max((at for at, turn in enumerate(turns) if turn.get("role") == "assistant"), default=0)
    return (row, turns[:last]) if last else None


def _generation(tokenizer: Any, row: Row, turns: list[Any]) -> tuple[list[int], str]:
    """What the model is asked with: token ids, and the text that they are made of."""
    tools = row.get("tools")
    more = {
        **(row.get("chat_template_kwargs") or {}),
        "tools": (json.loads(tools) if isinstance(tools, str) else tools) or None,
        "add_generation_prompt": True,
    }
    ids = tokenizer.apply_chat_template(turns, tokenize=True, return_dict=True, **more)["input_ids"]
    text = tokenizer.apply_chat_template(turns, tokenize=False, **more)
    return list(ids), text
