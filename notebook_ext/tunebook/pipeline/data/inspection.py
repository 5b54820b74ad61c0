"""`inspect_data`: read the rows, decide the format, tokenize as the trainer will, run the checks.

The order is that of a person's questions: what is it, what does it fit, what will the trainer see, what is wrong.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tunebook.pipeline.benchmarks import benchmark_texts
from tunebook.pipeline.data import broken, sampling
from tunebook.pipeline.data import giants as oversized
from tunebook.pipeline.data import methods as fitting
from tunebook.pipeline.data.answers import answers_a_row, answers_of, checked_by, kind_of_answers
from tunebook.pipeline.data.checks import Examined, Settings, run_all
from tunebook.pipeline.data.columns import columns_of
from tunebook.pipeline.data.counts import token_counts
from tunebook.pipeline.data.fingerprint import fingerprint, fingerprint_of_commit
from tunebook.pipeline.data.layout import layouts_of
from tunebook.pipeline.data.leaving_out import offered
from tunebook.pipeline.data.mended import mended_rows
from tunebook.pipeline.data.report import Column, DataReport, Inspection
from tunebook.pipeline.data.rows import load_rows, name_of
from tunebook.pipeline.data.seeing import Eye, Progress, Row, see
from tunebook.pipeline.data.source import locate
from tunebook.pipeline.errors import CallError

#: Rows that rewards are chosen by and tried on.
SAMPLE = 64


def inspect_data(
    dataset: Any,
    *,
    model: str | None = None,
    config: str | None = None,
    split: str | None = None,
    method: str | None = None,
    max_length: int | None = None,
    leave_out: Sequence[int] = (),
    rows: int | None = None,
    system_prompt: str | None = None,
    revision: str | None = None,
    model_revision: str | None = None,
    eval_share: float | None = None,
    seed: int = 42,
    against: str | None = None,
    settings: Mapping[str, Any] | None = None,
    progress: Progress = lambda done, total, text: None,
) -> Inspection:
    """Look at a data set as the trainer of a method will.

    `dataset` is a file, a folder, a name on the Hub, a datasets.Dataset or DatasetDict, or a pandas or polars frame.
    Without a model nothing is tokenized. `leave_out` are the numbers of training rows that are as if they were not
    there; `rows` limits the others, drawn by `seed`. Rows are held out by the data set's own split, else `eval_share`
    of the training rows. `against` names a benchmark whose texts are looked for in the training rows; `settings` is
    what a plan has settled, by the fields of `checks.Settings`. `progress(done, total, text)` is called all the way.

    Raises CallError if the data set (or the model's tokenizer) is not there or cannot be read, or has no usable column.
    """
    _check_arguments(method, max_length)
    against_texts = benchmark_texts(against) if against else ()
    progress(0, 1, f"Reading {name_of(dataset)}")
    source = locate(dataset, config=config, split=split, revision=revision) if isinstance(dataset, str) else None
    held = load_rows(
        dataset, source, leave_out=leave_out, rows=rows, eval_share=eval_share, seed=seed, mend_in=mended_rows()
    )
    loaded, total = held.train, held.whole
    if (fitting_in := sampling.fitting_rows(held)) < len(held.train):
        held = sampling.sample(held, fitting_in, seed)
    every: list[Row] = held.train.to_list()
    every_held_out: list[Row] | None = held.eval.to_list() if held.eval is not None else None
    huge, huge_held_out = oversized.giants(every), oversized.giants(every_held_out or [])
    train = [row for place, row in enumerate(every) if place not in huge]
    held_out = every_held_out and [row for place, row in enumerate(every_held_out) if place not in huge_held_out]
    if not train:
        problem = f"{name_of(dataset)} has nothing but rows of more than {oversized.MOST:,} characters"
        raise CallError("dataset", problem, "cut them into pieces")
    numbers = [number for place, number in enumerate(held.numbers) if place not in huge]
    columns = columns_of(held.train)

    progress(0, 1, f"Looking at the format of {len(train):,} rows")
    layouts = layouts_of(train)
    if layouts.main is None:
        raise _unusable(dataset, columns, len(train))
    answers = answers_of(train, layouts)
    if model:
        progress(0, 1, "Loading the tokenizer and TRL")
    eye = Eye.open(model, model_revision) if model else None
    situation = fitting.Situation(
        layouts=layouts,
        columns=[column.name for column in columns],
        strings=[column.name for column in columns if column.type == "string"],
        template=eye.template if eye else None,
        known=eye.known if eye else None,
        system_prompt=system_prompt,
        checked_by=checked_by(train, answers, [column.name for column in columns]),
        answers_a_row=answers_a_row(train, layouts),
    )
    fits = fitting.fits(situation)
    recommended = fitting.recommended(situation, fits)
    chosen = method or recommended
    seen = see(eye, (model or "", model_revision), numbers, train, fits, chosen, situation, max_length, progress)

    examined = Examined(
        rows=train,
        mapped=seen.mapped,
        numbers=numbers,
        held_out=held_out,
        columns=columns,
        layouts=layouts,
        method=chosen,
        unmapped=seen.unmapped,
        fits=chosen is not None and fits[chosen].status != "no",
        summary=seen.summary,
        page=seen.page,
        tokenizer=eye.tokenizer if eye else None,
        ends=frozenset(eye.ends) if eye else frozenset(),
        limit=seen.limit,
        limit_why=seen.limit_why,
        context=eye.context if eye else None,
        model=model,
        model_revision=model_revision,
        settings=Settings(**(settings or {})),
        against=against or None,
        against_texts=against_texts,
        by_data_set=held.by_data_set,
    )
    checks, findings = run_all(examined, progress)
    whole = len(every) + len(every_held_out or [])
    left_out = [
        *([sampling.told_first(len(every), held)] if held.large else []),
        *([sampling.told(len(every), total)] if not held.large and len(every) < total else []),
        *([broken.told(held.unreadable, whole)] if held.unreadable else []),
        *([oversized.told(huge, huge_held_out, held.numbers, whole)] if huge or huge_held_out else []),
    ]
    checks = [*checks, *(check for check, _ in left_out)]
    findings = [*(finding for _, finding in left_out), *findings]
    # Of rows that were not looked at nobody knows whether they are to be left out too.
    findings = offered(findings, total if len(every) == total and not held.large else 0, drawn=rows is not None)
    progress(1, 1, "Done")
    report = DataReport(
        dataset=name_of(dataset),
        rows=total,
        columns=columns,
        format=layouts.words(),
        methods=fits,
        recommended=recommended,
        tokens=token_counts(seen.summary.tokens if seen.summary else None),
        checks=checks,
        findings=findings,
    )
    return Inspection(
        report=report,
        rows_found={finding.key: finding.every for finding in findings if finding.every},
        preview=seen.preview,
        # Of all rows: how many of them were looked at depends on the memory that was free, and is no part of a plan.
        fingerprint=fingerprint_of_commit(source, rows, eval_share, seed)
        if source and held.large
        else fingerprint(every if len(every) == total else loaded, every_held_out),
        train_rows=total,
        eval_rows=len(every_held_out) if every_held_out is not None and held.by_data_set else 0,
        answer_kind=kind_of_answers(answers),
        source=source,
        settings=fitting.trainer_settings(situation, fits["sft"]) if chosen == "sft" else {},
        lens=seen.lens,
        sample=[row for row in seen.mapped[: 2 * SAMPLE] if row is not None][:SAMPLE] if chosen == "grpo" else [],
        unreadable=[numbers[place] for place in seen.unmapped],
        rows_known=held.large is None or held.large.rows is not None,
        split_rows=held.every,
        left_out=list(leave_out),
    )


def _check_arguments(method: str | None, max_length: int | None) -> None:
    if method is not None and method not in fitting.METHODS:
        raise CallError("method", f"is {method!r}", f"choose one of {', '.join(fitting.METHODS)}")
    if max_length is not None and max_length < 1:
        raise CallError("max_length", f"is {max_length}", "give a number of tokens of at least 8, such as 1024")


def _unusable(dataset: Any, columns: list[Column], rows: int) -> CallError:
    if all(column.nulls == rows for column in columns):
        return CallError(
            "dataset", f"{name_of(dataset)} has {rows:,} rows that hold nothing", "give rows with text in them"
        )
    names = ", ".join(column.name for column in columns[:8]) + (" and more" if len(columns) > 8 else "")
    remedy = "name the columns prompt and completion, messages, or text"
    return CallError("dataset", f"{name_of(dataset)} has no column that can be trained on (it has {names})", remedy)
