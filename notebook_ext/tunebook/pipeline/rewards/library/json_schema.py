"""json_schema: JSON of the asked shape."""

import json
import re
from typing import Any

from tunebook.pipeline.rewards.library.said import answer_part, said

JSON_SCHEMA: Any = None  # for rows without a column `schema`
JSON_LONGEST = 100_000  # characters
JSON_OTHER_SHAPE = 0.25  # for JSON that is not of the shape


def json_schema(completions: list[Any], schema: list[Any] | None = None, **_: Any) -> list[float | None]:
    """1.0 for JSON that its schema allows, 0.25 for other JSON, 0.0 for what is none; None where the schema is wrong.

    The answer is the last ``` block, or all that is said. The schema is the row's column `schema` (text or an object),
    or JSON_SCHEMA. References to other places are not followed.
    """
    schemas = schema if schema is not None else [JSON_SCHEMA] * len(completions)
    return [_shaped(answer_part(said(one)), _schema(its)) for one, its in zip(completions, schemas, strict=True)]


def _schema(value: Any) -> Any:
    if isinstance(value, str):
        try:
            return json.loads(value)
        except (ValueError, RecursionError):
            return None
    return _without_gaps(value)


def _without_gaps(value: Any) -> Any:
    """Columns of objects are filled up with nulls, which no keyword of a schema may be."""
    if isinstance(value, dict):
        return {key: _without_gaps(one) for key, one in value.items() if one is not None}
    return [_without_gaps(one) for one in value] if isinstance(value, list) else value


def _shaped(text: str, schema: Any) -> float | None:
    import jsonschema
    import referencing
    import referencing.exceptions

    if not isinstance(schema, dict | bool):
        return None
    blocks = re.findall(r"```(?:json)?[ \t]*\n(.*?)```", text, re.DOTALL)
    try:
        kind = jsonschema.validators.validator_for(schema, default=jsonschema.Draft202012Validator)
        kind.check_schema(schema)
    except (jsonschema.SchemaError, RecursionError):
        return None
    try:
        text = blocks[-1] if blocks else text
        if len(text) > JSON_LONGEST:
            return 0.0
        value = json.loads(text, parse_constant=_no_number)
    except (ValueError, RecursionError):
        return 0.0
    try:
        valid = kind(schema, registry=referencing.Registry()).is_valid(value)
    except (RecursionError, re.error, referencing.exceptions.Unresolvable):
        return None
    except (ArithmeticError, ValueError, TypeError):  # multipleOf with 1e400, and the like
        valid = False
    return 1.0 if valid else JSON_OTHER_SHAPE


def _no_number(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")
