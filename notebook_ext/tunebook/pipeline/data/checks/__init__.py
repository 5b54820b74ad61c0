"""The silent killers as checks: each looks at the whole data set and says passed, found or skipped, and why.

A check is a function from `Examined` to `Verdict`, registered under its id. Other packages add theirs through the
entry-point group `tunebook.checks`, whose entry names are the ids.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from typing import TYPE_CHECKING, Any

from tunebook.pipeline.data.report import Check, Column, Finding, Fix, Severity

if TYPE_CHECKING:
    from tunebook.pipeline.benchmarks import BenchmarkText
    from tunebook.pipeline.data.layout import Layouts
    from tunebook.pipeline.data.summary import Summary
    from tunebook.pipeline.data.trl_labels import Labelled

GROUP = "tunebook.checks"
OWN = (
    "ends",
    "lengths",
    "shape",
    "turns",
    "repeats",
    "contamination",
    "preferences",
    "noise",
    "secrets",
    "template",
    "settings",
)  # modules beside this one
EXAMPLES = 3
KEPT = 100_000  # rows of a finding that a table can show alone
AGREEING = re.compile(r"\{([^{}|]*)\|([^{}|]*)\}")  # plural, singular


@dataclass(frozen=True)
class Settings:
    """What a plan has settled that bears on the data; None: there is no plan, or it does not say."""

    packing: bool | None = None
    attention: str = "sdpa"
    tuning: str | None = None
    learning_rate: float | None = None
    lora_targets: str | Sequence[str] | None = None  # None: as the script does it, on all linear modules
    bf16: bool | None = None  # None: the script asks the card
    card: str | None = None  # the name of the GPU, "" where there is none
    capability: Sequence[int] | None = None  # the card's, (7, 5) for instance


@dataclass(frozen=True)
class Examined:
    """What a check may look at. `rows` are the training rows as the user wrote them, `mapped` as TRL will read them."""

    rows: Sequence[dict[str, Any]]
    mapped: Sequence[dict[str, Any] | None]  # None: the row has no format, or lacks a part of it
    numbers: Sequence[int]  # the number of each training row in the data set, from 0
    held_out: Sequence[dict[str, Any]] | None
    columns: Sequence[Column]
    layouts: Layouts
    method: str | None
    unmapped: Mapping[int, str] = field(default_factory=dict)  # place to why a row with a format cannot be read
    fits: bool = True  # whether the method fits the rows at all
    summary: Summary | None = None  # None without a model
    page: Labelled | None = None  # TRL's own labels of the first rows, in padded batches
    tokenizer: Any = None  # the model's, None without one
    ends: frozenset[int] = frozenset()
    limit: int | None = None  # tokens a row may have
    limit_why: str = ""
    context: int | None = None  # tokens that the model can read
    model: str | None = None  # its folder or its name on the Hub
    model_revision: str | None = None
    settings: Settings = Settings()
    against: str | None = None  # the benchmark to look for
    against_texts: Sequence[BenchmarkText] = ()
    by_data_set: bool = False  # whether the held-out rows are a split of the data set's own

    def finding(
        self,
        id: str,
        severity: Severity,
        places: Sequence[int],
        message: str,
        remedy: str,
        evidence: str = "",
        *,
        leave_out: bool = False,
        fix: Fix | None = None,
    ) -> Finding:
        """A finding about the training rows at these places.

        In the message `{n}` becomes "13 rows" or "1 row", and `{lose|loses}` whichever agrees with it, in the remedy
        too. The evidence is put behind the message as it stands: what comes from data or from another package belongs
        there. `leave_out`: to train without these rows is a safe remedy, offered where a script can name them all;
        `fix` is a better one.
        """
        if leave_out and fix is None:
            fix = Fix(fields={"leave_out": [id]}, label="Leave these rows out")
        message, remedy = (AGREEING.sub(r"\2" if len(places) == 1 else r"\1", text) for text in (message, remedy))
        told = message.replace("{n}", counted(len(places)))
        return Finding(
            id=id,
            severity=severity,
            rows=len(places),
            share=len(places) / len(self.rows),
            examples=[self.numbers[place] for place in places[:EXAMPLES]],
            every=[self.numbers[place] for place in places[:KEPT]],
            message=f"{told}: {evidence}" if evidence else told,
            remedy=remedy,
            fix=fix,
        )

    def counts(self) -> Summary:
        """The token counts, or Skip."""
        if self.summary is None:
            raise Skip("needs a model")
        return self.summary

    def labels(self) -> Summary:
        """The token counts of a method that learns the answers that the rows hold, token by token; else Skip."""
        summary = self.counts()
        if self.method == "grpo":
            raise Skip("GRPO learns from answers that it samples, not from the rows")
        if self.method == "reward":
            raise Skip("a reward model learns a score for each answer, not its tokens")
        return summary


@dataclass(frozen=True)
class Verdict:
    """What a check says: one sentence, and what it found (nothing: passed)."""

    why: str
    findings: list[Finding] = field(default_factory=list)


class Skip(Exception):
    """A check's precondition is absent; the message says which."""


CheckFunction = Callable[[Examined], Verdict]
_registered: dict[str, CheckFunction] = {}


def check(id: str) -> Callable[[CheckFunction], CheckFunction]:
    """Register a check under its id."""

    def register(function: CheckFunction) -> CheckFunction:
        _registered[id] = function
        return function

    return register


def registry() -> dict[str, CheckFunction]:
    """Every check by id: our own, then those of other packages, which cannot replace ours."""
    from importlib.metadata import entry_points

    for module in OWN:
        import_module(f"{__name__}.{module}")
    result = dict(_registered)
    for entry in entry_points(group=GROUP):
        if entry.name not in result:
            result[entry.name] = _foreign(entry)
    return dict(sorted(result.items()))


def _foreign(entry: Any) -> CheckFunction:
    def run(examined: Examined) -> Verdict:
        function: CheckFunction = entry.load()
        return function(examined)

    return run


def run_all(
    examined: Examined, progress: Callable[[int, int, str], None] = lambda done, total, text: None
) -> tuple[list[Check], list[Finding]]:
    """Run every check. One that fails itself is skipped with the reason: it must not cost the others."""
    checks: list[Check] = []
    findings: list[Finding] = []
    functions = registry()
    for done, (id, function) in enumerate(functions.items()):
        progress(done, len(functions), f"Checking {id}")
        try:
            verdict = function(examined)
        except Skip as reason:
            checks.append(Check(id=id, status="skipped", why=str(reason)))
            continue
        except Exception as failure:  # noqa: BLE001
            why = f"the check itself failed: {type(failure).__name__}: {failure}"
            checks.append(Check(id=id, status="skipped", why=why[:300]))
            continue
        checks.append(Check(id=id, status="found" if verdict.findings else "passed", why=verdict.why))
        findings += verdict.findings
    return checks, worst_first(findings)


def worst_first(findings: list[Finding]) -> list[Finding]:
    """Errors, then warnings, then the rest; in each the findings about most rows first."""
    order = {"error": 0, "warning": 1, "info": 2}
    return sorted(findings, key=lambda finding: (order[finding.severity], -finding.rows))


def counted(number: int) -> str:
    return "1 row" if number == 1 else f"{number:,} rows"
