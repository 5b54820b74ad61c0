"""The columns of a data set, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tunebook.pipeline.data.report import Column

if TYPE_CHECKING:
    from datasets import Dataset


def columns_of(dataset: Dataset) -> list[Column]:
    """Name, type in words and number of nulls of every column."""
    from tunebook.pipeline.data.rows import quiet

    table = dataset.data.table
    nulls = {name: table.column(name).null_count for name in dataset.column_names}
    if len(table) != len(dataset):  # a selection of rows keeps the whole table behind it
        with quiet():
            flat = dataset.flatten_indices().data.table
        nulls = {name: flat.column(name).null_count for name in dataset.column_names}
    return [Column(name=name, type=type_words(kind), nulls=nulls[name]) for name, kind in dataset.features.items()]


def type_words(feature: Any) -> str:
    """A feature in words: "string", "list of {role, content}"."""
    kind = type(feature).__name__
    if kind == "Value":
        name: str = feature.dtype
        return {"large_string": "string", "null": "nothing"}.get(name, name)
    if kind in ("List", "LargeList", "Sequence"):
        return f"list of {type_words(feature.feature)}"
    if isinstance(feature, list):
        return f"list of {type_words(feature[0])}"
    if isinstance(feature, dict):
        return "{" + ", ".join(feature) + "}"
    if kind == "Json":
        return "mixed"
    return f"one of {feature.num_classes} labels" if kind == "ClassLabel" else kind.lower()
