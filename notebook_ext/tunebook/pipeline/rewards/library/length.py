"""length: neither longer nor shorter than asked."""

from typing import Any

from tunebook.pipeline.rewards.library.said import said

LENGTH = "0-200"  # tokens: at least - at most


def length(completions: list[Any], completion_ids: list[Any] | None = None, **_: Any) -> list[float | None]:
    """1.0 within LENGTH, falling to 0.0 at twice the most and at nothing; an empty answer has 0.0.

    Counted in tokens where the trainer hands them over, else a token for every 4 characters. Give it a small weight
    beside a reward that checks the answer: alone it teaches to say anything, briefly.
    """
    least, most = (float(part) for part in LENGTH.split("-"))
    scores: list[float | None] = []
    for number, completion in enumerate(completions):
        text = said(completion)
        tokens = len(completion_ids[number]) if completion_ids is not None else len(text) / 4
        if not text.strip():
            scores.append(0.0)
        elif tokens > most:
            scores.append(max(0.0, 2 - tokens / most))
        else:
            scores.append(min(1.0, tokens / least) if least else 1.0)
    return scores
