"""Any row as the trainer will see it, for a panel: one process that holds the rows, the tokenizer and TRL.

TRL takes seconds to import and hundreds of megabytes, so it stays out of the kernel. `Lookout` starts the process at the
first need and asks it by lines of JSON: {"id", "source", "rows", "lens"}. It answers {"id", "waiting": why} while it
loads, then {"id", "seen": rows} or {"id", "error": why}. It ends by itself when nobody asks for long or its kernel is gone.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import queue
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Callable, Sequence
from typing import IO, Any

from tunebook.pipeline.data.report import Lens
from tunebook.pipeline.data.source import Source
from tunebook.pipeline.data.table.cancel import Cancel, Cancelled
from tunebook.pipeline.errors import TunebookError, WorkFailed

#: Seconds without a question after which the process gives its memory back.
IDLE_S = 600.0
READING = "Reading the rows"
LOADING = "Loading the tokenizer and TRL"
#: Neighbours with more characters than this in all are not looked at beforehand: they would delay the row itself.
AHEAD_MOST = 100_000

Row = dict[str, Any]


class Lookout:
    """The process of one panel. `look` is for one thread at a time, `close` for any."""

    def __init__(self, idle_s: float = IDLE_S) -> None:
        self._idle_s = idle_s
        self._lock = threading.Lock()
        self._process: _Process | None = None
        self._closed = False
        self._asked = 0

    def look(
        self, source: Source, rows: Sequence[int], lens: Lens, cancel: Cancel, waiting: Callable[[str], None]
    ) -> list[Row]:
        """The first of the rows as a PreviewRow's JSON without its raw cells, then as many of the others as are ready.

        Raises WorkFailed with one line where the trainer cannot read the row, or the process died; the next call starts
        another. Raises Cancelled.
        """
        self._asked += 1
        question = {"source": dataclasses.asdict(source), "rows": list(rows), "lens": lens.model_dump(mode="json")}
        line = json.dumps({"id": self._asked, **question})
        process = self._running()
        if not process.tell(line):  # it had ended, idle
            process = self._running()
            process.tell(line)
        if process.busy_with:  # for the question before this one
            waiting(process.busy_with)
        while True:
            cancel.check()
            try:
                said = process.heard.get(timeout=0.05)
            except queue.Empty:
                continue
            if said is None:
                if self._closed:
                    raise Cancelled
                if not process.idle():
                    raise WorkFailed(process.last_words())
                process = self._running()
                process.tell(line)
                continue
            answer = json.loads(said)
            process.busy_with = answer.get("waiting", "")
            if process.busy_with:
                waiting(process.busy_with)
            elif answer["id"] != self._asked:
                continue  # to a question that nobody waits for any more
            elif "error" in answer:
                raise WorkFailed(answer["error"])
            else:
                seen: list[Row] = answer["seen"]
                return seen

    def close(self) -> None:
        """End the process, whatever it is doing."""
        with self._lock:
            self._closed = True
            if self._process:
                self._process.end()

    def _running(self) -> _Process:
        with self._lock:
            if self._closed:
                raise Cancelled
            if self._process is None or self._process.ended:
                self._process = _Process(self._idle_s)
            return self._process


class _Process:
    """The process as the kernel holds it. `heard` gets its lines, and None when it has ended."""

    def __init__(self, idle_s: float) -> None:
        self.heard: queue.Queue[str | None] = queue.Queue()
        self.busy_with = ""  # what it loads, as far as it has told
        self._errors: deque[str] = deque(maxlen=20)
        # Without the folder of the notebook on its path, which may hold a `datasets` of its own; and in a session of its
        # own, since an interrupt of the kernel goes to all of the kernel's.
        self._popen = subprocess.Popen(
            [sys.executable, "-P", "-m", __name__, str(idle_s)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        assert self._popen.stderr
        listening = (self._listen, ()), (self._errors.extend, (self._popen.stderr,))
        self._threads = [threading.Thread(target=to, args=args, daemon=True) for to, args in listening]
        for thread in self._threads:
            thread.name = "tunebook-lookout"
            thread.start()

    @property
    def ended(self) -> bool:
        return self._popen.poll() is not None

    def tell(self, line: str) -> bool:
        """Write a line; False if nobody reads any more."""
        assert self._popen.stdin
        try:
            self._popen.stdin.write(line + "\n")
            self._popen.stdin.flush()
        except (OSError, ValueError):
            return False
        return True

    def idle(self) -> bool:
        """Whether it ended because nobody had asked."""
        return self._popen.wait() == 0

    def last_words(self) -> str:
        """Why it ended, in one line."""
        if self._popen.wait() < 0:
            return "the process that labels rows was killed (by hand, or because the memory ran out)"
        self._threads[1].join(5)
        said = [line.strip() for line in self._errors if line.strip()]
        return f"the process that labels rows ended ({said[-1][:300] if said else 'it said nothing'})"

    def end(self) -> None:
        self._popen.kill()
        self._popen.wait()

    def _listen(self) -> None:
        assert self._popen.stdin and self._popen.stdout
        for line in self._popen.stdout:
            self.heard.put(line)
        self._popen.wait()
        with contextlib.suppress(OSError):
            self._popen.stdin.close()
        self._popen.stdout.close()
        self.heard.put(None)


# The process


class Watch:
    """What the process holds from one question to the next."""

    def __init__(self) -> None:
        self._rows: tuple[Row, Any] = {}, None
        self._tokenizer: tuple[tuple[str, str | None], Any] = ("", None), None

    def look(self, source: Row, numbers: list[int], lens: Lens, waiting: Callable[[str], None]) -> list[Row]:
        """The rows as the trainer sees them. Raises TunebookError for the first; the others are left out if they fail."""
        key = (lens.model, lens.revision)
        if self._rows[0] != source:
            waiting(READING)
            self._rows = source, _rows(Source(**source))
        if self._tokenizer[0] != key:
            waiting(LOADING)
            self._tokenizer = key, _tokenizer(lens)
        rows, tokenizer = self._rows[1], self._tokenizer[1]
        if numbers[0] >= len(rows):
            raise TunebookError(f"Row {numbers[0]:,} is none of the {len(rows):,} that are trained on.")
        numbers = [number for number in numbers if 0 <= number < len(rows)]
        given: list[Row] = rows.select(numbers).to_list()

        from tunebook.pipeline.data.giants import MOST, characters
        from tunebook.pipeline.data.trainer_eye import look

        sizes = [characters(row) for row in given]
        if sizes[0] > MOST:
            raise TunebookError(f"This row has {sizes[0]:,} characters, more than any model reads.")
        if sum(sizes[1:]) <= AHEAD_MOST:
            # With a neighbour that cannot be read the row is looked at alone.
            with contextlib.suppress(Exception):
                return [row.model_dump(mode="json") | {"raw": {}} for row in look(given, numbers, tokenizer, lens)]
        try:
            (seen,) = look(given[:1], numbers[:1], tokenizer, lens)
        except Exception as refusal:  # noqa: BLE001  a template refuses a row in its own words, TRL in others
            raise TunebookError(f"The trainer cannot read this row ({_line(refusal)}).") from None
        return [seen.model_dump(mode="json") | {"raw": {}}]


def _rows(source: Source) -> Any:
    from tunebook.pipeline.data.mended import mended_rows
    from tunebook.pipeline.data.rows import training_rows

    # As the inspection reads them, so that the numbers agree with its report: without the lines that cannot be read.
    return training_rows(source, mend_in=mended_rows())


def _tokenizer(lens: Lens) -> Any:
    from tunebook.pipeline.data.template import load_tokenizer

    return load_tokenizer(lens.model, lens.revision)


def _line(error: Exception) -> str:
    said = " ".join(str(error).split())
    return said[:200] if isinstance(error, TunebookError) else f"{type(error).__name__}: {said[:200]}"


def main(idle_s: float) -> None:
    """Answer the newest question, again and again, until nobody asks for `idle_s` seconds or can ask any more."""
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")  # as in the inspection's job
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what libraries print is no answer
    questions: queue.Queue[str] = queue.Queue()
    threading.Thread(target=_hear, args=(sys.stdin, questions), daemon=True).start()
    watch = Watch()
    while True:
        try:
            line = questions.get(timeout=idle_s)
        except queue.Empty:
            os._exit(0)  # the other thread still reads, which an ordinary end would wait for
        with contextlib.suppress(queue.Empty):
            while True:
                line = questions.get_nowait()
        _answer(watch, json.loads(line), answers)


def _hear(lines: IO[str], questions: queue.Queue[str]) -> None:
    for line in lines:
        questions.put(line)
    os._exit(0)  # whoever asked is gone, so there is nothing to finish


def _answer(watch: Watch, question: Row, answers: IO[str]) -> None:
    def say(**what: Any) -> None:
        answers.write(json.dumps({"id": question["id"], **what}) + "\n")
        answers.flush()

    try:
        lens = Lens.model_validate(question["lens"])
        say(seen=watch.look(question["source"], question["rows"], lens, lambda why: say(waiting=why)))
    except TunebookError as error:
        say(error=str(error))
    except Exception as error:  # noqa: BLE001  whatever it is, who asked must hear it
        say(error=f"The row cannot be looked at ({_line(error)}).")


if __name__ == "__main__":
    main(float(sys.argv[1]))
