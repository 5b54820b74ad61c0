"""What the trainer of a method will see of the rows: mapped, tokenized, labelled."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tunebook.pipeline.data import methods as fitting
from tunebook.pipeline.data.counts import histogram
from tunebook.pipeline.data.layout import Layout, Layouts, lacking
from tunebook.pipeline.data.lengths import effects
from tunebook.pipeline.data.mapping import ToTrl, compiled
from tunebook.pipeline.data.report import Lens, MethodFit, Preview
from tunebook.pipeline.data.said import role_of

if TYPE_CHECKING:
    from tunebook.pipeline.data.summary import Summary
    from tunebook.pipeline.data.trl_labels import Labelled

Progress = Callable[[int, int, str], None]
Row = dict[str, Any]
UNLIMITED = 2**31


@dataclass(frozen=True)
class Eye:
    """The model's tokenizer and what follows from it and its configs, without its weights."""

    tokenizer: Any
    template: bool
    known: bool
    ends: set[int]
    context: int | None  # the longest input that the model's positions allow

    @staticmethod
    def open(model: str, revision: str | None) -> Eye:
        from transformers import AutoConfig, GenerationConfig

        from tunebook.pipeline.data import template
        from tunebook.pipeline.data.encode import end_tokens
        from tunebook.pipeline.data.hub import reachable

        folder = Path(model).expanduser()
        model = str(folder) if folder.is_dir() else model
        tokenizer = template.load_tokenizer(model, revision)
        cached = folder.is_dir() or not reachable()
        try:
            generation = GenerationConfig.from_pretrained(model, revision=revision, local_files_only=cached)
        except (OSError, ValueError):
            generation = None
        try:
            config = AutoConfig.from_pretrained(model, revision=revision, local_files_only=cached)
            context = getattr(config.get_text_config(), "max_position_embeddings", None)
        except (OSError, ValueError):
            context = None
        return Eye(
            tokenizer=tokenizer,
            template=template.has_template(tokenizer),
            known=template.known_to_trl(tokenizer),
            ends=end_tokens(tokenizer, generation),
            context=context,
        )


@dataclass(frozen=True)
class Seen:
    """What the trainer would see."""

    mapped: Sequence[Row | None]
    unmapped: dict[int, str]  # place to why a row that has a format cannot be read
    summary: Summary | None = None
    page: Labelled | None = None
    preview: Preview | None = None
    limit: int | None = None
    limit_why: str = ""
    lens: Lens | None = None


def see(
    eye: Eye | None,
    model: tuple[str, str | None],
    numbers: Sequence[int],
    train: list[Row],
    fits: dict[str, MethodFit],
    chosen: str | None,
    situation: fitting.Situation,
    max_length: int | None,
    progress: Progress,
) -> Seen:
    """The rows as the chosen method reads them. `model` is the model's name and revision, for the lens."""
    method = chosen or "sft"
    fit = fits[method]
    mapped, unmapped = mapped_rows(train, situation.layouts, fit)
    if eye is None or fit.status == "no":
        return Seen(mapped, unmapped)

    from tunebook.pipeline.data import trainer_eye
    from tunebook.pipeline.data.encode import Encoder, TrlEncoder
    from tunebook.pipeline.data.parallel import summarize_all
    from tunebook.pipeline.data.sequences import LABELLED

    settings = fitting.trainer_settings(situation, fit) if method == "sft" else {}
    limit = max_length or eye.context or UNLIMITED
    limit_why = f"max_length, {max_length:,} tokens" if max_length else f"the {limit:,} tokens that the model can read"
    cuts = limit if limit < UNLIMITED else None
    lens = Lens(model=model[0], revision=model[1], method=method, code=fit.code, settings=settings, limit=cuts)
    first = [place for place, row in enumerate(mapped) if row is not None][: trainer_eye.PAGE]
    page_rows = [row for place in first if (row := mapped[place]) is not None]

    encoder = Encoder(eye.tokenizer, method=method, assistant_only=bool(settings))
    progress(0, 1, "Asking TRL how it labels the first rows")
    whole, kept = _page(page_rows, eye.tokenizer, method, settings, limit)
    if whole is not None and not agrees(encoder, page_rows, whole):
        encoder = TrlEncoder(eye.tokenizer, method, settings)
    summary = summarize_all(
        encoder,
        mapped,
        limit=limit,
        ends=eye.ends,
        prompts=method in LABELLED and situation.main is not None and situation.main.format != "text",
        progress=lambda done: progress(done, len(train), f"Counting tokens, {done:,} of {len(train):,} rows"),
    )
    seen = Seen(mapped, unmapped, summary, limit=limit, limit_why=limit_why, lens=lens)
    if whole is None or kept is None:
        return seen
    cut_at = cuts if method != "grpo" else None  # the prompts of GRPO are never cut
    preview = Preview(
        rows=trainer_eye.page([train[at] for at in first], [numbers[at] for at in first], eye.tokenizer, whole, kept),
        max_length=cut_at,
        histogram=histogram(summary.tokens),
        lengths=effects(summary, cuts, most=eye.context, apart=method == "kto") if method != "grpo" else [],
    )
    return replace(seen, page={first[at]: found for at, found in whole.items()}, preview=preview)


def _page(
    rows: list[Row], tokenizer: Any, method: str, settings: Row, limit: int
) -> tuple[Labelled | None, Labelled | None]:
    """TRL's labels of the rows, without and with the limit; None where TRL itself cannot prepare them."""
    from tunebook.pipeline.data.trl_labels import labelled, longest

    if not rows:
        return None, None
    try:
        whole = labelled(method, rows, tokenizer, settings, None)
    except Exception:  # noqa: BLE001 (a template refuses a row in its own words; the checks name the row)
        return None, None
    if longest(whole) <= limit:
        return whole, whole  # nothing can be cut
    return whole, labelled(method, rows, tokenizer, settings, limit)


def agrees(encoder: Any, rows: list[Row], whole: Labelled) -> bool:
    """Whether the fast way comes to TRL's tokens and labels."""
    from tunebook.pipeline.data.trl_labels import IGNORED

    try:
        fast = encoder.encode(rows)
    except Exception:  # noqa: BLE001
        return False
    return all(
        [(one.ids, one.trained) for one in fast[place]]
        == [(ids, [label != IGNORED for label in labels]) for ids, labels in found]
        for place, found in whole.items()
    )


def mapped_rows(train: list[Row], layouts: Layouts, fit: MethodFit) -> tuple[list[Row | None], dict[int, str]]:
    """The rows as TRL reads them, None for each that cannot be read; and why, by the place of those that should be.

    Where the method does not fit at all no row is to blame.
    """
    result: list[Row | None] = [None] * len(train)
    why: dict[int, str] = {}
    if fit.status == "no":
        return result, why
    to_trl: ToTrl = compiled(fit.code) if fit.code else lambda row: row
    for place, (row, layout) in enumerate(zip(train, layouts.of_row, strict=True)):
        if layout is None:
            continue
        if missing := lacking(row, layout):
            why[place] = f"has nothing in {missing}"
            continue
        try:
            result[place] = to_trl(row)
        except (ValueError, KeyError, TypeError, IndexError, AttributeError) as error:
            why[place] = _unreadable(row, layout, error)
    return result, why


def _unreadable(row: Row, layout: Layout, error: Exception) -> str:
    """Why the mapping has refused a row, as the end of a sentence that begins with its number."""
    turns = row.get(layout.columns.get("turns", ""))
    if isinstance(turns, list) and not any(role_of(turn) == "assistant" for turn in turns):
        return "has no answer"
    return f"is refused by the mapping ({type(error).__name__}: {str(error)[:120]})"
