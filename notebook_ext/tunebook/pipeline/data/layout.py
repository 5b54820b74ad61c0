"""Which format every row has: decided over all rows, since TRL decides by the first and the rest may differ.

A row's **shape** says what its cells are ("string", "turns", ...); its **layout** says what they mean: a format and
which column plays which part. Rows of one shape have one layout, so a million rows cost a handful of decisions.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

Cell = Literal["string", "turns", "from-value turns", "boolean", "number", "list", "object"]
Format = Literal[
    "messages",
    "ShareGPT conversations",
    "prompt and completion",
    "Alpaca",
    "question and answer",
    "text",
    "preference",
    "KTO",
    "prompt only",
]

TURNS = ("messages", "conversations", "conversation", "chat", "dialogue", "dialog", "turns")
QUESTIONS = ("question", "query", "problem", "prompt", "instruction", "input", "task", "user")
ANSWERS = (
    *("answer", "response", "output", "completion", "solution", "assistant", "target", "reply", "answers"),
    *("answerkey", "answer_key", "correct_answer", "final_answer"),
)
#: Columns that a reward can check an answer by; they are passed on for GRPO.
TESTS = (
    "test",
    "tests",
    "test_cases",
    "test_case",
    "unit_tests",
    "test_list",
    "public_tests",
    "private_tests",
    "examples",
)
OPTIONS = ("choices", "options", "candidates", "endings", "possible_answers")
MOST_ROWS = 0.8  # of the rows have a format that the others, which have nothing more, are held against
OPTIONAL = {"input", "system", "context", "options"}  # parts that a row may do without
TEXTS = ("text", "content", "document", "body")

#: The columns of a row that hold something, and what.
Shape = tuple[tuple[str, Cell], ...]


@dataclass(frozen=True)
class Layout:
    """A format and its parts: part to column. The parts by format:

    messages, ShareGPT conversations: turns. prompt and completion, KTO: prompt, completion (KTO: label).
    Alpaca: instruction, output; input and system may be absent. question and answer: question, answer; context and
    options (of a multiple choice) may be absent. preference: chosen, rejected, prompt (may be absent). text: text.
    prompt only: prompt.
    `conversational` is true where prompt, completion, chosen and rejected are lists of turns.
    """

    format: Format
    parts: tuple[tuple[str, str], ...]
    conversational: bool = False

    @property
    def columns(self) -> dict[str, str]:
        return dict(self.parts)

    def words(self) -> str:
        """The format as a person would say it."""
        if self.format == "preference":
            return "preference pairs" if "prompt" in self.columns else "preference pairs with the prompt inside"
        if self.format in ("prompt and completion", "KTO", "prompt only") and self.conversational:
            return f"{self.format}, conversational"
        return self.format


def cell(value: Any) -> Cell | None:
    """What a cell is; None for a cell that holds nothing: null, or an empty list."""
    if value is None or value == []:
        return None
    if isinstance(value, str):
        return "string"
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int | float):
        return "number"
    if isinstance(value, list):
        first = next((item for item in value if item is not None), None)
        if isinstance(first, Mapping):
            if isinstance(first.get("role"), str) and ("content" in first or "tool_calls" in first):
                return "turns"
            if isinstance(first.get("from"), str) and "value" in first:
                return "from-value turns"
        return "list"
    return "object"


def shape_of(row: Mapping[str, Any]) -> Shape:
    """The columns of a row that hold something, and what."""
    return tuple((name, kind) for name, value in row.items() if (kind := cell(value)) is not None)


def layout_of(shape: Mapping[str, Cell]) -> Layout | None:
    """The layout of a row by its shape, None if no format fits. The most telling columns are looked at first."""
    return (
        _preference(shape)
        or _completion(shape)
        or _turns(shape)
        or _instruction(shape)
        or _pair(shape)
        or _single(shape)
    )


def _preference(shape: Mapping[str, Cell]) -> Layout | None:
    kinds = {shape.get("chosen"), shape.get("rejected")}
    if kinds not in ({"string"}, {"turns"}):
        return None
    conversational = kinds == {"turns"}
    prompt = _first(shape, ("prompt", "question", "instruction", "input"), ("turns", "string"))
    if conversational and prompt and shape[prompt] == "string":
        prompt = None  # the turns of chosen and rejected begin with it, as TRL's maybe_extract_prompt knows
    elif not conversational and prompt and shape[prompt] == "turns":
        return None
    parts = [("prompt", prompt)] if prompt else []
    return Layout("preference", (*parts, ("chosen", "chosen"), ("rejected", "rejected")), conversational)


def _completion(shape: Mapping[str, Cell]) -> Layout | None:
    kinds = {shape.get("prompt"), shape.get("completion")}
    if kinds not in ({"string"}, {"turns"}):
        return None
    parts = [("prompt", "prompt"), ("completion", "completion")]
    if shape.get("label") == "boolean":
        return Layout("KTO", (*parts, ("label", "label")), kinds == {"turns"})
    return Layout("prompt and completion", tuple(parts), kinds == {"turns"})


def _turns(shape: Mapping[str, Cell]) -> Layout | None:
    column = _first(shape, TURNS, ("turns", "from-value turns"))
    if column is None:
        return None
    format: Format = "messages" if shape[column] == "turns" else "ShareGPT conversations"
    return Layout(format, (("turns", column),))


def _instruction(shape: Mapping[str, Cell]) -> Layout | None:
    output = _first(shape, ("output", "response", "answer", "completion"), ("string", "number"))
    if shape.get("instruction") != "string" or output is None:
        return None
    parts = [("instruction", "instruction")]
    extra = _first(shape, ("input", "context"), ("string",))
    parts += [("input", extra)] if extra else []
    parts += [("system", "system")] if shape.get("system") == "string" else []
    return Layout("Alpaca", (*parts, ("output", output)))


def _pair(shape: Mapping[str, Cell]) -> Layout | None:
    question = _first(shape, QUESTIONS, ("string",))
    named = ANSWERS if not _first(shape, OPTIONS, ("list", "object")) else (*ANSWERS, "label", "gold")
    answer = _first(shape, named, ("string", "number", "boolean"))
    if question is None or answer is None or question == answer:
        return None
    context = _first(shape, ("context", "passage"), ("string",))
    parts = [("context", context)] if context and context != question else []
    options = _first(shape, OPTIONS, ("list", "object"))
    parts += [("options", options)] if options else []
    return Layout("question and answer", (*parts, ("question", question), ("answer", answer)))


def _single(shape: Mapping[str, Cell]) -> Layout | None:
    text = _first(shape, TEXTS, ("string",))
    if text is None and shape.get("prompt") in ("string", "turns"):
        return Layout("prompt only", (("prompt", "prompt"),), shape["prompt"] == "turns")
    if text is None and len(shape) == 1:
        text = _first(shape, tuple(shape), ("string",))
    return Layout("text", (("text", text),)) if text else None


def _first(shape: Mapping[str, Cell], names: Iterable[str], kinds: tuple[str, ...]) -> str | None:
    """The first of the names that is a column of one of the kinds. Columns are found whatever their case."""
    lower = {name.lower(): name for name in shape}
    return next((lower[name] for name in names if name in lower and shape[lower[name]] in kinds), None)


@dataclass(frozen=True)
class Layouts:
    """The layout of every row (None: no format fits) and how often each occurs, the most frequent first."""

    of_row: list[Layout | None]
    counts: list[tuple[Layout, int]]

    @property
    def main(self) -> Layout | None:
        return self.counts[0][0] if self.counts else None

    @property
    def unreadable(self) -> list[int]:
        return [number for number, layout in enumerate(self.of_row) if layout is None]

    @property
    def mixed(self) -> bool:
        return len(self.counts) > 1

    def words(self) -> str:
        """ "Alpaca", or "a mixture: messages 90 %, text 10 %"."""
        if not self.counts:
            return "no known format"
        if not self.mixed:
            return self.counts[0][0].words()
        total = sum(count for _, count in self.counts)
        return "a mixture: " + ", ".join(f"{layout.words()} {share(count, total)}" for layout, count in self.counts)


def share(part: int, whole: int) -> str:
    """A share as a person reads it: "10 %", and never "0 %" or "100 %" for what is not none or all."""
    per_cent = 100 * part / whole if whole else 0.0
    if 0 < per_cent < 1 or 99 < per_cent < 100:
        return f"{per_cent:.2g} %" if per_cent < 1 else f"{min(per_cent, 99.9):.1f} %"
    return f"{per_cent:.0f} %"


def lacking(row: Mapping[str, Any], layout: Layout) -> str | None:
    """The column in which a row has nothing where its layout needs something."""
    return next((column for part, column in layout.parts if part not in OPTIONAL and row.get(column) is None), None)


def layouts_of(rows: Iterable[Mapping[str, Any]]) -> Layouts:
    """Classify every row. A row that only lacks an optional part (`input` of an Alpaca row) has the fuller layout."""
    one: dict[Shape, Shape] = {}  # rows of one shape share one object: there may be millions of them
    shapes = [one.setdefault(shape, shape) for shape in map(shape_of, rows)]
    known = {shape: layout_of(dict(shape)) for shape in one}
    of_row = [known[shape] for shape in shapes]
    fuller = _fuller({layout for layout in known.values() if layout is not None})
    of_row = [fuller[layout] if layout else None for layout in of_row]
    counts = Counter(layout for layout in of_row if layout is not None)
    incomplete = _incomplete(known, fuller, counts)
    if incomplete:
        of_row = [incomplete.get(shape, layout) for shape, layout in zip(shapes, of_row, strict=True)]
        counts = Counter(layout for layout in of_row if layout is not None)
    return Layouts(of_row, counts.most_common())


def _incomplete(
    known: Mapping[Shape, Layout | None], fuller: Mapping[Layout, Layout], counts: Counter[Layout]
) -> dict[Shape, Layout]:
    """Shapes of rows that only lack a part of what most rows have (an answer, say), each to the layout of most rows."""
    if not counts:
        return {}
    main, rows = counts.most_common(1)[0]
    if rows < MOST_ROWS * counts.total():
        return {}
    columns = set(main.columns.values())

    def lacks(shape: Shape, layout: Layout | None) -> bool:
        if layout is None:
            return any(name in columns for name, _ in shape)
        return (
            fuller[layout] != main
            and layout.format in ("prompt only", "text")
            and layout.conversational == main.conversational
            and set(layout.columns.values()) < columns
        )

    return {shape: main for shape, layout in known.items() if lacks(shape, layout)}


def _fuller(layouts: set[Layout]) -> dict[Layout, Layout]:
    """Each layout to the one among them that has all its parts and more. Only parts that may be absent count.

    A missing prompt of a preference pair is no such part: there the prompt is inside the turns, another format.
    """
    result: dict[Layout, Layout] = {}
    for layout in layouts:
        wider = [
            other
            for other in layouts
            if other.format == layout.format
            and other.conversational == layout.conversational
            and set(layout.parts) <= set(other.parts)
            and {part for part, _ in set(other.parts) - set(layout.parts)} <= OPTIONAL
        ]
        result[layout] = max(wider, key=lambda other: len(other.parts))
    return result
