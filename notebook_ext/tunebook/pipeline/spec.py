"""What the user asked for: typed, validated, and only what was said.

A field that was not said is absent (None here, dropped from the dump) and decided later by the plan, with its reason.
"""

from __future__ import annotations

import math
import re
from typing import Annotated, Any, Literal, get_args

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, StrictBool, ValidationError

from tunebook.pipeline.errors import CallError

Method = Literal["sft", "dpo", "grpo", "kto", "reward"]
Tuning = Literal["full", "lora", "qlora"]
QUANTS = ("F16", "BF16", "Q8_0", "Q6_K", "Q5_K_M", "Q5_K_S", "Q4_K_M", "Q4_K_S", "Q4_0", "Q3_K_M", "Q2_K", "IQ4_XS")

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,95}")
_SUSPECT = re.compile(r"[\x00-\x1f\x7f<>\"'`$;|&*?!{}()\\]")


def _name(value: str) -> str:
    if not _NAME.fullmatch(value):
        raise ValueError("must be a plain name: letters, digits, '.', '_' and '-'")
    return value


def _place(value: str) -> str:
    """A Hub id or a local path: anything a shell or a browser would take for code is refused."""
    value = value.strip()
    if not value:
        raise ValueError("is empty")
    if len(value) > 1000 or _SUSPECT.search(value):
        raise ValueError("has characters that no model, data set or path should have")
    return value


def _repo(value: str) -> str:
    owner, _, name = value.partition("/")
    if not (_NAME.fullmatch(owner) and _NAME.fullmatch(name)):
        raise ValueError("must be OWNER/NAME")
    return value


def _quant(value: Any) -> Any:
    if isinstance(value, str):
        value = [part.strip() for part in value.split(",") if part.strip()]
    return [str(item).upper() for item in value] if isinstance(value, list | tuple) else value


def _known_quants(values: list[str]) -> list[str]:
    unknown = [value for value in values if value not in QUANTS]
    if unknown or not values:
        raise ValueError(f"must be among {', '.join(QUANTS)}")
    return list(dict.fromkeys(values))


def _checks(value: Any) -> Any:
    """Ids of checks, in a list or with commas between them: K05, K14."""
    if isinstance(value, str):
        value = [part.strip() for part in value.split(",") if part.strip()]
    return [re.sub(r"(?i)^k(?=\d)", "K", str(item)) for item in value] if isinstance(value, list | tuple) else value


def _named_checks(values: list[str]) -> list[str]:
    if not values or not all(_NAME.fullmatch(value) for value in values):
        raise ValueError("must be ids of checks")
    return list(dict.fromkeys(values))


def _listed(value: Any) -> Any:
    """Several in a list or with commas between them."""
    return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value


def _named_rewards(values: list[str]) -> list[str]:
    if not values or not all(0 < len(value) <= 1000 for value in values):
        raise ValueError("must be names of rewards")
    return list(dict.fromkeys(values))


def _finite(value: float) -> float:
    if not math.isfinite(value):
        raise ValueError("must be a finite number")
    return value


Name = Annotated[str, AfterValidator(_name)]
Place = Annotated[str, AfterValidator(_place)]
Repo = Annotated[str, AfterValidator(_repo)]
Count = Annotated[int, Field(ge=1)]
Number = Annotated[float, AfterValidator(_finite)]


class Spec(BaseModel):
    """Every field of DESIGN's spec; None means: not said."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    model: Place | None = None
    model_revision: Name | None = None
    dataset: Place | None = None
    dataset_config: Name | None = None
    dataset_revision: Name | None = None
    split: Annotated[str, Field(pattern=r"^[A-Za-z0-9_.\[\]:%+-]{1,80}$")] | None = None
    eval_share: Annotated[float, Field(ge=0, lt=1)] | None = None
    rows: Count | None = None
    system_prompt: Annotated[str, Field(min_length=1, max_length=20_000)] | None = None
    method: Method | None = None
    tuning: Tuning | None = None
    lora_rank: Annotated[int, Field(ge=1, le=1024)] | None = None
    epochs: Annotated[Number, Field(gt=0)] | None = None
    max_steps: Count | None = None
    batch_size: Count | None = None
    device_batch_size: Count | None = None  # of these, how many are on a card at once
    learning_rate: Annotated[Number, Field(gt=0, lt=1)] | None = None
    max_length: Annotated[int, Field(ge=8)] | None = None
    packing: StrictBool | None = None
    rewards: Annotated[list[str], BeforeValidator(_listed), AfterValidator(_named_rewards)] | None = None
    environment: Annotated[str, AfterValidator(_place)] | None = None  # FILE.py:CLASS or PACKAGE.MODULE:CLASS
    num_generations: Annotated[int, Field(ge=2, le=256)] | None = None
    max_completion_length: Annotated[int, Field(ge=1)] | None = None
    eval_steps: Count | None = None
    save_steps: Count | None = None
    seed: Annotated[int, Field(ge=0, lt=2**32)] | None = None
    backend: Name | None = None
    flavor: Name | None = None
    time_limit_s: Count | None = None
    budget_usd: Annotated[Number, Field(ge=0)] | None = None
    benchmark: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.+-]{0,79}$")] | None = None
    gguf: Annotated[list[str], BeforeValidator(_quant), AfterValidator(_known_quants)] | None = None
    push_to: Repo | None = None
    private: StrictBool | None = None
    accept: Annotated[list[str], BeforeValidator(_checks), AfterValidator(_named_checks)] | None = None
    leave_out: Annotated[list[str], BeforeValidator(_checks), AfterValidator(_named_checks)] | None = None
    goal: Annotated[str, Field(max_length=500)] | None = None

    def said(self) -> dict[str, Any]:
        """Only what was said, as plain JSON values; whole numbers stay whole."""
        return {
            key: int(value) if isinstance(value, float) and value.is_integer() else value
            for key, value in self.model_dump(exclude_none=True).items()
        }


def spec_line(field: str, value: Any) -> str:
    """A field as a line of a cell: "leave_out: K13, K14"."""
    if isinstance(value, list):
        return f"{field}: {', '.join(map(str, value))}"
    return f"{field}: {str(value).lower() if isinstance(value, bool) else value}"


FIELDS: tuple[str, ...] = tuple(Spec.model_fields)
#: Fields that take several values, with commas between them.
LISTS = ("gguf", "accept", "leave_out", "rewards")

#: What to write instead, for the line a wrong value gets.
REMEDIES: dict[str, str] = {
    "model": "name a Hub model such as Qwen/Qwen3-0.6B, or a local checkpoint folder",
    "dataset": "name a Hub data set such as tatsu-lab/alpaca, or a local file or folder",
    "split": "name a split such as `train`",
    "eval_share": "give a share from 0 to below 1, such as 0.1",
    "rows": "give a number of rows of at least 1",
    "method": f"choose one of {', '.join(get_args(Method))}",
    "tuning": f"choose one of {', '.join(get_args(Tuning))}",
    "lora_rank": "give a whole number from 1 to 1024, such as 16",
    "epochs": "give a number above 0, such as 3",
    "max_steps": "give a whole number of at least 1",
    "batch_size": "give a whole number of at least 1, such as 8",
    "device_batch_size": "give a whole number of at least 1 that divides batch_size, such as 4",
    "learning_rate": "give a number between 0 and 1, such as 2e-4",
    "max_length": "give a whole number of tokens of at least 8, such as 1024",
    "packing": "write true or false",
    "rewards": "name rewards such as numeric, or tags*0.2, or my_rewards.py:polite",
    "environment": "name a class, such as my_env.py:Game",
    "num_generations": "give a whole number of at least 2, such as 8",
    "max_completion_length": "give a whole number of tokens of at least 1, such as 256",
    "eval_steps": "give a whole number of steps of at least 1",
    "save_steps": "give a whole number of steps of at least 1",
    "seed": "give a whole number of at least 0",
    "backend": "name a backend such as local",
    "flavor": "name a flavor such as a10g-large",
    "time_limit_s": "give a time such as 90 minutes",
    "budget_usd": "give a budget of 0 or more, such as `budget: 2`",
    "benchmark": "name a benchmark such as exact_match",
    "gguf": f"choose among {', '.join(QUANTS)}",
    "push_to": "give OWNER/NAME on the Hub, such as acme/my-model",
    "private": "write true or false",
    "accept": "name the checks whose findings you accept, such as K14",
    "leave_out": "name the checks whose rows you leave out, such as K13",
    "system_prompt": "give some text",
}


def _problem(error: dict[str, Any]) -> str:
    """What is wrong with a value, as the end of a sentence that begins with the field's name."""
    value = repr(error.get("input"))
    shown = value if len(value) <= 60 else value[:57] + "..."
    reason = error["msg"].removeprefix("Value error, ").removeprefix("Input ")
    return f"is {shown}, which {reason}" if reason.startswith(("must", "has", "is")) else f"is {shown} ({reason})"


def make_spec(**fields: Any) -> Spec:
    """A Spec from typed values.

    Raises CallError (exit 2) with the first wrong field, what is wrong, and the remedy.
    """
    for field in fields:
        if field not in FIELDS:
            import difflib

            near = difflib.get_close_matches(field, FIELDS, n=1)
            raise CallError(
                field,
                "is no field of a spec",
                f"write `{near[0]}` if that is meant" if near else f"the fields are {', '.join(FIELDS)}",
            )
    try:
        return Spec(**fields)
    except ValidationError as failure:
        error = failure.errors()[0]
        field = str(error["loc"][0])
        raise CallError(field, _problem(dict(error)), REMEDIES.get(field, "give a valid value")) from None
