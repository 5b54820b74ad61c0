"""A deadline for calls that have none of their own, or one that starts anew with each packet."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Mapping
from typing import TypeVar

T = TypeVar("T")


def within(seconds: float, call: Callable[[], T]) -> T:
    """What the call returns or raises. Raises TimeoutError when the time is up; the call then goes on unheard."""
    answers: queue.SimpleQueue[tuple[T] | Exception] = queue.SimpleQueue()

    def ask() -> None:
        try:
            answers.put((call(),))
        except Exception as failure:  # noqa: BLE001 (raised again in the thread that waits)
            answers.put(failure)

    threading.Thread(target=ask, name="tunebook-call", daemon=True).start()
    try:
        answer = answers.get(timeout=seconds)
    except queue.Empty:
        raise TimeoutError from None
    if isinstance(answer, Exception):
        raise answer
    return answer[0]


def all_within(seconds: float, calls: Mapping[str, Callable[[], T]]) -> dict[str, T | Exception]:
    """What each of the calls returns, or the exception that it raises: they go side by side under one deadline, and one
    that does not answer in time has a TimeoutError.
    """
    answers: queue.SimpleQueue[tuple[str, T | Exception]] = queue.SimpleQueue()

    def ask(name: str, call: Callable[[], T]) -> None:
        try:
            answers.put((name, call()))
        except Exception as failure:  # noqa: BLE001 (handed to the thread that waits)
            answers.put((name, failure))

    until = time.monotonic() + seconds
    for name, call in calls.items():
        threading.Thread(target=ask, args=(name, call), name=f"tunebook-call-{name}", daemon=True).start()
    told: dict[str, T | Exception] = {}
    while len(told) < len(calls):
        try:
            name, answer = answers.get(timeout=max(0.0, until - time.monotonic()))
        except queue.Empty:
            break
        told[name] = answer
    return {name: told.get(name, TimeoutError()) for name in calls}
