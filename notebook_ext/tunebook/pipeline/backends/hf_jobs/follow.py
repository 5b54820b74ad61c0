"""What a job says, on this machine: its log line by line, and what it uses of its hardware.

The Hub tells a log anew from its first line whenever it is asked, and the client's stream can end before the log does. So the
lines that are here are counted, as many are left out, and once the job has ended the rest is asked for.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tunebook.pipeline.backends.hf_jobs.hub import JobsHub
from tunebook.pipeline.backends.hf_jobs.submit import TERMINAL

AGAIN_S = 1.0
GIB = 2**30


class LogCopy:
    """A file with the first lines of a job's log. Nothing of a line is there before all of it is."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("ab+") as file:  # a writer that was killed may have left half a line
            file.seek(0)
            content = file.read()
            file.truncate(content.rfind(b"\n") + 1)
        self.lines = content.count(b"\n")

    def take(self, lines: Iterable[str]) -> None:
        """The whole log again, as far as it goes now: what is new is kept."""
        with self.path.open("ab", buffering=0) as file:
            for number, line in enumerate(lines):
                if number >= self.lines:
                    file.write(" ".join(line.splitlines()).encode() + b"\n")
                    self.lines += 1


@contextmanager
def following(hub: JobsHub, job_id: str, folder: Path) -> Iterator[None]:
    """Until it is left, the folder's log.txt and hardware.jsonl grow; then, if the job has ended, the log is whole."""
    over = threading.Event()
    copy = LogCopy(folder / "log.txt")
    threads = [
        threading.Thread(target=_again, args=(over, lambda: copy.take(_log(hub, job_id, follow=True))), daemon=True),
        threading.Thread(target=_again, args=(over, lambda: _measure(hub, job_id, folder, over)), daemon=True),
    ]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        over.set()
        threads[0].join(timeout=2.0)
        if not threads[0].is_alive():
            _complete(hub, job_id, copy)


def _again(over: threading.Event, work: Callable[[], None]) -> None:
    """Streams break, and the Hub may be away for a while: the job does not mind."""
    while not over.is_set():
        try:
            work()
        except Exception:  # noqa: BLE001 - whatever breaks a stream, it is asked for again
            pass
        over.wait(AGAIN_S)


def _complete(hub: JobsHub, job_id: str, copy: LogCopy) -> None:
    for _ in range(3):
        try:
            if hub.job(job_id).status.stage in TERMINAL:
                copy.take(_log(hub, job_id, follow=False))
            return
        except Exception:  # noqa: BLE001 - what is there of the log is enough to go on
            time.sleep(AGAIN_S)


def _log(hub: JobsHub, job_id: str, *, follow: bool) -> Iterable[str]:
    return hub.api.fetch_job_logs(job_id=job_id, namespace=hub.namespace, follow=follow)


def _measure(hub: JobsHub, job_id: str, folder: Path, over: threading.Event) -> None:
    """Append one line a second to hardware.jsonl, for as long as the job runs and the stream lasts."""
    with (folder / "hardware.jsonl").open("ab", buffering=0) as file:
        for told in hub.api.fetch_job_metrics(job_id=job_id, namespace=hub.namespace, follow=True):
            if over.is_set():
                return
            file.write(json.dumps(measured(told)).encode() + b"\n")


def measured(told: dict[str, Any]) -> dict[str, Any]:
    """One measurement in percent and GiB; of several GPUs their mean use and the sum of their memory."""
    cards = [card for card in (told.get("gpus") or {}).values() if isinstance(card, dict)]

    def total(*names: str) -> float | None:
        found: list[Any] = [next((card[name] for name in names if card.get(name) is not None), None) for card in cards]
        return sum(found) / GIB if found and all(one is not None for one in found) else None

    use = [card["utilization"] for card in cards if card.get("utilization") is not None]
    return {
        "time": round(time.time(), 3),
        "gpu_pct": sum(use) / len(use) if use else None,
        "gpu_memory_gib": total("memory_used_bytes", "memory_used"),
        "gpu_memory_total_gib": total("memory_total_bytes", "memory_total"),
        "cpu_pct": told.get("cpu_usage_pct"),
        "memory_gib": (told.get("memory_used_bytes") or 0) / GIB,
        "memory_total_gib": (told.get("memory_total_bytes") or 0) / GIB,
    }
