"""Keeps what a job makes in the run's repository while it is being made: its own disk is gone with its machine.

Where the run's disk is a bucket, the job works on it, and there is nothing to do here. A commit has one whole checkpoint, or
with all checkpoints there what the stages so far have made: what says that a stage is done comes with what it made. Trouble
never ends the work; only when the last try at the job's end has failed does the job fail.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from tunebook.pipeline.backends.hf_jobs.repository import KEEP_IN
from tunebook.pipeline.deadline import within
from tunebook.pipeline.errors import WorkFailed
from tunebook.pipeline.run_folder import RunFolder

if TYPE_CHECKING:
    from huggingface_hub import HfApi

T = TypeVar("T")
#: Seconds between two looks at what is new, on either side.
LOOK_VARIABLE, LOOK_S = "TUNEBOOK_KEEP_S", 15.0
#: Between the tries at the end.
PAUSES_S = (2.0, 10.0, 30.0)
ANSWER_S = 60.0
#: A slower line is told as no answer.
SLOWEST_BYTES_S = 250_000

Mark = tuple[int, int]  # size and time of a file


@contextmanager
def keeping(folder: RunFolder) -> Iterator[Callable[[], None]]:
    """While it lasts, what is new in the folder goes into the repository that the environment names, if it names one; at
    its end all that is there does, also where SIGTERM ends it. What it gives is to be called when a stage is over.

    Raises WorkFailed where the last try fails.
    """
    repo = os.environ.get(KEEP_IN)
    if repo is None:
        yield lambda: None
        return
    from huggingface_hub import HfApi

    keeper, over = Keeper(HfApi(), repo, folder), threading.Event()
    every = float(os.environ.get(LOOK_VARIABLE, LOOK_S))
    # Side by side: who waits for training to stop does not wait for an upload.
    threads = [
        threading.Thread(target=_again, args=(work, every, over), name="tunebook-keeper", daemon=True)
        for work in (keeper.keep_whole, keeper.look_for_stop)
    ]
    previous = signal.signal(signal.SIGTERM, _end)
    for thread in threads:
        thread.start()
    try:
        yield keeper.stage_over
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)  # the next one is the last in any case
        over.set()
        threads[0].join()
        keeper.finish()
        signal.signal(signal.SIGTERM, previous)


def _end(number: int, _frame: Any) -> None:
    raise SystemExit(128 + number)


def _again(work: Callable[[], str], every: float, over: threading.Event) -> None:
    """`work` says what went wrong. That is told once: the next try is soon."""
    said = ""
    while not over.wait(every):
        trouble = work()
        if trouble and trouble != said:
            print(f"Trouble with the run's repository, trying again: {trouble}", flush=True)
        said = trouble


class Keeper:
    def __init__(self, api: HfApi, repo: str, folder: RunFolder) -> None:
        self.api, self.repo, self.folder = api, repo, folder
        #: As they are in the repository: what is here at the beginning comes from there.
        self._kept = {name: _mark(path) for name, path in self._files().items()}
        self._at_rest: dict[str, Mark] = {}

    def stage_over(self) -> None:
        """What is here now is not written to any more, or changes as a whole."""
        self._at_rest = {name: _mark(path) for name, path in self._files().items()}

    def keep_whole(self) -> str:
        """Keep what is whole by now. Raises nothing."""
        try:
            return self._keep(self._whole(self._files()))
        except OSError as failure:  # a file went away while it was looked at
            return type(failure).__name__

    def look_for_stop(self) -> str:
        """A person who wants training to stop writes a file into the repository: training looks for it here."""
        stop = self.folder.output / "stop"
        if stop.exists():
            return ""
        name = stop.relative_to(self.folder.path).as_posix()
        asked, trouble = _tried(lambda: self.api.file_exists(self.repo, name), ANSWER_S)
        if asked:
            stop.parent.mkdir(parents=True, exist_ok=True)
            stop.touch()
        return trouble

    def finish(self) -> None:
        """Keep everything; nothing is written any more. Raises WorkFailed."""
        for pause in (*PAUSES_S, None):
            trouble = self._keep(self._files())
            if not trouble:
                return
            if pause is None:
                raise WorkFailed(f"what the job has made is not all kept in {self.repo}: {trouble}")
            print(f"Not kept in {self.repo} yet, trying again: {trouble}", flush=True)
            time.sleep(pause)

    def _files(self) -> dict[str, Path]:
        """What is worth keeping: no half checkpoint, no hidden file, and nothing of what the person here has asked for."""
        whole = {path for _, path in self.folder.checkpoints()}
        stop, found = self.folder.output / "stop", {}
        for path in sorted(self.folder.path.rglob("*")):
            parts = path.relative_to(self.folder.path).parts
            if not path.is_file() or path == stop or any(part.startswith(".") for part in parts):
                continue
            if (checkpoint := self._checkpoint(path)) is None or checkpoint in whole:
                found["/".join(parts)] = path
        return found

    def _checkpoint(self, path: Path) -> Path | None:
        """The folder of the checkpoint that a file is in."""
        inside = (one for one in path.parents if one.parent == self.folder.output)
        return next((one for one in inside if one.name.startswith("checkpoint-")), None)

    def _whole(self, files: dict[str, Path]) -> dict[str, Path]:
        """Those that nobody writes to: whole checkpoints, the rows that came before them, what was there at a stage's end."""
        checkpoints = {name for name, path in files.items() if self._checkpoint(path) is not None}
        before = {self.folder.held_out} if checkpoints else set()
        return {
            name: path
            for name, path in files.items()
            if name in checkpoints or path in before or self._at_rest.get(name) == _mark(path)
        }

    def _keep(self, files: dict[str, Path]) -> str:
        """Commit what is new: the newest checkpoint first, then the others, then the rest. Returns what went wrong, which
        is the end of it: results without the checkpoints that they are of are none.
        """
        commits: dict[Path | None, dict[str, Path]] = {}
        for name, path in files.items():
            if self._kept.get(name) != _mark(path):
                commits.setdefault(self._checkpoint(path), {})[name] = path
        for checkpoint in sorted(commits, key=_newest_first):
            if trouble := self._commit(checkpoint, commits[checkpoint]):
                return trouble
        return ""

    def _commit(self, checkpoint: Path | None, files: dict[str, Path]) -> str:
        from huggingface_hub import CommitOperationAdd

        marks = {name: _mark(path) for name, path in files.items()}
        seconds = ANSWER_S + sum(size for size, _ in marks.values()) / SLOWEST_BYTES_S

        def commit() -> None:
            added = [CommitOperationAdd(name, str(path)) for name, path in files.items()]
            self.api.create_commit(self.repo, added, commit_message=checkpoint.name if checkpoint else "Results")

        _, trouble = _tried(commit, seconds)
        if not trouble:
            self._kept |= marks
        return trouble


def _tried(call: Callable[[], T], seconds: float) -> tuple[T | None, str]:
    """What it returns, and what went wrong: without the failure's own text, which may quote the header with the token."""
    try:
        return within(seconds, call), ""
    except TimeoutError:
        return None, f"no answer within {seconds:.0f} s"
    except Exception as failure:  # noqa: BLE001 (which HTTP library the client uses, and so its errors, changes)
        status = getattr(getattr(failure, "response", None), "status_code", None)
        return None, f"the Hub answers {status}" if status else type(failure).__name__


def _mark(path: Path) -> Mark:
    told = path.stat()
    return told.st_size, told.st_mtime_ns


def _newest_first(checkpoint: Path | None) -> tuple[bool, int]:
    return checkpoint is None, -int(checkpoint.name.rsplit("-", 1)[1]) if checkpoint else 0
