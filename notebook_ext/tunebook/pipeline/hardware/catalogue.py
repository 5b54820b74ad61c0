"""The machine types for hire and what they cost now: asked of the Hub, kept for a short while, shipped for the rest.

Prices from three sources are shown; only those that the Hub itself told lately are spent on (`Catalogue.spendable`).
"""

from __future__ import annotations

import calendar
import difflib
import json
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel

from tunebook.pipeline.deadline import within
from tunebook.pipeline.errors import CallError
from tunebook.pipeline.hardware.flavors import Flavor as Flavor
from tunebook.pipeline.hardware.flavors import flavors_of
from tunebook.pipeline.home import read_json, write_json

#: A list this young is used without asking: one plan asks for it several times, and prices change a few times a year.
FRESH_S = 600
#: Older prices are not spent on. An hour is enough to read a plan and confirm it while the Hub has some minutes of
#: trouble, and short enough that a price of yesterday never fills in a button.
SPENDABLE_S = 3600
#: The Hub answers in well under a second; who plans offline should not wait longer than this to be told so.
TIMEOUT_S = 4.0
FILE = "hardware.json"
SNAPSHOT = Path(__file__).with_name("prices.json")


class Catalogue(BaseModel):
    """Machine types, where they are from and when that was. All times are seconds since the epoch."""

    flavors: list[Flavor]
    source: Literal["live", "cached", "snapshot"]
    read_at: float
    problem: str = ""  # why the Hub was not asked, or what went wrong: a clause; "" where nothing did
    left_out: int = 0  # entries of the list that could not be read at all

    def sentence(self, now: float) -> str:
        """Where the prices are from, and whether anything is spent on them."""
        if self.source == "snapshot":
            month = datetime.fromtimestamp(self.read_at, UTC)
            lead = f"Prices as shipped in {calendar.month_name[month.month]} {month.year}"
        else:
            lead = f"Prices read from the Hub {_ago(now - self.read_at)}"
        cause = f", because {self.problem}" if self.problem else ""
        rest = "" if self.spendable(now) else ": they are shown, and nothing is spent on them"
        entries = "1 entry" if self.left_out == 1 else f"{self.left_out} entries"
        left_out = f" {entries} of its list could not be read." if self.left_out else ""
        return f"{lead}{cause}{rest}.{left_out}"

    def spendable(self, now: float) -> bool:
        """Whether money may be spent at these prices."""
        return spendable(self.source, self.read_at, now)

    def flavor(self, name: str) -> Flavor:
        """The machine type of that name. Raises CallError with the names that are nearest to it."""
        names = {flavor.name: flavor for flavor in self.flavors}
        if name in names:
            return names[name]
        near = difflib.get_close_matches(name.lower(), names, n=4, cutoff=0.5)
        choices = ", ".join(near or list(names)[:8])
        more = f" or one of {len(names) - 8} more" if not near and len(names) > 8 else ""
        raise CallError("flavor", f"is {name!r}, which the Hub does not offer", f"choose {choices}{more}")


def spendable(source: str, read_at: float, now: float) -> bool:
    """Whether money may be spent at a price: told by the Hub, within the last SPENDABLE_S seconds.

    A time to come (the clock was set back) says nothing of its age, so then it is no.
    """
    return source != "snapshot" and 0 <= now - read_at <= SPENDABLE_S


def catalogue(
    folder: Path, *, now: float | None = None, offline: bool | None = None, fresh_s: float = FRESH_S
) -> Catalogue:
    """The machine types of the Hub's jobs. Never raises and never takes much more than TIMEOUT_S.

    `folder` is where the list is kept. A list there that is at most `fresh_s` seconds old is taken as it is; else the Hub
    is asked; failing that, the kept list of whatever age is taken, and failing that the shipped one, each with the reason.
    `offline` keeps from asking; left out, HF_HUB_OFFLINE decides.
    """
    from huggingface_hub import constants

    now = time.time() if now is None else now
    kept = _kept(folder / FILE, constants.ENDPOINT)
    if kept is not None and 0 <= now - kept.read_at <= fresh_s:
        return kept
    if constants.is_offline_mode() if offline is None else offline:
        why = "HF_HUB_OFFLINE is set" if constants.is_offline_mode() else "this is offline"
        problem = f"{why}, so the Hub is not asked"
    else:
        try:
            entries = within(TIMEOUT_S, lambda: _ask(constants.ENDPOINT))
            flavors, left_out = flavors_of(entries)
            if not flavors:
                raise ValueError("no entry can be read")
            _keep(folder / FILE, {"endpoint": constants.ENDPOINT, "read_at": now, "hardware": entries})
            return Catalogue(flavors=flavors, source="live", read_at=now, left_out=left_out)
        except Exception as failure:  # noqa: BLE001 (which HTTP library huggingface_hub uses, and so its errors, changes)
            problem = _why(failure)
    return (kept or snapshot_prices()).model_copy(update={"problem": problem})


def snapshot_prices() -> Catalogue:
    """The list that is shipped with tunebook. To be shown only: its prices are of the past, so it is never spendable."""
    shipped: dict[str, Any] = json.loads(SNAPSHOT.read_text(encoding="utf-8"))
    flavors, left_out = flavors_of(shipped["hardware"])
    read_at = datetime.fromisoformat(f"{shipped['month']}-01T00:00:00+00:00").timestamp()
    return Catalogue(flavors=flavors, source="snapshot", read_at=read_at, left_out=left_out)


def _ask(endpoint: str) -> list[Any]:
    """The Hub's list as it comes. This is the request of `HfApi.list_jobs_hardware`, which waits for ever for an answer
    and gives up on the whole list at one entry that lacks a field."""
    from huggingface_hub import get_session
    from huggingface_hub.utils import build_hf_headers, hf_raise_for_status  # type: ignore[attr-defined]

    response = get_session().get(f"{endpoint}/api/jobs/hardware", headers=build_hf_headers(), timeout=TIMEOUT_S)
    hf_raise_for_status(response)
    entries = response.json()
    if not isinstance(entries, list):
        raise ValueError("no list")
    return entries


def _why(failure: Exception) -> str:
    """The clause that a failed request is told as."""
    from huggingface_hub.errors import HfHubHTTPError, OfflineModeIsEnabled

    name = type(failure).__name__
    if isinstance(failure, HfHubHTTPError):
        status = failure.response.status_code
        return "the Hub does not accept your token" if status == 401 else f"the Hub answers {status}"
    if isinstance(failure, OfflineModeIsEnabled):
        return "HF_HUB_OFFLINE is set, so the Hub is not asked"
    if "Timeout" in name:
        return f"the Hub did not answer within {TIMEOUT_S:g} seconds"
    if isinstance(failure, ValueError):
        return "the Hub's answer is no list of machine types"
    return f"the Hub could not be reached ({name})"


def _keep(path: Path, value: dict[str, Any]) -> None:
    try:
        write_json(path, value)
    except OSError:  # a full or read-only disk: the answer is good without being kept
        pass


def _kept(path: Path, endpoint: str) -> Catalogue | None:
    """The kept list; None where there is none, it is damaged, or another Hub's (HF_ENDPOINT)."""
    try:
        kept = read_json(path)
    except (OSError, ValueError, RecursionError):
        return None
    if not isinstance(kept, dict) or kept.get("endpoint") != endpoint or not isinstance(kept.get("hardware"), list):
        return None
    read_at = kept.get("read_at")
    if not isinstance(read_at, int | float) or not 0 <= read_at < 1e11:
        return None
    flavors, left_out = flavors_of(kept["hardware"])
    return Catalogue(flavors=flavors, source="cached", read_at=read_at, left_out=left_out) if flavors else None


def _ago(seconds: float) -> str:
    if seconds < 0:
        return "at a time that this machine's clock has not reached"
    for size, unit in ((86400, "day"), (3600, "hour"), (60, "minute")):
        if seconds >= size:
            count = int(seconds // size)
            return f"{count} {unit}{'' if count == 1 else 's'} ago"
    return "just now"
