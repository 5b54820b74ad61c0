"""Rows of any number as a table: pages, searches, filters, sorts and profiles by DuckDB, which never leaves its rows.

Parquet is read where it lies. Everything else, and the copy that makes a sorted page as quick as the first, is a DuckDB
file under TUNEBOOK_HOME/tables, made once.
"""

from __future__ import annotations

from tunebook.pipeline.data.table.cancel import Cancel, Cancelled
from tunebook.pipeline.data.table.files import forget_old, open_table
from tunebook.pipeline.data.table.model import Cell, Column, Histogram, Page, Profile, Sort
from tunebook.pipeline.data.table.table import Table
from tunebook.pipeline.data.table.view import View

__all__ = [
    "Cancel",
    "Cancelled",
    "Cell",
    "Column",
    "Histogram",
    "Page",
    "Profile",
    "Sort",
    "Table",
    "View",
    "forget_old",
    "open_table",
]
