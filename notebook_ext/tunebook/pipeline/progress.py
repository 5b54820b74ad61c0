"""How a job speaks: one JSON object a line on stdout, behind a marker that carries the job's nonce.

Metrics and progress travel in the log, so that every backend shows them without an extra service. Each line is one
`os.write`, because with buffered writes only 5 of 11 lines of a merged log began a line. `train.py` imports no
tunebook and carries these few lines itself; the marker is the contract between the two.
"""

from __future__ import annotations

import json
import math
import os
import time
from typing import Any

NONCE_VARIABLE = "TUNEBOOK_NONCE"
MARKER = "@tunebook:"


def finite(value: Any) -> Any:
    """The value with NaN and infinities as None, as deep as it goes: JSON has no word for them."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [finite(item) for item in value]
    return value


def emit(event: str, **fields: Any) -> None:
    """Write one event line. Outside a job (no nonce) it writes nothing."""
    nonce = os.environ.get(NONCE_VARIABLE)
    if not nonce:
        return
    record = finite({"event": event, "time": round(time.time(), 3), **fields})
    line = f"\n{MARKER}{nonce} {json.dumps(record, ensure_ascii=False, allow_nan=False)}\n"
    os.write(1, line.encode())


def parse(line: str, nonce: str) -> dict[str, Any] | None:
    """The event in a log line, or None. A line with another nonce (data that quotes a marker) is only text."""
    start = line.find(f"{MARKER}{nonce} ")
    if start < 0:
        return None
    try:
        record = json.loads(line[start + len(MARKER) + len(nonce) + 1 :])
    except ValueError:
        return None
    return record if isinstance(record, dict) and "event" in record else None
