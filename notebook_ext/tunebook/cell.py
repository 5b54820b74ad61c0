"""What `%%finetune` and a cell's text say together: the options of the first line, and the spec they make."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NoReturn

from tunebook.pipeline.errors import CallError

if TYPE_CHECKING:
    from tunebook.pipeline.instruction import Reading
    from tunebook.pipeline.spec import Spec

#: Options of the cell that are no fields of the spec, or other names for one.
SHORT = {"on": "backend", "budget": "budget_usd"}


@dataclass(frozen=True)
class CellCall:
    """A cell as understood. `spec` is None while there are questions."""

    instruction: str
    reading: Reading
    said: dict[str, Any]
    spec: Spec | None
    yes: bool
    again: bool
    text: bool


class _CellParser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise CallError(
            "arguments", f"are wrong ({message})", "see `%%finetune --help`, or write it as a line `field: value`"
        )


def cell_parser() -> argparse.ArgumentParser:
    """The options of the cell's first line. Any field of the spec is one, written as in a `field: value` line."""
    from tunebook.pipeline.spec import FIELDS, REMEDIES

    parser = _CellParser(
        prog="%%finetune", description="Fine-tune a model as the text of the cell says.", allow_abbrev=False
    )
    parser.add_argument("--yes", action="store_true", help="start by itself where it costs nothing")
    parser.add_argument("--again", action="store_true", help="another run, although there is one of these words")
    parser.add_argument("--text", action="store_true", help="follow the run as text instead of a panel")
    parser.add_argument("--on", metavar="BACKEND", help="the backend to run on, such as local")
    parser.add_argument("--budget", metavar="USD", help="the most it may cost")
    for field in FIELDS:
        names = dict.fromkeys([f"--{field.replace('_', '-')}", f"--{field}"])
        parser.add_argument(
            *names, dest=field, metavar=field.upper(), help=REMEDIES.get(field, "the field of this name")
        )
    return parser


def edited_plan(line: str) -> str | None:
    """The plan of a cell whose first line says `edit PLAN_ID` and which holds a script; None for any other cell."""
    words = words_of(line)
    if not words or words[0] != "edit":
        return None
    if len(words) != 2:
        raise CallError("plan_id", "is missing" if len(words) < 2 else "is one word", "write `%%finetune edit PLAN_ID`")
    return words[1]


def understand(line: str, cell: str) -> CellCall:
    """The spec of a cell. A typed option wins over the text. Raises CallError where a typed value is wrong."""
    from tunebook.functions import read_spec
    from tunebook.pipeline.spec import FIELDS

    options = vars(cell_parser().parse_args(words_of(line)))
    typed = _typed(
        {field: options[field] for field in FIELDS} | {SHORT[name]: options[name] for name in SHORT if options[name]}
    )
    reading, spec = read_spec(cell, **typed)
    said = spec.said()
    return CellCall(
        instruction=cell.strip("\n"),
        reading=reading,
        said=said,
        spec=None if reading.questions else spec,
        yes=options["yes"],
        again=options["again"],
        text=options["text"],
    )


def _typed(options: dict[str, str | None]) -> dict[str, Any]:
    """Options are read as the lines `field: value` are, so that both take the same words."""
    from tunebook.pipeline.instruction.lines import Line
    from tunebook.pipeline.instruction.values import claim_of

    claims = [
        claim_of(Line(field, field, value.strip(), 0, len(value)))
        for field, value in options.items()
        if value is not None
    ]
    return {claim.field: claim.value for claim in claims if not claim.nothing}


def words_of(line: str) -> list[str]:
    """A line's words as a shell would split them. Raises CallError for a quote that is not closed."""
    import shlex

    try:
        return shlex.split(line)
    except ValueError as error:
        raise CallError("arguments", f"cannot be read ({error})", "close the quotes") from None
