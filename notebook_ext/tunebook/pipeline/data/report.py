"""What an inspection finds, as the JSON that `inspect` prints, and the page of rows that the panel shows beside it."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, Field

from tunebook.pipeline.data.source import Source

Severity = Literal["error", "warning", "info"]
TokenRole = Literal["trained", "masked", "cut"]


class Column(BaseModel):
    name: str
    type: str  # the datasets feature, in words: "string", "list of {role, content}"
    nulls: int


class MethodFit(BaseModel):
    """How far the data fits one training method."""

    status: Literal["ready", "mapping", "no"]
    why: str
    mapping: dict[str, str] | None = None
    code: str | None = None  # a function `to_trl(row)` that runs as it stands


class TokenCounts(BaseModel):
    """Tokens a row after template and before truncation, over all rows."""

    p50: int
    p99: int
    max: int
    total: int


class Check(BaseModel):
    id: str
    status: Literal["passed", "found", "skipped"]
    why: str


class Fix(BaseModel):
    """A safe remedy that one click can take: it is written into the spec, never into the user's file."""

    fields: dict[str, Any]  # of the spec, with the values that they get; `leave_out` names checks
    label: str  # "Leave these 13 rows out"


class Finding(BaseModel):
    id: str
    severity: Severity
    rows: int  # how many rows it concerns
    share: float  # of all rows, 0 to 1
    examples: list[int]  # row numbers, from 0
    message: str  # in the user's words: "13 rows lose every answer token"
    remedy: str
    fix: Fix | None = None  # None: only a person can mend it
    # All of them, as far as they are kept: for the table that shows them alone. No part of the JSON, which stays short.
    every: list[int] = Field(default_factory=list, exclude=True, repr=False)

    @property
    def key(self) -> str:
        """What tells it from the others, wherever it stands among them."""
        return f"{self.id}: {self.message}"


class DataReport(BaseModel):
    dataset: str
    rows: int
    columns: list[Column]
    format: str
    methods: dict[str, MethodFit]
    recommended: str | None
    tokens: TokenCounts | None  # None without a model
    checks: list[Check]
    findings: list[Finding]

    def sentence(self) -> str:
        """The one sentence that heads the panel, the text form and the report."""
        ready = [name.upper() for name, fit in self.methods.items() if fit.status == "ready"]
        mapped = [f"{name.upper()} with a mapping" for name, fit in self.methods.items() if fit.status == "mapping"]
        worst = next((f for level in ("error", "warning") for f in self.findings if f.severity == level), None)
        fits = (
            f"ready for {', '.join(ready)}" + (f"; {', '.join(mapped)}" if mapped else "")
            if ready
            else ", ".join(mapped)
        )
        lead = f"{self.rows:,} rows, {self.format}: {fits or 'fits no method yet'}."
        return f"{lead} {worst.message}." if worst else f"{lead} Nothing found that would spoil a training."


class TokenSpan(BaseModel):
    text: str
    role: TokenRole
    # Tokens that share the bytes of one character are one span. Told by `joined`, for nearly all are one token.
    tokens: int = Field(default=1, exclude=True, repr=False)


class PreviewSequence(BaseModel):
    """One sequence as the trainer sees it: labels made by TRL's own collator, -100 being masked."""

    tokens: list[TokenSpan]
    trained: int
    masked: int
    cut: int
    hidden: int = 0  # tokens at the end that are counted above but not listed in `tokens`
    joined: list[tuple[int, int]] = []  # (place in `tokens`, tokens that it is), where that is more than one
    whole: list[tuple[TokenRole, int]] = []  # the roles of all tokens without a limit, as runs: (role, tokens)


class PreviewRow(PreviewSequence):
    """One row. Of a pair its own sequence is the chosen answer after the prompt, and `rejected` the other one."""

    index: int  # in the data set, from 0
    raw: dict[str, Any]
    rejected: PreviewSequence | None = None


class LengthEffect(BaseModel):
    """What one length limit would do to all the rows."""

    max_length: int
    cut: int  # rows that are longer
    dead: int  # of these, rows that lose every trained token: TRL drops them without a word
    lost: int  # trained tokens beyond the limit
    trained: int  # trained tokens in all, without a limit
    tokens: int  # that one epoch would read
    filled: float  # share of packed rows that would be text, 0 to 1; of a sample where there are many rows


class Preview(BaseModel):
    rows: list[PreviewRow]
    max_length: int | None
    histogram: dict[str, list[int]] | None  # {"edges": n+1 ints, "counts": n ints}, tokens a row
    lengths: list[LengthEffect] = []  # the shortest limit first, the last one cuts nothing


class Lens(BaseModel):
    """What it takes to see any other row as the trainer will: `trainer_eye.look`."""

    model: str  # a folder, or its name on the Hub
    revision: str | None
    method: str
    code: str | None  # source of `to_trl`; None where TRL takes the rows as they are
    settings: dict[str, Any]  # fields of the trainer's config that the data and the template call for
    limit: int | None  # tokens a sequence may have; None: nothing is cut


class Inspection(BaseModel):
    """What one inspection job leaves behind: the report, the page, and what the plan needs to go on."""

    report: DataReport
    rows_found: dict[str, list[int]] = {}  # the rows of the report's findings by their key, as many as are kept
    preview: Preview | None
    fingerprint: str  # sha256 over the rows' content: the data part of a plan's identity
    train_rows: int
    unreadable: list[int] = []  # numbers of the rows that no trainer can read, though they have a format
    rows_known: bool = True  # False: a data set that is too large to fetch does not say how many it has
    split_rows: int = 0  # of the training split, with those that were left out, not drawn or held out
    left_out: list[int] = []  # the numbers of those that were left out
    eval_rows: int  # rows of a split that the data set itself holds out; 0 if none
    answer_kind: Literal["short", "long", "none"]  # short: a checkable completion, exact match makes sense
    source: Source | None = None  # how a script loads the same rows; None for rows in memory
    settings: dict[str, Any] = {}  # fields of SFTConfig that the data and the template call for
    lens: Lens | None = None  # None without a model, or where no method fits
    sample: list[dict[str, Any]] = []  # the first rows as TRL reads them: what rewards are chosen by and tried on
