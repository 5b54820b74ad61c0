"""Objects in memory as files, since whatever looks at rows does so in a job of its own."""

from __future__ import annotations

import hashlib
import os
import shutil
import uuid
from typing import Any

from tunebook.pipeline.data.rows import stored
from tunebook.pipeline.home import home


def placed(dataset: Any) -> str:
    """A path or a name as it stands. A datasets.Dataset or DatasetDict, a pandas or polars frame: the folder under
    TUNEBOOK_HOME that it was written to as Parquet, the same folder for the same rows.

    Raises CallError for an object that holds no rows.
    """
    if isinstance(dataset, str | os.PathLike):
        return str(os.fspath(dataset))
    objects = home() / "objects"
    written = objects / f"writing-{uuid.uuid4().hex}"
    try:
        stored(dataset, written)
        digest = hashlib.sha256()
        for file in sorted(written.iterdir()):
            digest.update(file.name.encode())
            with file.open("rb") as rows:
                digest.update(hashlib.file_digest(rows, "sha256").digest())
        kept = objects / digest.hexdigest()[:32]
        if not kept.exists():
            written.rename(kept)
        return str(kept)
    finally:
        shutil.rmtree(written, ignore_errors=True)
