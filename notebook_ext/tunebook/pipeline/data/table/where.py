"""A condition that a person wrote: one SQL expression over the columns, and nothing else.

The connection it runs on is locked: no file but the table's own, no setting, no extension. What that would still allow
(writing over the table's own file with COPY) is no expression, so it is refused here before it is run.
"""

from __future__ import annotations

from tunebook.pipeline.errors import CallError

LONGEST = 10_000
_HINT = "write one over the columns, such as `score > 3`"


def checked(where: str) -> str:
    """The condition, ready to stand between parentheses. Raises CallError for what is not one SQL expression."""
    import duckdb

    if len(where) > LONGEST:
        raise CallError("the condition", f"has {len(where):,} characters", f"keep it under {LONGEST:,}")
    try:
        duckdb.SQLExpression(where)
        statements = duckdb.extract_statements(f"select 1 from data where (\n{where}\n)")
    except duckdb.Error as error:
        raise refused(error) from None
    if len(statements) != 1 or statements[0].type != duckdb.StatementType.SELECT:
        raise CallError("the condition", "is more than one condition", _HINT)
    return f"(\n{where}\n)"


def refused(error: Exception) -> CallError:
    """What DuckDB has against a condition, in one line."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    first = lines[0] if lines else type(error).__name__
    told = first.split("Error: ", 1)[-1].rstrip(".")[:300]
    return CallError("the condition", f"does not work ({told.rstrip('!')})", _HINT)
