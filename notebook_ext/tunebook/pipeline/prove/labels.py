"""The check of the tokens: what the trainer was really given to learn."""

from __future__ import annotations

from tunebook.pipeline.prove.result import ProofCheck
from tunebook.pipeline.prove.script import Script
from tunebook.pipeline.prove.trial import Outcome, Sequence

LOOKED_FOR = 40  # characters of what a user says


def tokens(script: Script, run: Outcome) -> ProofCheck:
    seen = run.sequences
    if not seen:
        return _told(False, "no batch with token ids reached the loss")
    empty = [one for one in seen if not one.trained]
    if empty:
        return _told(False, f"{len(empty)} of {len(seen)} rows have no token that is learned: {_said(empty[0].read)}")
    told = f"{_share(seen)} of the tokens are learned, first {seen[0].first!r}"
    if script.method == "grpo":
        return _told(True, f"{told}; {len(seen)} answers, none empty")
    if script.method == "reward":
        return _told(True, f"{len(seen)} answers scored at their last token, {_pieces(seen)}")
    if (users := _trained_users(run)) and script.method in ("sft", "dpo", "kto"):
        remedy = "learn the answer alone (completion_only_loss, or assistant_only_loss for conversations)"
        return _told(False, f"the prompt is learned too, as {_said(users[0])}: {remedy}")
    if script.method == "dpo" and (same := _equal_pairs(seen)):
        return _told(
            False, f"in {same} pairs the chosen answer's tokens are those of the rejected one: look at max_length"
        )
    endless = [one for one in seen if not one.ends]
    if endless:
        remedy = (
            "the model would never stop; the template has to end each answer with an end token that the tokenizer knows"
        )
        text = f"in {len(endless)} of {len(seen)} rows no end token is learned, as behind {_said(endless[0].learned[-60:])}"
        return _told(False, f"{text}; {remedy}")
    return _told(True, f"{told}; the end token is learned in {len(seen)} of {len(seen)} rows")


def _trained_users(run: Outcome) -> list[str]:
    """What users say that is not among the text that is only read, though it is in a row."""
    read = [_plain(one.read) for one in run.sequences]
    whole = [(_plain(one.read), _plain(one.learned)) for one in run.sequences]
    found = []
    for text in run.users:
        part = _plain(text)[:LOOKED_FOR]
        if part and any(part in learned and part not in only for only, learned in whole) and not any(
            part in one for one in read
        ):  # fmt: skip
            found.append(text)
    return found


def _equal_pairs(seen: list[Sequence]) -> int:
    return sum(chosen.learned == rejected.learned for chosen, rejected in zip(seen[::2], seen[1::2], strict=False))


def _share(seen: list[Sequence]) -> str:
    return f"{sum(one.trained for one in seen)} of {sum(one.tokens for one in seen)}"


def _pieces(seen: list[Sequence]) -> str:
    return f"there {seen[0].first!r}"


def _plain(text: str) -> str:
    return " ".join(text.split())


def _said(text: str) -> str:
    plain = _plain(text)
    return repr(plain if len(plain) <= 80 else plain[:77] + "...")


def _told(passed: bool, evidence: str) -> ProofCheck:
    return ProofCheck(id="tokens", passed=passed, evidence=evidence)
