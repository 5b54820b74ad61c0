"""The stand-in's list of machine types for jobs, in the form and at the prices of August 2026."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from hub.calls import Answer, Call, Route, as_json

if TYPE_CHECKING:
    from hub.server import StandInHub

#: name, vCPU, RAM in GB, cards, their model, GB of all cards together, millionths of a dollar a minute
TABLE = """
cpu-basic        2    16  0 -             0    167
cpu-upgrade      8    32  0 -             0    500
cpu-xl          16   124  0 -             0  16667
cpu-performance 32   256  0 -             0  31667
t4-small         4    15  1 T4           16   6667
t4-medium        8    30  1 T4           16  10000
l4x1             8    30  1 L4           24  13333
l4x4            48   186  4 L4           96  63333
l40sx1           8    62  1 L40S         48  30000
l40sx4          48   382  4 L40S        192 138333
l40sx8         192  1534  8 L40S        384 391667
a10g-small       4    15  1 A10G         24  16667
a10g-large      12    46  1 A10G         24  25000
a10g-largex2    24    92  2 A10G         48  50000
a10g-largex4    48   184  4 A10G         96  83333
a100-large      12   142  1 A100         80  41667
a100x4          48   568  4 A100        320 166667
a100x8          96  1136  8 A100        640 333333
h200            23   256  1 H200        141  83333
h200x2          46   512  2 H200        282 166667
h200x4          92  1024  4 H200        564 333333
h200x8         184  2048  8 H200       1128 666667
rtx-pro-6000    23   256  1 RTX_PRO_6000 96  45833
rtx-pro-6000x2  46   512  2 RTX_PRO_6000 192 91667
rtx-pro-6000x4  92  1024  4 RTX_PRO_6000 384 183333
rtx-pro-6000x8 184  2048  8 RTX_PRO_6000 768 366667
"""


def listed() -> list[dict[str, Any]]:
    """A new list each time, for a test to change."""
    return [_entry(*line.split()) for line in TABLE.strip().splitlines()]


def _entry(name: str, cpu: str, ram: str, cards: str, model: str, vram: str, micro: str) -> dict[str, Any]:
    model = model.replace("_", " ")
    gpu = {"type": "gpu", "model": model, "quantity": cards, "vram": f"{vram} GB", "manufacturer": "Nvidia"}
    return {
        "name": name,
        "prettyName": f"{cards}x Nvidia {model}" if int(cards) else name.replace("-", " ").title(),
        "cpu": f"{cpu} vCPU",
        "ram": f"{ram} GB",
        "ephemeralStorage": "100 GB",
        "accelerator": gpu if int(cards) else None,
        "unitCostMicroUSD": int(micro),
        "unitCostUSD": int(micro) / 1e6,
        "unitLabel": "minute",
    }


def cents_a_minute(listed: list[dict[str, Any]], flavor: str) -> float:
    return next(one["unitCostMicroUSD"] for one in listed if one["name"] == flavor) / 1e4


def hardware(hub: StandInHub, _call: Call) -> Answer:
    return as_json(hub.hardware)


ROUTES: list[Route] = [("GET", re.compile("/api/jobs/hardware"), hardware)]
