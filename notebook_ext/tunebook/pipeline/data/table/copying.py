"""Making the copy: one DuckDB file of a data set's rows, by a process of its own, whole or not at all. Where the Hub has
the rows as Parquet, that is fetched instead.

In a process of its own it takes none of the kernel's memory, a file that breaks a parser breaks nothing else, and it is
cancelled by ending it. `python -m tunebook.pipeline.data.table.copying` reads what to do as JSON from its input.
"""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tunebook.pipeline.data.hub import HubSet, at_commit
from tunebook.pipeline.data.hub_parquet import as_parquet
from tunebook.pipeline.data.source import Source
from tunebook.pipeline.data.table.cancel import Cancel
from tunebook.pipeline.data.table.cells import literal
from tunebook.pipeline.data.table.scan import PATTERN, settings
from tunebook.pipeline.errors import CallError, WorkFailed

if TYPE_CHECKING:
    import duckdb

Prepare = Callable[["duckdb.DuckDBPyConnection"], Any]


def copy_in_process(
    source: Source, split: str, target: Path, cancel: Cancel, progress: Callable[[float], None] | None
) -> list[str]:
    """Run the copy and wait for it. Returns the Parquet files that were fetched instead of making one, if there are any.

    Raises CallError for what it cannot read, Cancelled.
    """
    size = sum(Path(file).stat().st_size for file in (source.data_files or {}).get(split, []))
    free = os.statvfs(target.parent).f_bavail * os.statvfs(target.parent).f_frsize
    if free < 3 * size + 200_000_000:
        raise WorkFailed(f"{target.parent} has {free / 1e9:.1f} GB left, too little for a copy of the rows")
    job: dict[str, Any] = {"source": dataclasses.asdict(source), "split": split, "target": str(target)}
    if source.builder is None:  # it is known here, and to ask again takes seconds
        job["hub"] = dataclasses.asdict(at_commit(source.path, source.config, source.revision))
    process = subprocess.Popen(
        [sys.executable, "-m", __name__],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    ended = threading.Event()

    def watch() -> None:
        while not ended.wait(0.05):
            if cancel.asked:
                process.kill()

    watcher = threading.Thread(target=watch, name="tunebook-table-copy", daemon=True)
    watcher.start()
    try:
        assert process.stdin and process.stdout and process.stderr
        process.stdin.write(json.dumps(job))
        process.stdin.close()
        problem: dict[str, str] | None = None
        files: list[str] = []
        for line in process.stdout:
            told = json.loads(line)
            if "share" in told and progress:
                progress(told["share"])
            problem = told.get("problem", problem)
            files = told.get("files", files)
        errors = process.stderr.read()
        code = process.wait()
    finally:
        ended.set()
        if process.poll() is None:
            process.kill()
            process.wait()
        for left in target.parent.glob(f"{target.name}.{process.pid}.part*"):
            left.unlink(missing_ok=True)
    cancel.check()
    if problem:
        raise CallError("dataset", problem["what"], problem["remedy"])
    if code != 0:
        last = (errors.strip().splitlines() or [f"exit code {code}"])[-1]
        raise WorkFailed(f"the rows could not be copied ({last[:300]})")
    return files


def write_store(
    target: Path,
    prepare: Prepare | None,
    query: str,
    cancel: Cancel | None = None,
    progress: Callable[[float], None] | None = None,
) -> None:
    """Write what a query gives as a DuckDB file, under its own name only when it is whole."""
    import duckdb

    part = target.with_name(f"{target.name}.{os.getpid()}.part")
    part.unlink(missing_ok=True)
    ended = threading.Event()
    try:
        connection = duckdb.connect(str(part), config=settings(target.parent, "1GB"))
        connection.execute("set enable_progress_bar = true")
        connection.execute("set enable_progress_bar_print = false")
        if prepare:
            prepare(connection)
        if progress:

            def poll() -> None:
                while not ended.wait(0.1):
                    done = connection.query_progress()
                    if done > 0:
                        progress(done / 100)

            threading.Thread(target=poll, name="tunebook-table-progress", daemon=True).start()
        with (cancel or Cancel()).over(connection):
            connection.execute(f"create table rows as {query}")
        ended.set()
        connection.execute("checkpoint")
        connection.close()
        os.replace(part, target)
    finally:
        ended.set()
        for left in (part, part.with_name(f"{part.name}.wal")):
            left.unlink(missing_ok=True)


def arrow_of(rows: Any) -> Any:
    """The arrow table behind an object in memory. Raises CallError for what has none."""
    module = type(rows).__module__.split(".")[0]
    if module == "datasets" and hasattr(rows, "with_format") and hasattr(rows, "data"):
        flat = rows.flatten_indices() if getattr(rows, "_indices", None) is not None else rows
        return flat.data.table
    if module == "datasets" and isinstance(rows, dict):
        from tunebook.pipeline.data.source import choose_splits

        return arrow_of(rows[choose_splits("the DatasetDict", list(rows), None)[0]])
    if module == "pandas" and hasattr(rows, "columns"):
        import pyarrow

        return pyarrow.Table.from_pandas(rows, preserve_index=False)
    if module == "polars" and hasattr(rows, "to_arrow"):
        return (rows.collect() if hasattr(rows, "collect") else rows).to_arrow()
    if module == "pyarrow" and hasattr(rows, "schema"):
        return rows
    raise CallError(
        "dataset", f"is a {type(rows).__name__}, which holds no rows", "give a path, a Hub name, a Dataset or a frame"
    )


def query_of(source: Source, split: str) -> tuple[Prepare | None, str]:
    """What to prepare, and the query that then reads a split's rows in their order."""
    files = (source.data_files or {}).get(split, [])
    if source.builder == "parquet" and files:
        names = ", ".join(literal(PATTERN.sub(r"[\g<0>]", file)) for file in files)
        return None, f"select * from read_parquet([{names}], union_by_name=true)"
    from tunebook.pipeline.data.table.reading import reader_of

    return lambda connection: connection.register("given", reader_of(source, split)), "select * from given"


def main() -> None:
    """The process: what to do comes by its input, progress and trouble go out as lines of JSON."""
    job = json.loads(sys.stdin.read())
    source, target = Source(**job["source"]), Path(job["target"])
    try:
        os.nice(19)
    except OSError:
        pass
    last = 0.0

    def say(share: float) -> None:
        nonlocal last
        if time.monotonic() - last > 0.2:
            last = time.monotonic()
            print(json.dumps({"share": round(share, 4)}), flush=True)

    try:
        whole = "[" not in job["split"]  # a part of a split is in no file of its own
        hub = HubSet.of(job["hub"]) if "hub" in job else None
        if whole and (near := as_parquet(source, [job["split"]], say, hub)):
            assert near.data_files
            print(json.dumps({"files": near.data_files[job["split"]]}), flush=True)
            return
        prepare, query = query_of(source, job["split"])
        write_store(target, prepare, query, progress=say)
    except CallError as error:
        print(json.dumps({"problem": {"what": error.problem, "remedy": error.remedy}}), flush=True)
    except Exception as error:  # noqa: BLE001  a parser raises whatever it raises; it must be told in one line
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
        what = f"{source.path} cannot be read as a table ({reason})"
        print(json.dumps({"problem": {"what": what, "remedy": "check the file, or convert it to Parquet"}}), flush=True)


if __name__ == "__main__":
    main()
