"""The data sets that the tests put on the stand-in Hub."""

from __future__ import annotations

import gzip
import io
import json
from typing import Any

import pandas
import zstandard
from hub.repos import CONVERTED, Blob, Repo
from hub.server import StandInHub

Rows = list[dict[str, Any]]


def rows(count: int, first: int = 0) -> Rows:
    return [
        {"prompt": f"Is {n} even?", "completion": "yes" if n % 2 == 0 else "no"} for n in range(first, first + count)
    ]


def jsonl(of: Rows) -> bytes:
    return "".join(json.dumps(row) + "\n" for row in of).encode()


def parquet(of: Rows) -> bytes:
    out = io.BytesIO()
    pandas.DataFrame(of).to_parquet(out)
    return out.getvalue()


CONFIGS = """---
configs:
- config_name: short
  data_files:
  - {split: train, path: short/train.jsonl}
  - {split: test, path: short/test.jsonl}
- config_name: long
  data_files: long.jsonl.zst
---
# Rows in two lengths
"""


def two_configs(hub: StandInHub, name: str = "ada/rows", **more: Any) -> Repo:
    """`short` with 40 rows and 6 held out, `long` with 90 and none."""
    repo = hub.repo("dataset", name, **more)
    repo.commit(
        {
            "README.md": CONFIGS,
            "short/train.jsonl": jsonl(rows(40)),
            "short/test.jsonl": jsonl(rows(6, first=1000)),
            "long.jsonl.zst": zstandard.compress(jsonl(rows(90))),
        }
    )
    return repo


def shards(hub: StandInHub, name: str = "ada/shards") -> Repo:
    """Parquet: 70 rows to train on in two files, 5 held out."""
    repo = hub.repo("dataset", name)
    repo.commit(
        {
            "data/train-00000-of-00002.parquet": parquet(rows(50)),
            "data/train-00001-of-00002.parquet": parquet(rows(20, first=50)),
            "data/test-00000-of-00001.parquet": parquet(rows(5, first=1000)),
        }
    )
    return repo


def zipped(hub: StandInHub, name: str = "ada/zipped") -> Repo:
    repo = hub.repo("dataset", name)
    repo.commit({"rows.jsonl.gz": gzip.compress(jsonl(rows(30)))})
    return repo


def endless(hub: StandInHub, name: str = "ada/endless", card: str = "# Endless\n") -> Repo:
    """6 GB of jsonl: 3,000 rows of 300 bytes, again and again."""
    some = jsonl([{"prompt": f"Say {n} in words. {'Please. ' * 28}", "completion": f"{n}"} for n in range(3000)])
    repo = hub.repo("dataset", name)
    repo.commit({"README.md": card, "train.jsonl": Blob(some, 6_000_000_000 // len(some))})
    return repo


def convert(repo: Repo, of: Rows, *, config: str = "default", folder: str = "train") -> None:
    """What the Hub does by itself after a commit: its own copy as Parquet. `partial-train` is where it gave up."""
    half = len(of) // 2
    repo.commit(
        {f"{config}/{folder}/{n:04}.parquet": parquet(part) for n, part in enumerate((of[:half], of[half:]))},
        branch=CONVERTED,
    )
