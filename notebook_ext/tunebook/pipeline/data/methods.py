"""How far the data fits each training method: ready, by a mapping, or not, and why. The structure decides."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from tunebook.pipeline.data.layout import Layout, Layouts, share
from tunebook.pipeline.data.mapping import Target, code_for, targets_of
from tunebook.pipeline.data.report import MethodFit
from tunebook.pipeline.errors import CallError

METHODS = ("sft", "dpo", "grpo", "kto", "reward")

NO_TEMPLATE = (
    "the rows are conversations, and the model has no chat template to render them with; its instruct form has one"
)
#: Why rows fit no method that would have to leave out a system prompt.
NO_TURNS = "a system prompt needs turns, and these rows are plain text"
#: Columns that TRL takes a meaning from, by name. One that is there and means something else spoils the reading.
MEANINGFUL = {
    *("prompt", "completion", "messages", "conversations", "chosen", "rejected", "image", "images"),
    *("input_ids", "labels", "completion_mask", "assistant_masks", "seq_lengths"),
}


@dataclass(frozen=True)
class Situation:
    """What the decision depends on. `template`: has the model one; `known`: does TRL know it (None: no model)."""

    layouts: Layouts
    columns: Collection[str]
    strings: Collection[str]  # columns of text
    template: bool | None
    known: bool | None
    system_prompt: str | None
    checked_by: str | None  # what a program could check an answer by
    answers_a_row: Sequence[int]  # of every conversation: how many turns are answers

    @property
    def main(self) -> Layout | None:
        return self.layouts.main

    @property
    def kinds(self) -> list[Layout]:
        return [layout for layout, _ in self.layouts.counts]

    def disturbing(self, layout: Layout) -> list[str]:
        """Columns that are not the layout's own and that TRL would read all the same."""
        return sorted(MEANINGFUL.intersection(self.columns) - set(layout.columns.values()))


def fits(situation: Situation) -> dict[str, MethodFit]:
    """Every method and how the data fits it. Raises CallError if a system prompt was given that no row can carry."""
    if situation.main is None:
        nothing = MethodFit(status="no", why="no column has a format that TRL reads")
        return dict.fromkeys(METHODS, nothing)
    if situation.system_prompt and all(layout.format == "text" for layout in situation.kinds):
        raise CallError("system_prompt", "was given, but the rows are plain text without turns", "leave it out")
    return {
        "sft": _sft(situation),
        "dpo": _pairs(situation),
        "grpo": _grpo(situation),
        "kto": _kto(situation),
        "reward": _pairs(situation),
    }


def recommended(situation: Situation, methods: dict[str, MethodFit]) -> str | None:
    """The method that follows from the structure; None if nothing fits."""
    by_structure = {"preference": "dpo", "KTO": "kto", "prompt only": "grpo"}
    first = by_structure.get(situation.main.format, "sft") if situation.main else "sft"
    order = [first, *(method for method in METHODS if method != first)]
    return next((method for method in order if methods[method].status != "no"), None)


def trainer_settings(situation: Situation, fit: MethodFit) -> dict[str, Any]:
    """Fields of SFTConfig that the data and the template call for."""
    turns = fit.status != "no" and all(_is_turns(layout) for layout in situation.kinds)
    return {"assistant_only_loss": True} if turns and situation.known else {}


def _is_turns(layout: Layout) -> bool:
    return layout.format in ("messages", "ShareGPT conversations")


def _no(why: str) -> MethodFit:
    return MethodFit(status="no", why=why)


def _mapped(situation: Situation, target: Target, why: str) -> MethodFit:
    mapping: dict[str, str] = {}
    for layout in situation.kinds:
        mapping |= targets_of(layout, target)
    code = code_for(
        situation.kinds,
        target,
        system_prompt=situation.system_prompt,
        carried=situation.columns,
        strings=situation.strings,
    )
    return MethodFit(status="mapping", why=why, mapping=mapping, code=code)


def _sft(situation: Situation) -> MethodFit:
    layout = situation.main
    assert layout is not None
    formats = {kind.format for kind in situation.kinds}
    if formats & {"KTO"}:
        return _no("rows marked as unwanted would be learned too; KTO uses both")
    if formats == {"prompt only"}:
        return _no("there are prompts, but no completion to learn")
    if situation.layouts.mixed:
        return _sft_mixture(situation)
    if layout.format == "text":
        if layout.columns["text"] == "text" and not situation.disturbing(layout):
            return MethodFit(status="ready", why="every token of the column text is learned")
        return _mapped(situation, "text", f"every token of the column {layout.columns['text']} is learned")
    if _is_turns(layout):
        return _sft_turns(situation, layout)
    conversational = layout.conversational or layout.format in ("Alpaca", "question and answer")
    if layout.format == "prompt and completion":
        if conversational and situation.template is False:
            return _no(NO_TEMPLATE)
        if situation.system_prompt:
            return _mapped(situation, "completion", "the system prompt is put before every prompt")
        extra = situation.disturbing(layout)
        if extra:
            return _mapped(
                situation, _as_is(layout), f"TRL would also read {', '.join(extra)}; only these two are kept"
            )
        return MethodFit(status="ready", why="the completion is learned, the prompt is only read")
    if layout.format == "preference":
        target: Target = "completion" if layout.conversational or "prompt" in layout.columns else "text"
        return _mapped(
            situation,
            _as_is(layout) if target == "completion" else target,
            "only the preferred answer is learned; the rejected one is lost",
        )
    if situation.template is False:
        return _mapped(situation, "plain completion", "the model has no chat template: question, a line break, answer")
    return _mapped(
        situation, "completion", "the answer is learned as the assistant's turn, the rest is the user's turn"
    )


def _as_is(layout: Layout) -> Target:
    return "completion" if layout.conversational else "plain completion"


def _sft_turns(situation: Situation, layout: Layout) -> MethodFit:
    if situation.template is False:
        return _no(NO_TEMPLATE)
    if situation.known is False:
        return _mapped(
            situation,
            "completion",
            "TRL does not know this model's chat template, so it cannot find the answers in it: the last answer of "
            f"each conversation is learned; {lost_answers(situation.answers_a_row)}",
        )
    native = layout.format == "messages" and layout.columns["turns"] == "messages"
    learned = (
        "every answer is learned, the rest is only read"
        if situation.known
        else "the conversations are TRL's own format"
    )
    if native and not situation.disturbing(layout) and not situation.system_prompt:
        return MethodFit(status="ready", why=learned)
    return _mapped(situation, "messages", learned)


def _sft_mixture(situation: Situation) -> MethodFit:
    formats = {layout.format for layout in situation.kinds}
    if formats == {"text"}:
        return _no("the text is in different columns in different rows")
    if "text" in formats or "prompt only" in formats:
        return _no("some rows have a prompt and an answer, others only text: TRL reads one format")
    if situation.template is False:
        return _no("the rows have different formats, and the model has no chat template to bring them together")
    return _mapped(situation, "completion", "each row is read by its own format and becomes a prompt and a completion")


def _pairs(situation: Situation) -> MethodFit:
    layout = situation.main
    assert layout is not None
    if {kind.format for kind in situation.kinds} != {"preference"}:
        return _no("there are no pairs of a chosen and a rejected answer")
    if situation.layouts.mixed:
        return _no("the pairs have different formats in different rows")
    if layout.conversational and situation.template is False:
        return _no(NO_TEMPLATE)
    what = "what sets the chosen answer apart from the rejected one is learned"
    if layout.columns.get("prompt", "prompt") != "prompt" or situation.disturbing(layout) or situation.system_prompt:
        if situation.system_prompt and not layout.conversational:
            return _no(NO_TURNS)
        return _mapped(situation, "preference", what)
    return MethodFit(status="ready", why=what)


def _kto(situation: Situation) -> MethodFit:
    layout = situation.main
    assert layout is not None
    formats = {kind.format for kind in situation.kinds}
    if "KTO" in formats:
        if situation.layouts.mixed:
            same = formats == {"KTO"}
            return _no(
                "the rows have different formats" if same else "only some rows say whether their completion is wanted"
            )
        if layout.conversational and situation.template is False:
            return _no(NO_TEMPLATE)
        marked = "each completion is marked as wanted or not"
        if not situation.system_prompt:
            return MethodFit(status="ready", why=marked)
        return _mapped(situation, "verdict", marked) if layout.conversational else _no(NO_TURNS)
    pairs = _pairs(situation)
    if pairs.status != "no":
        return pairs.model_copy(update={"why": "TRL takes each pair as a wanted and an unwanted completion"})
    return pairs if formats == {"preference"} else _no("no column says whether a completion is wanted")


def _grpo(situation: Situation) -> MethodFit:
    layout = situation.main
    assert layout is not None
    if situation.layouts.mixed:
        return _no("the rows have different formats")
    if situation.template is False and (layout.conversational or _is_turns(layout)):
        return _no(NO_TEMPLATE)
    if layout.format == "prompt only":
        why = f"the prompts are there; {situation.checked_by or 'a reward function must be chosen'}"
        if not situation.system_prompt:
            return MethodFit(status="ready", why=why)
        return _mapped(situation, "prompt", why) if layout.conversational else _no(NO_TURNS)
    if layout.format in ("text", "preference", "KTO"):
        return _no("there is no prompt with an answer that a program could check")
    if situation.checked_by is None:
        return _no("nothing in the rows lets a program check an answer: no tests, options, numbers or short answers")
    return _mapped(situation, "answer", f"{situation.checked_by}; SFT is the simpler start")


def lost_answers(turns_a_row: Sequence[int]) -> str:
    """What splitting off the last answer loses, in words, from the number of answers in each conversation."""
    total, rows = sum(turns_a_row), sum(1 for count in turns_a_row if count > 1)
    if not rows:
        return "no answer is lost: no conversation has more than one"
    earlier = total - sum(1 for count in turns_a_row if count)
    return f"{earlier:,} of {total:,} answers ({share(earlier, total)}) are only read, in {rows:,} conversations"
