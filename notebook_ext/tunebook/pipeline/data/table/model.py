"""What a table tells: its columns, pages of cells, profiles and histograms. Plain values, small enough to send."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal["number", "text", "bool", "time", "nested", "binary"]

#: A cell as text: None where the row has nothing, (the beginning, its whole length) where it was cut.
Cell = str | tuple[str, int] | None


@dataclass(frozen=True)
class Column:
    name: str
    type: str  # as DuckDB writes it
    kind: Kind


@dataclass(frozen=True)
class Sort:
    column: str
    descending: bool = False


@dataclass(frozen=True)
class Page:
    """Rows in the order of their view: the number of each in the data set (from 0), and its cells."""

    start: int
    columns: list[int]  # which of the table's columns the cells are of
    rows: list[tuple[int, list[Cell]]]


@dataclass(frozen=True)
class Histogram:
    """`counts[i]` rows lie from `edges[i]` up to `edges[i + 1]`, which only the last bar includes.

    Of text and lists it is their length that is counted.
    """

    of: Literal["value", "length"]
    edges: list[float]
    counts: list[int]


@dataclass(frozen=True)
class Profile:
    """One column over all rows. `exact` false: distinct values and quantiles are estimates."""

    column: str
    rows: int
    nulls: int
    distinct: int
    exact: bool
    least: str | None
    most: str | None
    of: Literal["value", "length"]  # what the quantiles are of: the number, or the length of the text
    quantiles: dict[str, float]  # "p1", "p25", "p50", "p75", "p99" where there is an order to speak of
    mean: float | None
    frequent: list[tuple[str | None, int]]
