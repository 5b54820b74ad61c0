"""What a plan sets and the data has to live with: K08 (packing), K09 (adapters), K10 (learning rate, bf16)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from difflib import get_close_matches
from typing import TYPE_CHECKING

from tunebook.pipeline.data.checks import CheckFunction, Examined, Settings, Skip, Verdict, check, worst_first
from tunebook.pipeline.data.layout import Layouts
from tunebook.pipeline.data.report import Check, DataReport, Finding, Fix, Severity

if TYPE_CHECKING:
    from tunebook.pipeline.data.adapters import Moved

#: Rates at which supervised training usually works, by tuning; LoRA wants about ten times the full rate.
USUAL = {"lora": 2e-4, "qlora": 2e-4, "full": 2e-5}
OFF = 9.99  # times too high or too low; ten times is the other tuning's rate
BF16_FROM = (8, 0)  # compute capability; the generated script asks the card the same
UNSEEN = 1e-4  # of a change in logits: below it, rounding


@check("K08")
def packed_rows_do_not_see_each_other(examined: Examined) -> Verdict:
    """FlashAttention keeps packed rows apart by their positions; of any other way it is measured."""
    settings = examined.settings
    if settings.packing is None:
        raise Skip("needs a plan that says whether rows are packed")
    if not settings.packing:
        return Verdict("rows are not packed")
    if settings.attention.startswith("flash"):
        return Verdict("rows are packed, and a FlashAttention kernel keeps them apart")
    if examined.model is None:
        raise Skip("rows are packed; whether they see each other needs a model")
    from tunebook.pipeline.data.tiny_clone import config_of, neighbours_reach

    try:
        reach = neighbours_reach(config_of(examined.model, examined.model_revision), settings.attention)
    except Exception as failure:  # noqa: BLE001 (an architecture raises what it likes when it is made small)
        reason = (str(failure).splitlines() or [type(failure).__name__])[0][:120]
        raise Skip(f"rows are packed; a small clone of the model could not be made ({reason})") from None
    if reach < UNSEEN:
        return Verdict(f"rows are packed; with {settings.attention} attention a changed row changed no neighbour")
    message = "Rows are packed and see each other: a changed row changes what the model makes of its neighbour"
    remedy = "set packing to false, or use a GPU with a FlashAttention kernel"
    fix = Fix(fields={"packing": False}, label="Do not pack rows")
    finding = _about_all(examined, "K08", "error", message, remedy, fix=fix)
    return Verdict("measured on a small clone of the model", [finding])


@check("K09")
def adapters_are_there_and_move(examined: Examined) -> Verdict:
    """An adapter on a module that is not there is silently no adapter; one that never moves is as good as none."""
    targets = examined.settings.lora_targets or "all-linear"
    if examined.settings.tuning == "full":
        raise Skip("every weight is tuned, so there are no adapters")
    if examined.model is None:
        raise Skip("needs a model on which adapters could be tried")
    if targets != "all-linear" and (finding := _missing(examined, targets)):
        return Verdict("compared with the names of the model's modules", [finding])
    from tunebook.pipeline.data.adapters import NoAdapters, NoClone, first_line, try_adapters
    from tunebook.pipeline.data.tiny_clone import config_of

    try:
        tried = try_adapters(config_of(examined.model, examined.model_revision), targets)
    except NoAdapters as failure:
        if targets != "all-linear":  # the targets may name a layer that the clone has not
            raise Skip(f"the LoRA targets are there; on a small clone they could not be tried ({failure})") from None
        message, remedy = "LoRA on all linear modules fails with this model", "choose another model, or tuning: full"
        return Verdict(
            "tried on a small clone of the model",
            [_about_all(examined, "K09", "error", message, remedy, str(failure))],
        )
    except (NoClone, OSError, ValueError) as failure:
        raise Skip(f"a small clone of the model could not be made ({first_line(failure)})") from None
    findings = list(_movement(examined, tried))
    if findings:
        return Verdict("tried on a small clone of the model, for three steps", findings)
    return Verdict(
        f"on a small clone of the model all {tried.adapters} adapters move within three steps, and nothing else does"
    )


def _missing(examined: Examined, targets: str | Sequence[str]) -> Finding | None:
    """LoRA targets that no module of the model has the name of."""
    from tunebook.pipeline.data.tiny_clone import linear_modules

    modules = linear_modules(str(examined.model), examined.model_revision)
    wanted = [targets] if isinstance(targets, str) else list(targets)
    missing = [target for target in wanted if not _matches(target, modules, pattern=isinstance(targets, str))]
    if not missing:
        return None
    nothing = len(missing) == len(wanted)
    severity: Severity = "error" if nothing else "warning"
    message = (
        "No LoRA target matches a module of the model, so nothing would be trained"
        if nothing
        else f"{len(missing)} of {len(wanted)} LoRA targets match no module of the model"
    )
    last = sorted({name.rsplit(".", 1)[-1] for name in modules})
    near = get_close_matches(missing[0], last, n=1)
    remedy = f"did you mean {near[0]}? Else use all-linear" if near else f"use all-linear, or some of {', '.join(last)}"
    return _about_all(examined, "K09", severity, message, remedy, f"not found: {', '.join(missing)[:120]}")


def _movement(examined: Examined, tried: Moved) -> Iterator[Finding]:
    """Adapters that stood still, and weights that should have."""
    if tried.still:
        every = len(tried.still) == tried.adapters
        severity: Severity = "error" if every else "warning"
        message = (
            "No adapter moves when a small clone of the model is trained, so nothing would be learned"
            if every
            else f"{len(tried.still)} of {tried.adapters} adapters on a small clone of the model never move"
        )
        remedy = (
            "choose tuning: full" if every else "choose tuning: full if what the other adapters learn is too little"
        )
        yield _about_all(examined, "K09", severity, message, remedy, _without_numbers(tried.still))
    if tried.changed:
        message = "Weights that LoRA freezes change when a small clone of the model is trained"
        remedy = "choose tuning: full, or another model"
        yield _about_all(examined, "K09", "error", message, remedy, _without_numbers(tried.changed))


def _without_numbers(names: list[str]) -> str:
    """A few names, each once for all layers: the model has more of them than the clone."""
    kinds = list(dict.fromkeys(re.sub(r"\.\d+(?=\.)", ".*", name) for name in names))
    return ", ".join(kinds[:4]) + (f" and {len(kinds) - 4} more" if len(kinds) > 4 else "")


@check("K10")
def rate_and_precision_fit(examined: Examined) -> Verdict:
    """The learning rate belongs to the tuning, the precision to the card. What is not known of either is said."""
    told: list[str] = []
    unknown: list[str] = []
    findings: list[Finding] = []
    for look in (_precision, _rate):
        try:
            verdict = look(examined)
        except Skip as reason:
            unknown.append(str(reason))
            continue
        told.append(verdict.why)
        findings += verdict.findings
    if not told:
        raise Skip("; ".join(unknown))
    return Verdict("; ".join([*told, *unknown]), findings)


def _precision(examined: Examined) -> Verdict:
    """Before compute capability 8.0 a card has no bf16: it is refused, or emulated at a fraction of the speed."""
    settings = examined.settings
    card, capability, asked = settings.card, settings.capability, settings.bf16
    if card is None and capability is None:
        raise Skip("needs a plan that knows the card" + (" on which bf16 is asked for" if asked else ""))
    if card == "":
        if not asked:
            return Verdict("without a GPU it trains in float32")
        message = "bf16 is asked for, and there is no GPU that could train in it"
        finding = _about_all(
            examined, "K10", "error", message, "train in float32, or on a GPU of capability 8.0 or more"
        )
        return Verdict("without a GPU it trains in float32", [finding])
    name = card or "the card"
    if capability is None:
        raise Skip(f"the compute capability of {name} is not known, so neither is whether it has bf16")
    level = f"compute capability {capability[0]}.{capability[1]}"
    if tuple(capability) >= BF16_FROM:
        return Verdict(f"{name} has bf16 ({level})")
    if not asked:
        return Verdict(f"{name} has no bf16 ({level}), and none is asked for")
    message = f"bf16 is asked for, and {name} has none: it has {level}, and bf16 comes with 8.0"
    remedy = "train in float16 or float32, or on a card such as L4, A10 or A100"
    return Verdict(f"{name} has no bf16 ({level})", [_about_all(examined, "K10", "error", message, remedy)])


def _rate(examined: Examined) -> Verdict:
    """Ten times too low learns nothing in the time, ten times too high forgets everything else."""
    tuning, rate = examined.settings.tuning, examined.settings.learning_rate
    if tuning is None or rate is None:
        raise Skip("needs a plan with a tuning and a learning rate")
    if examined.method not in (None, "sft") or tuning not in USUAL:
        raise Skip(f"the usual learning rate is not known for {examined.method} with {tuning}")
    usual = USUAL[tuning]
    name = "full tuning" if tuning == "full" else {"lora": "LoRA", "qlora": "QLoRA"}[tuning]
    if usual / OFF < rate < usual * OFF:
        return Verdict(f"a learning rate of {rate:g} is usual for {name}")
    high = rate > usual
    times = rate / usual if high else usual / rate
    follows = "it may unlearn what it knew" if high else "hardly anything may be learned"
    than = f"{times:,.0f} times {'higher' if high else 'lower'} than usual for {name}"
    message = f"The learning rate {rate:g} is {than}, so {follows}"
    fix = Fix(fields={"learning_rate": usual}, label=f"Set learning_rate to {usual:g}")
    finding = _about_all(examined, "K10", "warning", message, f"use about {usual:g}", fix=fix)
    return Verdict(f"usual for {name} is about {usual:g}", [finding])


def with_plan(report: DataReport, method: str, settings: Settings) -> DataReport:
    """The report with K10 decided by what a plan has settled since the data was looked at, and K09 where that decides."""
    examined = Examined(
        rows=[{}] * report.rows,
        mapped=[],
        numbers=range(report.rows),
        held_out=None,
        columns=[],
        layouts=Layouts([], []),
        method=method,
        settings=settings,
    )
    again: dict[str, CheckFunction] = {"K10": rate_and_precision_fit}
    if settings.tuning == "full":
        again["K09"] = adapters_are_there_and_move
    checks = [
        _decided(check.id, again[check.id], examined) if check.id in again else (check, []) for check in report.checks
    ]
    findings = [finding for _, found in checks for finding in found]
    findings += [finding for finding in report.findings if finding.id not in again]
    return report.model_copy(update={"checks": [check for check, _ in checks], "findings": worst_first(findings)})


def _decided(id: str, function: CheckFunction, examined: Examined) -> tuple[Check, list[Finding]]:
    try:
        verdict = function(examined)
    except Skip as reason:
        return Check(id=id, status="skipped", why=str(reason)), []
    return Check(id=id, status="found" if verdict.findings else "passed", why=verdict.why), verdict.findings


def _matches(target: str, modules: Sequence[str], *, pattern: bool) -> bool:
    """As PEFT does it: one text is a pattern of the whole name, of several each is a name or the end of one."""
    if pattern:
        return any(re.fullmatch(target, name) for name in modules)
    return any(name == target or name.endswith(f".{target}") for name in modules)


def _about_all(
    examined: Examined,
    id: str,
    severity: Severity,
    message: str,
    remedy: str,
    evidence: str = "",
    *,
    fix: Fix | None = None,
) -> Finding:
    return examined.finding(id, severity, range(len(examined.rows)), message, remedy, evidence, fix=fix)
