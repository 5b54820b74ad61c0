"""The inspection as a job of its own: `python -m tunebook.pipeline.data.job CONFIG RESULT`.

CONFIG is a JSON object with the keywords of `inspect_data` (and `dataset`); RESULT gets the Inspection, or
`{"error": {"field", "problem", "remedy"}}` and exit code 2 if the call was wrong.
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path

from tunebook.pipeline.errors import CallError
from tunebook.pipeline.home import write_json
from tunebook.pipeline.progress import emit

EVERY_S = 0.2  # between two progress lines of one piece of work; its first and last are always told


def main(config_path: Path, result_path: Path) -> int:
    """Inspect, tell the progress in the log, leave the result. Returns the exit code."""
    # TRL's trainers, of which only the labels are wanted, would tell the Hub that they were made.
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    from tunebook.pipeline.data.inspection import inspect_data

    keywords = json.loads(config_path.read_text(encoding="utf-8"))
    told = 0.0

    def progress(done: int, total: int, text: str) -> None:
        nonlocal told
        now = time.monotonic()
        if done in (0, total) or now - told >= EVERY_S:
            emit("progress", done=done, total=total, text=text)
            told = now

    try:
        inspection = inspect_data(keywords.pop("dataset"), **keywords, progress=progress)
    except CallError as wrong:
        write_json(result_path, {"error": {"field": wrong.field, "problem": wrong.problem, "remedy": wrong.remedy}})
        print(wrong, file=sys.stderr)
        return wrong.exit_code
    write_json(result_path, inspection.model_dump(mode="json"))
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), Path(sys.argv[2])))
