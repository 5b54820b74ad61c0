"""Completion of `%%finetune --<TAB>` and `%finetune <TAB>`, from the parsers that read the same lines."""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from IPython.core.completer import SimpleCompletion, context_matcher

if TYPE_CHECKING:
    from IPython.core.completer import CompletionContext, SimpleMatcherResult

_CALL = re.compile(r"\s*(?P<sign>%%?)finetune(?P<rest>\s.*)$")
#: Ids that are shown at most: the newest ones.
RUNS_SHOWN = 20


@context_matcher(priority=1000)  # type: ignore[untyped-decorator]
def complete_finetune(context: CompletionContext) -> SimpleMatcherResult:
    """Names, options and values that can stand at the cursor in a line of tunebook's magics."""
    nothing: SimpleMatcherResult = {"completions": [], "suppress": False}
    call = _CALL.match(context.text_until_cursor)
    if call is None or (call["sign"] == "%%" and context.cursor_line != 0):
        return nothing
    words = call["rest"].split()
    last = "" if not words or context.text_until_cursor[-1].isspace() else words.pop()
    try:
        found = [word for word in candidates(call["sign"] == "%%", words, last) if word.startswith(last)]
    except Exception:  # noqa: BLE001  completion must never disturb typing, whatever state the home is in
        return nothing
    if not found:
        return nothing
    return {
        "completions": [SimpleCompletion(word, type="param") for word in found],
        "suppress": True,
        "matched_fragment": last,
        "ordered": True,
    }


def candidates(is_cell: bool, words: list[str], last: str) -> list[str]:
    """What can follow `words` in the magic's line, where `last` is what is typed of it so far."""
    from tunebook.cell import cell_parser
    from tunebook.commands import parser

    if is_cell:
        return _of(cell_parser(), words, last)
    subs = _commands(parser("%finetune"))
    if not words:
        return list(subs)
    return _of(subs[words[0]], words[1:], last) if words[0] in subs else []


def _of(parser: argparse.ArgumentParser, words: list[str], last: str) -> list[str]:
    waiting = _option(parser, words[-1]) if words else None
    if waiting is not None and waiting.nargs != 0:
        return _values(waiting)
    if last.startswith("-"):
        used = {id(option) for word in words if (option := _option(parser, word))}
        return [_name(action) for action in parser._actions if action.option_strings and id(action) not in used]
    given = _positionals_given(parser, words)
    positionals = [action for action in parser._actions if not action.option_strings]
    values = (
        _values(positionals[min(given, len(positionals) - 1)]) if positionals and _has_room(positionals, given) else []
    )
    return values or ([_name(action) for action in parser._actions if action.option_strings] if not last else [])


def _commands(parser: argparse.ArgumentParser) -> dict[str, argparse.ArgumentParser]:
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            return dict(action.choices)
    return {}


def _option(parser: argparse.ArgumentParser, word: str) -> argparse.Action | None:
    return next((action for action in parser._actions if word in action.option_strings), None)


def _name(action: argparse.Action) -> str:
    return next((name for name in action.option_strings if name.startswith("--")), action.option_strings[0])


def _positionals_given(parser: argparse.ArgumentParser, words: list[str]) -> int:
    given, skip = 0, False
    for word in words:
        if skip:
            skip = False
        elif option := _option(parser, word):
            skip = option.nargs != 0
        else:
            given += 1
    return given


def _has_room(positionals: list[argparse.Action], given: int) -> bool:
    return given < len(positionals) or positionals[-1].nargs == "+"


def _values(action: argparse.Action) -> list[str]:
    """The words that an argument is known to take; none where anything goes."""
    if action.choices:
        return [str(choice) for choice in action.choices]
    if action.type is float:
        return []  # an amount: `budget --run` takes no run
    match action.dest:
        case "run" | "target" | "targets":
            return list(_run_ids())
        case "plan" | "plan_id":
            return list(dict.fromkeys(_plan_ids()))
        case "on" | "backend":
            return ["local"]
        case dest:
            return _field_values(dest)


def _field_values(field: str) -> list[str]:
    from typing import get_args

    from tunebook.pipeline.spec import QUANTS, Method, Tuning

    known: dict[str, Iterable[Any]] = {
        "method": get_args(Method),
        "tuning": get_args(Tuning),
        "gguf": QUANTS,
        "packing": ("true", "false"),
        "private": ("true", "false"),
    }
    return [str(value) for value in known.get(field, ())]


def _run_ids() -> list[str]:
    from tunebook.pipeline.home import home
    from tunebook.pipeline.journal import Journal

    return Journal(home()).run_ids()[:RUNS_SHOWN]


def _plan_ids() -> Iterable[str]:
    from tunebook.pipeline.home import home
    from tunebook.pipeline.journal import Journal, fold

    journal = Journal(home())
    for run_id in journal.run_ids()[:RUNS_SHOWN]:
        if plan_id := fold(journal.events(run_id)).plan_id:
            yield plan_id[:12]
