"""exact: the answer, letter for letter."""

from typing import Any

from tunebook.pipeline.rewards.library.said import answer_part, plain, said, stated


def exact(completions: list[Any], answer: list[Any], **_: Any) -> list[float | None]:
    """1.0 if what is said, or the result that it states last, is the answer or the result that the answer states.

    0.0 if not. Case, spaces and a full stop at the end do not count. None where the row has no answer.
    """
    return [_is_exact(answer_part(said(one)), right) for one, right in zip(completions, answer, strict=True)]


def _is_exact(text: str, right: Any) -> float | None:
    wanted = _forms("" if right is None else str(right))
    return float(not wanted.isdisjoint(_forms(text))) if wanted else None


def _forms(text: str) -> set[str]:
    return {plain(text), plain(stated(text) or "")} - {""}
