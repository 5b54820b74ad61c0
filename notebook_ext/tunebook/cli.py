"""The terminal: `tunebook NAME ...`. Results on stdout, everything else on stderr; exit 0 done, 1 failed, 2 wrong call."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence

from tunebook.commands import call, exit_code, parser
from tunebook.pipeline.errors import CallError, TunebookError


def main(argv: Sequence[str] | None = None) -> int:
    try:
        arguments = parser("tunebook").parse_args(argv)
        if arguments.command == "logs" and arguments.follow:
            return _follow(arguments)
        result = call(arguments)
    except TunebookError as error:
        print(f"tunebook: {error}", file=sys.stderr)
        return error.exit_code
    except OSError as error:
        from tunebook.pipeline.home import unwritable

        if (told := unwritable(error)) is None:
            raise
        print(f"tunebook: {told}", file=sys.stderr)
        return told.exit_code
    except KeyboardInterrupt:
        print("tunebook: interrupted; a run that was started goes on", file=sys.stderr)
        return 1
    if arguments.json:
        print(as_json(result))
    else:
        from tunebook.texts import render

        print(render(arguments.command, result))
    code = exit_code(result)
    if code:
        for question in getattr(result, "questions", []):
            print(f"tunebook: {question.field} {question.why}", file=sys.stderr)
    return code


def as_json(result: object) -> str:
    """One JSON object on one line; NaN and infinity as null."""
    from pydantic import BaseModel

    from tunebook.pipeline.progress import finite

    assert isinstance(result, BaseModel)
    return json.dumps(finite(result.model_dump(mode="json")), ensure_ascii=False, allow_nan=False)


def _follow(arguments: object) -> int:
    """Print a run's log as it grows, until the run ends."""
    from tunebook.follow import follow_log
    from tunebook.functions import find

    if getattr(arguments, "json", False):
        raise CallError("json", "does not go with --follow", "leave one of them out")
    return follow_log(find(getattr(arguments, "run", None)))


if __name__ == "__main__":
    raise SystemExit(main())
