"""The values of `key: value` lines: the words and units they may use, and the error that a wrong one is."""

from __future__ import annotations

from typing import Any

from tunebook.pipeline.errors import CallError
from tunebook.pipeline.instruction.amounts import duration, is_count_of_tokens, money, number, share
from tunebook.pipeline.instruction.choices import METHODS, TUNINGS
from tunebook.pipeline.instruction.claims import Claim, checked
from tunebook.pipeline.instruction.known import BENCHMARKS, CARDS, DATASET_NAMES, FLAVOR_NAMES, MODEL_NAMES
from tunebook.pipeline.instruction.lines import Line
from tunebook.pipeline.instruction.machines import BACKENDS
from tunebook.pipeline.instruction.names import HUB
from tunebook.pipeline.instruction.text import Text, squash
from tunebook.pipeline.spec import LISTS, REMEDIES

_YES, _NO = ("true", "yes", "on", "1", "y"), ("false", "no", "off", "0", "n")


def claim_of(line: Line) -> Claim:
    """The line as a claim. Raises CallError where its value is wrong."""
    if line.field in (*LISTS, "push_to", "benchmark", "environment") and line.value.lower() in (
        "no",
        "none",
        "off",
        "false",
        "-",
    ):
        return Claim(line.field, None, line.start, line.end, nothing=True)
    if line.field == "flavor" and squash(line.value) in BACKENDS:
        return Claim("backend", BACKENDS[squash(line.value)], line.start, line.end)
    claim = checked(Claim(line.field, _value(line), line.start, line.end))
    if claim.problem:
        problem, _, remedy = claim.problem.removeprefix(f"{line.field} ").rpartition(": ")
        raise CallError(line.field, problem, remedy)
    return claim


def _value(line: Line) -> Any:
    """The typed value, as far as its words are understood; what is not goes to the Spec as it is, which refuses it."""
    value, text = line.value, Text(line.value)
    match line.field:
        case "budget_usd":
            found = money(text, 0) or number(text, 0)
            if found and found.end == len(text) and found.currency in ("", "usd"):
                return found.exact
        case "time_limit_s":
            found = duration(text, 0)
            if found and found.end == len(text):
                return found.exact
            plain = number(text, 0)
            if plain and plain.end == len(text):
                if squash(line.key) in ("timelimits", "timelimitseconds"):
                    return plain.exact
                if squash(line.key) == "maxhours":
                    return plain.value * 3600
                raise CallError("time_limit_s", f"is {value}, without a unit", REMEDIES["time_limit_s"])
        case "eval_share":
            found = share(text, 0) or number(text, 0)
            if found and found.end == len(text):
                return found.value
        case "packing" | "private":
            return True if value.lower() in _YES else False if value.lower() in _NO else value
        case "model":
            return _hub_name(value, "model", MODEL_NAMES)
        case "dataset":
            return _hub_name(value, "dataset", DATASET_NAMES)
        case "push_to":
            hub = HUB.fullmatch(value)
            return hub["repo"] if hub and not hub["kind"] else value
        case "method":
            return METHODS.get(
                squash(value), {"preference": "dpo", "reward": "reward"}.get(squash(value), value.lower())
            )
        case "tuning":
            return TUNINGS.get(squash(value), value.lower())
        case "backend":
            return BACKENDS.get(squash(value), value)
        case "flavor":
            return _flavor(value)
        case "benchmark":
            return BENCHMARKS.get(squash(value), value)
        case _ if line.field in LISTS:
            return value.strip("[]").replace('"', "").replace("'", "").replace(" and ", ",")
        case (
            "epochs"
            | "max_steps"
            | "rows"
            | "batch_size"
            | "learning_rate"
            | "lora_rank"
            | "max_length"
            | "seed"
            | "eval_steps"
            | "save_steps"
            | "num_generations"
            | "max_completion_length"
        ):
            return _count(line.field, text, value)
        case _:
            return value
    return value


def _count(field: str, text: Text, value: str) -> Any:
    found = number(text, 0)
    if found is None:
        return value
    units = {
        "eval_steps": ("steps", "step"),
        "save_steps": ("steps", "step"),
        "max_length": ("tokens",),
        "max_completion_length": ("tokens",),
        "num_generations": ("answers", "completions", "generations"),
        "max_steps": ("steps",),
    }
    allowed = units.get(
        field, ("rows", "examples") if field == "rows" else ("epochs", "epoch") if field == "epochs" else ()
    )
    if found.end != len(text) and not (found.end == len(text) - 1 and text.key(found.end) in allowed):
        return value
    return is_count_of_tokens(found) if field == "max_length" else found.exact


def _hub_name(value: str, field: str, known: dict[str, str]) -> str:
    hub = HUB.fullmatch(value)
    if hub:
        kind = "dataset" if hub["kind"] == "datasets/" else "model"
        if hub["kind"] == "spaces/" or kind != field:
            raise CallError(
                field, f"is the address of {'a Space' if hub['kind'] == 'spaces/' else 'a ' + kind}", REMEDIES[field]
            )
        return hub["repo"]
    return known.get(squash(value), value) if "/" not in value else value


def _flavor(value: str) -> str:
    key = squash(value)
    if key in FLAVOR_NAMES:
        return FLAVOR_NAMES[key]
    for card, counts in CARDS.items():
        if key == card:
            first, *others = counts[1]
            if others:
                raise CallError("flavor", f"is {value!r}, which fits several", f"choose one of {', '.join(counts[1])}")
            return first
    return value
