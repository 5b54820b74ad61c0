"""The memory oracle as others ask it: one warm process that holds torch, transformers, peft and TRL.

They take seconds to import and the step on the meta device changes functions of torch, so both stay out of the kernel.
Questions and answers are lines of JSON: {"what": "estimate" or "law", "ask": ...} and {"answer": ...} or {"error": ...}. The
process starts at the first question and ends when nobody asks for long, or when whoever asked is gone.
"""

from __future__ import annotations

import atexit
import json
import os
import queue
import subprocess
import sys
import threading
import time
from typing import Any

from tunebook.pipeline.errors import CallError, TunebookError, WorkFailed
from tunebook.pipeline.hardware.memory import MemoryAsk, MemoryEstimate
from tunebook.pipeline.hardware.memory_law import MemoryLaw

#: Seconds without a question after which the process gives its memory back (about 700 MB).
IDLE_S = 300.0
#: A process that ends within so many seconds did not die of the question.
AT_ONCE_S = 0.5


class Oracle:
    """The process of this kernel or terminal; calls wait for each other."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: subprocess.Popen[str] | None = None

    def estimate(self, ask: MemoryAsk) -> MemoryEstimate:
        """Raises CallError for a model, an adapter or a size that cannot be, WorkFailed where the process died."""
        return MemoryEstimate.model_validate(self._ask("estimate", ask))

    def law(self, ask: MemoryAsk) -> MemoryLaw:
        """Raises as `estimate`."""
        return MemoryLaw.model_validate(self._ask("law", ask))

    def close(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait()

    def _ask(self, what: str, ask: MemoryAsk) -> Any:
        line = json.dumps({"what": what, "ask": ask.model_dump(mode="json")}) + "\n"
        with self._lock:
            for _ in range(2):  # it may have ended, idle, or been killed, before it was asked
                process = self._running()
                asked = time.monotonic()
                assert process.stdin and process.stdout
                try:
                    process.stdin.write(line)
                    process.stdin.flush()
                    said = process.stdout.readline()
                except (BrokenPipeError, ValueError):
                    said = ""
                except BaseException:  # Ctrl-C: its answer must not be taken for the next one's
                    self.close()
                    raise
                if said:
                    return _answer(json.loads(said))
                self._process = None
                if process.wait() != 0 and time.monotonic() - asked > AT_ONCE_S:
                    break  # this question may be what it died of
        raise WorkFailed("the memory forecast's process was killed (by hand, or because the memory ran out)")

    def _running(self) -> subprocess.Popen[str]:
        if self._process is None or self._process.poll() is not None:
            # Without the working folder on its path, which may hold a `datasets` of its own, and in a session of its own,
            # since an interrupt of the kernel goes to all of the kernel's.
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", __name__],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                text=True,
                start_new_session=True,
            )
            atexit.register(self.close)
        return self._process


def _answer(said: dict[str, Any]) -> Any:
    error = said.get("error")
    if isinstance(error, dict):
        raise CallError(error["field"], error["problem"], error["remedy"])
    if error is not None:
        raise WorkFailed(error)
    return said["answer"]


#: One for all of this process.
oracle = Oracle()


# The process


def answer(question: dict[str, Any]) -> dict[str, Any]:
    """The answer to one question, as JSON."""
    from tunebook.pipeline.hardware.meta.estimate import estimate
    from tunebook.pipeline.hardware.meta.fit import law

    ask = MemoryAsk.model_validate(question["ask"])
    try:
        found = (estimate if question["what"] == "estimate" else law)(ask)
    except CallError as error:
        return {"error": {"field": error.field, "problem": error.problem, "remedy": error.remedy}}
    except TunebookError as error:
        return {"error": str(error)}
    except Exception as error:  # noqa: BLE001 (an architecture may do anything: who asked must hear which)
        said = " ".join(str(error).split())[:200]
        return {"error": f"this model's step could not be run without weights ({type(error).__name__}: {said})"}
    return {"answer": found.model_dump(mode="json")}


def main() -> None:
    """Answer until nobody asks for IDLE_S, or can ask any more."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what libraries print is no answer
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    lines: queue.Queue[str] = queue.Queue()
    threading.Thread(target=_hear, args=(lines,), daemon=True).start()
    while True:
        try:
            line = lines.get(timeout=IDLE_S)
        except queue.Empty:
            os._exit(0)  # the other thread still reads, which an ordinary end would wait for
        answers.write(json.dumps(answer(json.loads(line))) + "\n")
        answers.flush()


def _hear(lines: queue.Queue[str]) -> None:
    for line in sys.stdin:
        lines.put(line)
    os._exit(0)  # whoever asked is gone


if __name__ == "__main__":
    main()
