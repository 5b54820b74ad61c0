"""How every entry script ends: a wrong call is written into the result, so that who waits can say it in one line."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

from tunebook.pipeline.errors import CallError, TunebookError
from tunebook.pipeline.home import write_json


def run(main: Callable[[Path, Path], int | None]) -> int:
    """Call `main(config, result)` with the two paths of the command line. Returns the exit code: 0, 1 or 2."""
    config, result = Path(sys.argv[1]), Path(sys.argv[2])
    try:
        return main(config, result) or 0
    except CallError as error:
        write_json(result, {"error": {"field": error.field, "problem": error.problem, "remedy": error.remedy}})
        print(error, file=sys.stderr)
        return error.exit_code
    except TunebookError as error:
        print(error, file=sys.stderr)
        return error.exit_code
