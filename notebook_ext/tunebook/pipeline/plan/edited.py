"""A plan with a script that a person has edited: another plan, which is proved before it may start."""

from __future__ import annotations

import difflib

from tunebook.pipeline.errors import CallError
from tunebook.pipeline.plan.model import Plan, plan_hash

FORECAST = "Time and price are forecast for the script as it was written; its time limit holds for this one too."


def with_script(plan: Plan, text: str) -> Plan:
    """The plan with this script. The same plan where nothing was changed.

    Raises CallError for a text that is no Python, with the line that is wrong.
    """
    assert plan.script is not None
    text = text.strip("\n") + "\n"
    original = plan.written or plan.script
    if text == plan.script:
        return plan
    try:
        compile(text, "train.py", "exec")
    except SyntaxError as failure:
        where = f"line {failure.lineno}" if failure.lineno else "it"
        raise CallError("script", f"is no Python: {where}: {failure.msg}", "mend it, and run the cell again") from None
    except ValueError as failure:  # null bytes
        raise CallError("script", f"is no Python: {failure}", "mend it, and run the cell again") from None
    consent = plan.consent.removesuffix(f" {FORECAST}")
    if text == original:
        changed = {"script": text, "written": None, "edit": None, "consent": consent}
    else:
        edit = difference(original, text)
        changed = {"script": text, "written": original, "edit": edit, "consent": f"{consent} {FORECAST}"}
    made = plan.model_copy(update=changed)
    return made.model_copy(update={"plan_id": plan_hash(made)})


def difference(before: str, after: str) -> str:
    """What was changed, as a unified diff."""
    lines = difflib.unified_diff(
        before.splitlines(), after.splitlines(), "written by the plan", "edited", lineterm="", n=2
    )
    return "\n".join(lines)


def counted(edit: str) -> tuple[int, int]:
    """Lines added and lines removed in a diff."""
    lines = edit.splitlines()[2:]
    return sum(line.startswith("+") for line in lines), sum(line.startswith("-") for line in lines)
