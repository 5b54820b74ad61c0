"""What a column holds over all rows: its histogram and its profile, as queries."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from tunebook.pipeline.data.table.cells import as_text, measure, quoted
from tunebook.pipeline.data.table.model import Column, Histogram, Profile
from tunebook.pipeline.data.table.scan import one
from tunebook.pipeline.errors import CallError

if TYPE_CHECKING:
    import duckdb

#: Up to so many rows distinct values and quantiles are counted, beyond it they are estimated.
EXACT_ROWS = 1_000_000
_SHARES = {"p1": 0.01, "p25": 0.25, "p50": 0.5, "p75": 0.75, "p99": 0.99}
_SHOWN = 120  # characters of a value in a profile
_WHOLE = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT")


def histogram(cursor: duckdb.DuckDBPyConnection, rows: str, column: Column, bins: int) -> Histogram:
    """Raises CallError for a column that has neither numbers nor lengths."""
    expression = measure(column)
    if expression is None:
        raise CallError("column", f"{column.name} has nothing to count", "choose a column of numbers, texts or lists")
    of: Any = "value" if column.kind == "number" else "length"
    raw, condition = quoted(column.name) if of == "value" else expression, "true"
    low, high = one(cursor, f"select min({raw})::double, max({raw})::double from ({rows})")
    if low is not None and not (math.isfinite(low) and math.isfinite(high)):
        raw, condition = f"{raw}::double", f"isfinite({raw}::double)"
        low, high = one(cursor, f"select min({raw}), max({raw}) from ({rows}) where {condition}")
    if low is None:
        return Histogram(of, [], [])
    whole = of == "length" or column.type in _WHOLE
    if whole:
        width: float = max(1, math.ceil((high - low + 1) / bins))
        bins = math.ceil((high - low + 1) / width)
        shift, back = 0.5, 0.5  # no whole number lies where two bars meet
    else:
        width = (high - low) / bins
        if width == 0 or not math.isfinite(width):
            bins, width = 1, max(high - low, 1.0) if math.isfinite(high - low) else 1.0
        shift, back = 0.0, 0.5 - 1e-9  # a number where two bars meet belongs to the upper one
    # Rounding by a cast is twice as quick as floor.
    place = f"(({raw}::double - {low!r} + {shift}) * {1 / width!r} - {back!r})"
    bounded = f"least(greatest({place}, 0), {bins - 1})" if condition != "true" else place
    counts = [0] * bins
    for at, amount in cursor.execute(
        f"select {bounded}::int as bin, count(*) from ({rows}) where {condition} group by bin"
    ).fetchall():
        if at is not None:
            counts[min(max(at, 0), bins - 1)] += amount
    edges = [low + width * at for at in range(bins)] + [high]
    return Histogram(of, edges, counts)


def profile(cursor: duckdb.DuckDBPyConnection, rows: str, count: int, column: Column) -> Profile:
    """Everything but the histogram, in at most three passes over the one column."""
    exact = count <= EXACT_ROWS
    name = quoted(column.name) if column.kind != "nested" else as_text(column)
    distinct = f"count(distinct {name})" if exact else f"approx_count_distinct({name})"
    number = measure(column)
    parts = [
        f"count({name})",
        distinct,
        f"left(min({name})::varchar, {_SHOWN})",
        f"left(max({name})::varchar, {_SHOWN})",
    ]
    if column.kind in ("nested", "binary"):
        parts[2:] = ["null", "null"]
    if number:
        quantile = "quantile_cont" if exact else "approx_quantile"
        parts += [f"avg({number})", f"{quantile}({number}, {list(_SHARES.values())})"]
    filled, different, least, most, *rest = one(cursor, f"select {', '.join(parts)} from ({rows})")
    quantiles = rest[1] if rest and rest[1] else []
    return Profile(
        column=column.name,
        rows=count,
        nulls=count - filled,
        distinct=min(different, filled),
        exact=exact,
        least=least,
        most=most,
        of="value" if column.kind == "number" else "length",
        quantiles={key: float(value) for key, value in zip(_SHARES, quantiles, strict=False) if value is not None},
        mean=rest[0] if rest else None,
        frequent=_frequent(cursor, rows, count, column, name) if different < filled else [],
    )


def _frequent(
    cursor: duckdb.DuckDBPyConnection, rows: str, count: int, column: Column, name: str
) -> list[tuple[str | None, int]]:
    if column.kind == "binary":
        return []
    condition = f"{name} is not null"
    if count > EXACT_ROWS:
        if column.kind == "nested":
            return []
        condition = f"{name} in (select unnest(approx_top_k({name}, 16)) from ({rows}))"
    query = f"""
        select left(value::varchar, {_SHOWN}), amount from (
            select {name} as value, count(*) as amount from ({rows}) where {condition} group by 1 having count(*) > 1
            order by amount desc, 1 limit 10
        ) order by amount desc, value
        """
    return [(value, amount) for value, amount in cursor.execute(query).fetchall()]
