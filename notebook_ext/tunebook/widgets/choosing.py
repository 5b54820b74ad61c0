"""What a click in the picker changes of the spec: another option, an offer, or what the sliders say."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tunebook.pipeline.errors import CallError

if TYPE_CHECKING:
    from tunebook.pipeline.plan import Plan

SLIDERS = ("max_length", "device_batch_size", "lora_rank")


def changes(plan: Plan | None, request: dict[str, Any]) -> dict[str, Any]:
    """The fields of the spec that a request changes. Raises CallError where it is about a plan that is not shown any more."""
    if plan is None or (request.get("plan_id") or None) != plan.plan_id:
        raise CallError("plan_id", "is not the plan on the screen any more", "look at the new one, and choose again")
    kind = request["kind"]
    if kind == "shape":
        sliders = {name: request[name] for name in SLIDERS if request.get(name) is not None}
        return _shape(plan, sliders, _place(plan, request["option"]) if request.get("option") is not None else {})
    if kind == "offer":
        return dict(plan.offers[_number(request.get("offer"), len(plan.offers), "offer")].fields)
    option = plan.options[_number(request.get("option"), len(plan.options), "option")]
    if not option.fits or option.max_usd is None:
        raise CallError(
            "option", f"{option.flavor} with {option.tuning} cannot be taken: {option.why}", "choose another"
        )
    return _place(plan, request["option"])


def _number(said: Any, count: int, field: str) -> int:
    if not isinstance(said, int) or isinstance(said, bool) or not 0 <= said < count:
        raise CallError(field, f"is {str(said)[:40]!r}, and there are {count}", "choose one of those on the screen")
    return said


def _place(plan: Plan, said: Any) -> dict[str, Any]:
    """The machine and the tuning of an option; where all weights are trained no rank stays behind."""
    option = plan.options[_number(said, len(plan.options), "option")]
    fields = {"backend": option.backend, "flavor": option.flavor, "tuning": option.tuning}
    return fields | ({"lora_rank": None} if option.tuning == "full" else {})


def _shape(plan: Plan, said: dict[str, Any], place: dict[str, Any]) -> dict[str, Any]:
    """The sliders' values; rows at once that do not divide the batch make the batch a multiple of them."""
    if not said and not place:
        raise CallError("shape", "changes nothing", "move a slider first")
    for name, value in said.items():
        if not isinstance(value, int) or isinstance(value, bool) or value < 1:
            raise CallError(name, f"is {str(value)[:40]!r}", "move the slider to a whole number")
    rows, batch = said.get("device_batch_size"), plan.spec.get("batch_size")
    if rows and isinstance(batch, int) and batch % rows:
        said["batch_size"] = -(-batch // rows) * rows
    return place | said | ({"lora_rank": None} if place.get("tuning") == "full" else {})
