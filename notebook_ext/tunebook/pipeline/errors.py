"""The two kinds of failure a user can meet, each told in one clear line."""

from __future__ import annotations


class TunebookError(Exception):
    """Base of everything tunebook raises on purpose. `exit_code` is what the terminal returns."""

    exit_code = 1


class CallError(TunebookError):
    """The call is wrong: a field, what is wrong with it, and what to do instead. Exit code 2.

    >>> str(CallError("budget_usd", "is -1, less than nothing", "give a budget of 0 or more, such as `budget: 2`"))
    'budget_usd is -1, less than nothing: give a budget of 0 or more, such as `budget: 2`.'
    """

    exit_code = 2

    def __init__(self, field: str, problem: str, remedy: str) -> None:
        self.field, self.problem, self.remedy = field, problem, remedy
        super().__init__(f"{field} {problem}: {remedy.rstrip('.')}.")


class WorkFailed(TunebookError):
    """The call was right, the work failed. Exit code 1."""
