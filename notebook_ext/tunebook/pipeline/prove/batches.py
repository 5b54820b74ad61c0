"""A batch as it reaches the loss, told row by row: what is only read, and what is learned."""

from __future__ import annotations

from itertools import pairwise
from typing import Any, NamedTuple

from tunebook.pipeline.prove.script import Method
from tunebook.pipeline.prove.trial import Sequence

IGNORED = -100
NEAR_THE_END = 4  # tokens: templates put a line's end or the like behind the end token


class Ends(NamedTuple):
    """The tokens that end an answer, and who can read tokens."""

    ids: list[int]
    tokenizer: Any

    @classmethod
    def of(cls, trainer: Any) -> Ends:
        from tunebook.pipeline.data.encode import end_tokens

        processing: Any = trainer.processing_class
        tokenizer = getattr(processing, "tokenizer", processing)
        return cls(sorted(end_tokens(tokenizer, getattr(trainer.model, "generation_config", None))), tokenizer)

    def text(self, ids: list[int]) -> str:
        text: str = self.tokenizer.decode(ids, skip_special_tokens=False)
        return text


def sequences(method: Method, inputs: Any, ends: Ends) -> list[Sequence]:
    """The rows of a batch, or an empty list where it has no tokens that could be read."""
    if method == "grpo":
        return _sampled(inputs, ends)
    ids = inputs.get("input_ids") if hasattr(inputs, "get") else None
    if ids is None:
        return []
    real = inputs.get("attention_mask")
    labels = _labels(method, inputs, ids, real)
    made = []
    for at in range(len(ids)):
        there = real[at] == 1 if real is not None else ids[at] == ids[at]
        row, learned = ids[at][there].tolist(), (labels[at][there] != IGNORED).tolist()
        places = inputs.get("position_ids")
        if real is None and places is not None:  # packed: a row begins where its places do
            starts = [number for number, place in enumerate(places[at].tolist()) if place == 0]
            edges = [*starts, len(row)]
            made += [_told(row[a:b], learned[a:b], ends) for a, b in pairwise(edges)]
        else:
            made.append(_told(row, learned, ends))
    if method in ("dpo", "reward"):  # the chosen answers, then the rejected ones: told in pairs
        return [one for pair in zip(made[: len(made) // 2], made[len(made) // 2 :], strict=True) for one in pair]
    return made


def _labels(method: Method, inputs: Any, ids: Any, real: Any) -> Any:
    if method == "sft":
        return inputs["labels"]
    if method == "reward":  # the score at the last token counts
        last = real.sum(-1, keepdim=True) - 1
        return ids.masked_fill(real.cumsum(-1) - 1 != last, IGNORED)
    mask = inputs.get("completion_mask")
    return ids if mask is None else ids.masked_fill(mask == 0, IGNORED)


def _sampled(inputs: Any, ends: Ends) -> list[Sequence]:
    prompts, answers = inputs["prompt_ids"], inputs["completion_ids"]
    made = []
    for at in range(len(prompts)):
        read = prompts[at][inputs["prompt_mask"][at] == 1].tolist()
        learned = answers[at][inputs["completion_mask"][at] == 1].tolist()
        made.append(_told(read + learned, [False] * len(read) + [True] * len(learned), ends))
    return made


def _told(ids: list[int], learned: list[bool], ends: Ends) -> Sequence:
    trained = [token for token, is_learned in zip(ids, learned, strict=True) if is_learned]
    return Sequence(
        tokens=len(ids),
        trained=len(trained),
        read=ends.text([token for token, is_learned in zip(ids, learned, strict=True) if not is_learned]),
        learned=ends.text(trained),
        first=ends.text(trained[:1]),
        ends=any(token in ends.ids for token in trained[-NEAR_THE_END:]),
    )
