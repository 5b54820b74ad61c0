"""From a data set to its table: Parquet in place and at once, everything else by a copy made once and kept. On the Hub
it is the Parquet files that are there, fetched into Hugging Face's own cache.

The copies lie under TUNEBOOK_HOME/tables, named by what they are of: kind, paths, sizes and times of change.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tunebook.pipeline.data.source import COMPRESSED, Source
from tunebook.pipeline.data.table.cancel import Cancel
from tunebook.pipeline.data.table.scan import NotInPlace, StoreScan, one, parquet_scan, shape_of
from tunebook.pipeline.data.table.table import Table
from tunebook.pipeline.errors import CallError, TunebookError, WorkFailed
from tunebook.pipeline.home import home

Progress = Callable[[float], None]

KEEP_BYTES = 20_000_000_000
KEEP_SECONDS = 30 * 86_400
#: Parquet larger than this stays where it is: the copy would take too long and too much of the disk.
COPY_MOST = 8_000_000_000


def tables() -> Path:
    """The folder of the copies."""
    folder = home() / "tables"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    return folder


def open_table(
    dataset: Any, split: str | None = None, *, cancel: Cancel | None = None, progress: Progress | None = None
) -> Table:
    """The rows of a located source, a path, or an object in memory (datasets.Dataset, pandas, polars, arrow).

    Parquet opens at once. For other files, and for a part such as `train[500:]`, it returns when the copy is there:
    `progress` is told the share that is done.
    Raises CallError for what cannot be read, WorkFailed where the copy fails, Cancelled.
    """
    if isinstance(dataset, str | os.PathLike):
        from tunebook.pipeline.data.source import locate

        dataset = locate(os.fspath(dataset))
    if not isinstance(dataset, Source):
        return _of_memory(dataset, cancel or Cancel())
    source, split = dataset, split or dataset.train_split
    if "[" in split:  # its rows are numbered from the beginning of the part, so the table is of these alone
        return Table(store_scan(copied(source, split, cancel or Cancel(), progress)), tables())
    source = near(source, split, cancel or Cancel(), progress)
    if source.builder == "parquet" and not any(file.endswith(COMPRESSED) for file in files_of(source, split)):
        kept = tables() / f"{key_of(source, split)}.duckdb"
        if kept.is_file():
            return Table(store_scan(kept), tables())
        try:
            return Table(_parquet(source, split), tables())
        except NotInPlace:
            pass
    return Table(store_scan(copied(source, split, cancel or Cancel(), progress)), tables())


def improve(
    table: Table, source: Source, split: str | None = None, *, cancel: Cancel, progress: Progress | None = None
) -> bool:
    """Copy a table that is read in place, so that scattered rows come as quickly as neighbours; False if it is too large.

    It goes on being usable meanwhile.
    """
    split = split or source.train_split
    if not table.in_place:
        return False
    source = near(source, split, cancel, progress)
    if sum(Path(file).stat().st_size for file in files_of(source, split)) > COPY_MOST:
        return False
    table.use(store_scan(copied(source, split, cancel, progress)))
    return True


def near(source: Source, split: str, cancel: Cancel, progress: Progress | None) -> Source:
    """A source whose rows lie on this machine: itself, or the Parquet files of a data set on the Hub, else with its copy.

    The files that were fetched for a commit are known as long as this process lives.
    """
    if source.builder is not None:
        return source
    key = key_of(source, split)
    if (found := _fetched.get(key)) and all(Path(file).is_file() for file in files_of(found, split)):
        return found
    if (tables() / f"{key}.duckdb").is_file():
        return source
    files = copy_of(source, split, cancel, progress)
    if not files:
        return source
    _fetched[key] = Source("parquet", source.path, {split: files}, train_split=split)
    return _fetched[key]


_fetched: dict[str, Source] = {}


def files_of(source: Source, split: str) -> list[str]:
    """The local files of a split, or of the one that it is a part of; none for a data set on the Hub."""
    return (source.data_files or {}).get(split.split("[")[0], [])


def key_of(source: Source, split: str) -> str:
    """A name for the copy, another one as soon as a file has changed."""
    stats = [(file, (found := os.stat(file)).st_size, found.st_mtime_ns) for file in files_of(source, split)]
    what = [2, source.builder, source.path if not stats else "", source.config, source.revision, split, stats]
    return hashlib.sha256(json.dumps(what).encode()).hexdigest()[:24]


def copied(source: Source, split: str, cancel: Cancel, progress: Progress | None) -> Path:
    """The copy, made if it is not there."""
    target = tables() / f"{key_of(source, split)}.duckdb"
    if target.is_file():
        os.utime(target)
        return target
    copy_of(source, split, cancel, progress)
    return target


def copy_of(source: Source, split: str, cancel: Cancel, progress: Progress | None) -> list[str]:
    """Make the copy, or fetch the Parquet files of a data set on the Hub, which are returned."""
    forget_old()
    from tunebook.pipeline.data.table.copying import copy_in_process

    return copy_in_process(source, split, tables() / f"{key_of(source, split)}.duckdb", cancel, progress)


def store_scan(path: Path) -> StoreScan:
    """The copy as a scan. A copy that cannot be opened is removed, so that the next call makes it again."""
    import duckdb

    try:
        connection = duckdb.connect(str(path), read_only=True)
        names = tuple(name for name, _ in shape_of(connection, "select * from rows"))
        count = int(one(connection, "select count(*) from rows")[0])
        connection.close()
    except duckdb.Error as error:
        path.unlink(missing_ok=True)
        raise WorkFailed(f"the copy of the rows was broken and is removed ({str(error).splitlines()[0]})") from None
    return StoreScan(str(path), count, names)


def _parquet(source: Source, split: str) -> Any:
    import duckdb

    files = [Path(file) for file in files_of(source, split)]
    try:
        return parquet_scan(files)
    except duckdb.Error as error:
        reason = str(error).splitlines()[0].split("Error: ", 1)[-1][:200]
        raise CallError("dataset", f"{source.path} cannot be read ({reason})", "check the file") from None


def _of_memory(rows: Any, cancel: Cancel) -> Table:
    """An object in memory, copied to a file that goes with the table."""
    from tunebook.pipeline.data.table.copying import arrow_of, write_store

    path = tables() / f"memory-{os.getpid()}-{time.monotonic_ns()}.duckdb"
    write_store(path, lambda connection: connection.register("given", arrow_of(rows)), "select * from given", cancel)
    table = Table(store_scan(path), tables())
    path.unlink()  # it is open: it stays as long as the table does
    return table


def forget_old(keep_bytes: int = KEEP_BYTES) -> list[Path]:
    """Remove copies that nobody has opened for a month, the oldest beyond `keep_bytes`, and what ended kernels left."""
    import psutil

    for spilled in tables().glob("spill-*"):
        if not psutil.pid_exists(int(spilled.name.removeprefix("spill-"))):
            shutil.rmtree(spilled, ignore_errors=True)
    removed, total = [], 0
    entries = [(entry, entry.stat()) for entry in tables().glob("*.duckdb*")]
    for entry, found in sorted(entries, key=lambda pair: -pair[1].st_mtime):
        total += found.st_size
        if total > keep_bytes or time.time() - found.st_mtime > KEEP_SECONDS:
            try:
                entry.unlink()
                removed.append(entry)
            except OSError as error:
                raise TunebookError(f"{entry} cannot be removed: {error.strerror}") from None
    return removed
