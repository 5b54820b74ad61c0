"""A person's own defaults: settings.json in the home folder. A file that is wrong is told of, never passed over."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from tunebook.pipeline.errors import CallError
from tunebook.pipeline.home import home, read_json, write_json

FILE = "settings.json"


Usd = Annotated[float, Field(ge=0, allow_inf_nan=False, strict=True)]


class Settings(BaseModel):
    """What holds where nothing else was said; None means: no default."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    budget_usd: Usd | None = None  # what a run may cost where its cell says nothing
    budget_month_usd: Usd | None = None  # what all runs of a calendar month (UTC) may cost together


def read_settings() -> Settings:
    """The settings; the defaults of `Settings` where there is no file. Raises CallError for a damaged or wrong file."""
    remedy = f"mend {_path()}, or set it anew with `budget --clear`"
    try:
        content = read_json(_path())
    except (OSError, ValueError) as failure:
        why = (failure.strerror or failure) if isinstance(failure, OSError) else "it is no JSON"
        raise CallError(FILE, f"cannot be read ({why})", remedy) from None
    if content is None:
        return Settings()
    try:
        return Settings.model_validate(content)
    except ValidationError as failure:
        field, problem = _first(failure)
        raise CallError(FILE, f"is wrong ({f'{field} ' if field else ''}{problem})", remedy) from None


def change_settings(**fields: float | None) -> Settings:
    """Set fields, or remove those that are None. Raises CallError for a wrong value, as for a wrong file."""
    content = read_settings().model_dump() | fields
    try:
        changed = Settings.model_validate(content)
    except ValidationError as failure:
        field, problem = _first(failure)
        raise CallError(field, problem, "give US dollars of 0 or more, such as 2") from None
    write_json(_path(), changed.model_dump(exclude_none=True))
    return changed


def clear_settings() -> None:
    """Remove every setting, those of a damaged file too."""
    _path().unlink(missing_ok=True)


def _path() -> Path:
    return home() / FILE


def _first(failure: ValidationError) -> tuple[str, str]:
    """The first wrong field ("" where the whole is wrong) and what is wrong with it, as the end of a sentence."""
    error = failure.errors()[0]
    field = str(error["loc"][0]) if error["loc"] else ""
    if error["type"] == "extra_forbidden":
        return field, "is no setting"
    if not field:
        return "", "it must be an object of settings"
    shown = repr(error["input"])
    reason = error["msg"].replace("Input should", "which must")
    return field, f"is {shown if len(shown) <= 40 else shown[:37] + '...'}, {reason}"


def is_offline() -> bool:
    """Whether HF_HUB_OFFLINE forbids to ask the Hub, as its client reads it; loading the client would take 0.2 s."""
    return os.environ.get("HF_HUB_OFFLINE", "").upper() in ("1", "ON", "YES", "TRUE")
