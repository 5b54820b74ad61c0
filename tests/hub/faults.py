"""What can go wrong between a client and the Hub, by request: a plan that the server keeps to, each fault once."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Literal

#: before: the connection breaks and nothing was done. after: it was done, and the connection breaks. error: it was done, and
#: the answer is a 500. stall: it was done, and no answer comes. twice: it is done, and the answer is sent twice.
#: page: it is done, and in the place of the answer comes a page of HTML, as of a network that one has to sign in to.
#: payment, rate: a 402, a 429 with Retry-After; nothing was done. cut: the stream breaks after some events.
Kind = Literal["before", "after", "error", "stall", "twice", "page", "payment", "rate", "cut"]


@dataclass
class Fault:
    """Happens to the next request with this method and this part in its path."""

    kind: Kind
    method: str
    part: str
    seconds: float = 0.0  # of a stall
    events: int = 1  # before a cut

    def meets(self, method: str, target: str) -> bool:
        return method == self.method and self.part in target


_taking = threading.Lock()  # requests are answered side by side


def set_faults(faults: list[Fault], part: str, planned: list[Fault]) -> None:
    """These in the place of all that have this part in their path."""
    with _taking:
        faults[:] = [fault for fault in faults if part not in fault.part] + planned


def next_fault(faults: list[Fault], method: str, target: str) -> Fault | None:
    """Take the first fault that this request meets off the list."""
    with _taking:
        for at, fault in enumerate(faults):
            if fault.meets(method, target):
                return faults.pop(at)
    return None
