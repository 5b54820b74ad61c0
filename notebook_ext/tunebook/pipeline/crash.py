"""Named places at which tests kill this process, to see that nothing is lost or paid twice. Nothing happens without
TUNEBOOK_CRASH_AT.
"""

from __future__ import annotations

import os
import signal

#: In the order in which a job that costs money meets them.
CRASH_POINTS = ("intent", "query", "upload", "post", "posted", "noted", "ended", "settled")


def crash_point(name: str) -> None:
    """Die here, as by kill -9, if this is the place that is named."""
    assert name in CRASH_POINTS
    if os.environ.get("TUNEBOOK_CRASH_AT") == name:
        os.kill(os.getpid(), signal.SIGKILL)
