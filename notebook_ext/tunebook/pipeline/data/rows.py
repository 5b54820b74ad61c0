"""The rows that are trained on and the rows that are held out, exactly as the training script will find them."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tunebook.pipeline.data.broken import BadLine, first_bad_line
from tunebook.pipeline.data.hub_files import here
from tunebook.pipeline.data.hub_parquet import as_parquet
from tunebook.pipeline.data.hub_refusals import trouble_behind
from tunebook.pipeline.data.large import HELD_OUT_MOST, Large, first_rows, too_large
from tunebook.pipeline.data.mended import mended
from tunebook.pipeline.data.source import Source, choose_splits, load_call
from tunebook.pipeline.errors import CallError

if TYPE_CHECKING:
    from datasets import Dataset

NUMBER = "__tunebook_row__"  # a passing column: what a row's number was before shuffling and splitting


@dataclass(frozen=True)
class Held:
    """Rows for training and rows held out, and the number (from 0) that each training row has in the data set.

    `by_data_set` tells a split that the data set itself holds out from one that was drawn from the training rows.
    Where the data set is too `large` to be fetched, `train` are its first rows.
    """

    train: Dataset
    eval: Dataset | None
    numbers: list[int]
    by_data_set: bool
    every: int  # rows of the training split, those left out too
    unreadable: list[BadLine] = field(default_factory=list)  # lines that are in no row
    large: Large | None = None
    whole: int = 0  # rows that would be trained on; as many as are read where nobody knows
    asked: int | None = None  # the most that are wanted, if that was said


def load_rows(
    dataset: Any,
    source: Source | None,
    *,
    leave_out: Collection[int] = (),
    rows: int | None = None,
    eval_share: float | None = None,
    seed: int = 42,
    mend_in: Path | None = None,
) -> Held:
    """Read the rows of a located source, or of an object in memory (`source` None).

    With a folder `mend_in` a jsonl file with a few broken lines is read without them: they are told in `unreadable`.

    The order is what `source.load_code` writes: load, leave out the training rows with these numbers, then at most
    `rows` of them drawn by `seed`, then the split.
    Raises CallError if nothing can be read or no row is left.
    """
    bad: list[BadLine] = []
    large: Large | None = None
    if source is None:
        train, held_out = _of_memory(dataset)
    else:
        train, held_out, bad, large = _of_source(source, mend_in)
    if len(train) == 0:
        raise CallError("dataset", f"{name_of(dataset)} has no rows", "give a data set that has some")

    every = len(train)
    train = train.add_column(NUMBER, list(range(every)))
    if leave_out:
        left = set(leave_out)
        train = train.select([row for row in range(every) if row not in left])
        if len(train) == 0:
            raise CallError("leave_out", "leaves out every row", "name fewer checks")
    # Of a large data set whose number of rows nobody knows, as many as are wanted are taken to be there.
    whole = len(train) if large is None else large.rows - every + len(train) if large.rows else rows or len(train)
    whole = whole if rows is None else min(whole, rows)
    if rows is not None and len(train) > rows:
        train = train.shuffle(seed=seed).select(range(rows))
    by_data_set = held_out is not None
    if held_out is None and eval_share:
        if len(train) < 2:
            raise CallError("eval_share", "cannot hold out a part of one row", "give more rows, or leave it out")
        parts = train.train_test_split(test_size=eval_share, seed=seed)
        train, held_out = parts["train"], parts["test"].remove_columns(NUMBER)
        whole -= math.ceil(whole * eval_share)
    numbers: list[int] = train[NUMBER][:]  # at once: a list of the column asks for each of them alone, 9 µs a row
    train = train.remove_columns(NUMBER)
    return Held(train, held_out, numbers, by_data_set, every, bad, large, max(whole, len(train)), rows)


def training_rows(source: Source, *, mend_in: Path | None = None) -> Dataset:
    """The rows of the training split alone, in the data set's order: those that `load_rows` numbers, read as it does."""
    return _of_source(source, mend_in, held_out=False)[0]


def _of_source(
    source: Source, mend_in: Path | None, held_out: bool = True
) -> tuple[Dataset, Dataset | None, list[BadLine], Large | None]:
    """The training rows, those held out if they are wanted, the lines that are in no row, and what was too large."""
    if large := too_large(source):
        return _of_large(source, large, held_out)
    try:
        return *_splits(source, held_out), [], None
    except CallError as wrong:
        local = _here(source, wrong)
        # Where only what is whole counts, the wrong lines stop it.
        readable, bad, cache = mended(local, mend_in) if mend_in else (local, [], None)
        if not bad and local is source:
            raise
        return *_splits(readable, held_out, cache if bad else None), bad, None


def _splits(source: Source, held_out: bool, cache: Path | None = None) -> tuple[Dataset, Dataset | None]:
    other = source.eval_split if held_out else None
    return _load(source, source.train_split, cache), _load(source, other, cache) if other else None


def _of_large(
    source: Source, large: Large, held_out: bool
) -> tuple[Dataset, Dataset | None, list[BadLine], Large | None]:
    """All rows where the Hub has Parquet of a size to fetch, else the first ones; and what there is to say of that."""
    other = source.eval_split if held_out else None
    if near := as_parquet(source, [source.train_split, *([other] if other else [])]):
        return *_splits(near, held_out), [], None
    import datasets

    def first(split: str, most: int | None = None) -> Dataset:
        with quiet():
            table = first_rows(source, split, most) if most else first_rows(source, split)
        return datasets.Dataset(datasets.table.InMemoryTable(table))

    try:
        return first(source.train_split), first(other, HELD_OUT_MOST) if other else None, [], large
    except Exception as failure:  # noqa: BLE001 (a builder raises whatever its parser raises)
        raise _explained(source, source.train_split, failure) from None


def _here(source: Source, wrong: CallError) -> Source:
    """The source by files of this machine, in which a broken line can be named. Raises `wrong` where it has none."""
    if source.builder is not None:
        return source
    try:
        local = here(source)
    except Exception:  # noqa: BLE001 (which HTTP library huggingface_hub uses, and so its errors, changes)
        raise wrong from None
    if not any((local.data_files or {}).values()):
        raise wrong
    return local


def name_of(dataset: Any) -> str:
    """What to call it on the screen."""
    in_memory = not isinstance(dataset, str | os.PathLike)
    return f"{type(dataset).__name__} in memory" if in_memory else str(os.fspath(dataset))


def stored(dataset: Any, folder: Path) -> Path:
    """Write an object in memory (Dataset, DatasetDict, pandas frame) as Parquet for jobs; returns the folder."""
    train, held_out = _of_memory(dataset)
    folder.mkdir(parents=True, exist_ok=True)
    train.to_parquet(folder / "train.parquet")
    if held_out is not None:
        held_out.to_parquet(folder / "test.parquet")
    return folder


def _of_memory(dataset: Any) -> tuple[Dataset, Dataset | None]:
    import datasets

    if isinstance(dataset, datasets.Dataset):
        return dataset, None
    if isinstance(dataset, datasets.DatasetDict):
        train, held_out = choose_splits("the DatasetDict", list(dataset), None)
        return dataset[train], dataset[held_out] if held_out else None
    library = type(dataset).__module__.split(".")[0]
    if library == "pandas" and hasattr(dataset, "columns"):
        return datasets.Dataset.from_pandas(dataset, preserve_index=False), None
    if library == "polars" and hasattr(dataset, "lazy"):
        return datasets.Dataset.from_polars(dataset.lazy().collect()), None
    problem = f"is a {type(dataset).__name__}, which holds no rows that tunebook can read"
    raise CallError("dataset", problem, "give a path, a Hub name, a datasets.Dataset, or a pandas or polars frame")


def _load(source: Source, split: str, cache: Path | None = None) -> Dataset:
    import datasets

    arguments, keywords = load_call(source, split)
    if cache:
        keywords["cache_dir"] = str(cache)
    try:
        with quiet():
            rows = datasets.load_dataset(*arguments, **keywords)
            rows.data.table.validate(full=True)  # the JSON reader lets bytes through that are not UTF-8
            return rows
    except Exception as failure:  # noqa: BLE001 (a builder raises whatever its parser raises)
        raise _explained(source, split, failure) from None


def _explained(source: Source, split: str, failure: Exception) -> CallError:
    """One line that says which file and line cannot be read."""
    if source.builder is None and (trouble := trouble_behind(failure, source.path)):
        return trouble
    base = split.split("[")[0]
    if source.builder == "json":
        for path in (source.data_files or {}).get(base, []):
            if first := first_bad_line(Path(path)):
                return CallError("dataset", f"{first.file} {first}", "mend or remove that line")
    cause: BaseException = failure
    while cause.__cause__ is not None:
        cause = cause.__cause__
    if isinstance(cause, UnicodeDecodeError):
        return CallError("dataset", f"{source.path} is not UTF-8 text", "save it as UTF-8")
    if "corresponds to no data" in str(cause):  # how `datasets` says that a file has a header and nothing below it
        return CallError("dataset", f"{source.path} has no rows", "give a data set that has some")
    if isinstance(cause, StopIteration):  # what `datasets` says of a file in which nothing can be found
        return CallError("dataset", f"{source.path} holds no row that can be read", "look into it, or fetch it again")
    if isinstance(cause, EOFError):
        return CallError("dataset", f"{source.path} ends too early: a part of it is missing", "fetch it again")
    if ragged := re.search(r"Expected (\d+) fields in line (\d+), saw (\d+)", str(cause)):
        problem = f"{source.path} has {ragged[3]} fields in line {ragged[2]}, where {ragged[1]} are expected"
        return CallError("dataset", problem, "mend that line, or put the text that holds the comma into quotes")
    reason = (str(cause).strip().splitlines() or [type(cause).__name__])[0][:200]
    return CallError("dataset", f"{source.path} cannot be read ({reason})", "check the file, or convert it to jsonl")


class quiet:
    """No progress bars on the screen while `datasets` works: progress goes through our own callable."""

    def __enter__(self) -> None:
        import datasets
        from huggingface_hub.utils.tqdm import are_progress_bars_disabled, disable_progress_bars

        self._shown = datasets.is_progress_bar_enabled(), not are_progress_bars_disabled()
        datasets.disable_progress_bars()
        disable_progress_bars()

    def __exit__(self, *_: object) -> None:
        import datasets
        from huggingface_hub.utils.tqdm import enable_progress_bars

        if self._shown[0]:
            datasets.enable_progress_bars()
        if self._shown[1]:
            enable_progress_bars()
