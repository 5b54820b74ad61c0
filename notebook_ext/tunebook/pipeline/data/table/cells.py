"""How a column becomes text on its way to the screen, and what can be searched, sorted and measured in it."""

from __future__ import annotations

from tunebook.pipeline.data.table.model import Column, Kind

_NUMBERS = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "FLOAT", "DOUBLE", "DECIMAL", "BIGNUM")
_TIMES = ("DATE", "TIME", "INTERVAL")


def kind_of(type_name: str) -> Kind:
    """The kind of a DuckDB type by its name."""
    name = type_name.upper()
    if name.endswith("]") or name.startswith(("STRUCT", "MAP", "UNION", "JSON", "VARIANT")):
        return "nested"
    if name.removeprefix("U").startswith(_NUMBERS):
        return "number"
    if name.startswith("BOOLEAN"):
        return "bool"
    if name.startswith(_TIMES):
        return "time"
    return "binary" if name.startswith(("BLOB", "BIT")) else "text"


def quoted(name: str) -> str:
    """A column's name as SQL writes it."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """A text as SQL writes it."""
    return "'" + text.replace("'", "''") + "'"


def as_text(column: Column) -> str:
    """SQL for the whole cell as text: nested values as JSON, bytes as their number."""
    name = quoted(column.name)
    if column.kind == "nested":
        return f"to_json({name})::varchar"
    if column.kind == "binary":
        return f"(octet_length({name}::blob) || ' bytes')"
    return name if column.type == "VARCHAR" else f"{name}::varchar"


def cut(column: Column, most: int) -> list[str]:
    """Two SQL expressions: the beginning of the cell as text, and its whole length where that is longer than `most`."""
    text = as_text(column)
    if column.kind in ("text", "nested"):
        return [f"left({text}, {most})", f"case when length({text}) > {most} then length({text}) end"]
    return [text, "null"]


def measure(column: Column) -> str | None:
    """SQL for the number that a histogram counts: the value, or the length of a text or list."""
    name = quoted(column.name)
    if column.kind == "number":
        return f"case when isfinite({name}::double) then {name}::double end"
    if column.type == "VARCHAR":
        return f"length({name})::double"
    if column.kind == "nested" and column.type.endswith("[]"):
        return f"len({name})::double"
    return None
