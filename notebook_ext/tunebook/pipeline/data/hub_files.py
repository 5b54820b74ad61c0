"""The files of a Hub data set on this machine, in Hugging Face's own cache, where `datasets` looks for them too."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tunebook.pipeline.data.hub import HubFile, at_commit
from tunebook.pipeline.data.source import Source
from tunebook.pipeline.errors import CallError

Tell = Callable[[float], None]


def here(source: Source) -> Source:
    """The same rows by their local files, so that a broken one can be looked into. Fetches what is not there yet."""
    assert source.revision is not None
    found = at_commit(source.path, source.config, source.revision)
    splits = [split.split("[")[0] for split in (source.train_split, source.eval_split) if split]
    local = fetched(source.path, source.revision, {split: found.files[split] for split in splits})
    return Source(found.builder, source.path, local, None, None, source.train_split, source.eval_split)


def fetched(
    dataset: str, revision: str, files: dict[str, list[HubFile]], tell: Tell = lambda share: None
) -> dict[str, list[str]]:
    """Split to local files. `tell` is told the share that is there. Raises CallError where the disk has no room for what
    is not there yet.
    """
    from huggingface_hub import constants, hf_hub_download, try_to_load_from_cache
    from huggingface_hub.utils.tqdm import tqdm

    def missing(file: HubFile) -> bool:
        return not isinstance(try_to_load_from_cache(dataset, file.path, None, revision, "dataset"), str)

    whole = sum(file.size for part in files.values() for file in part if missing(file))
    if whole:
        _need_room(dataset, Path(constants.HF_HUB_CACHE), whole)
    there = 0

    class Bar(tqdm):
        """What the download calls as bytes come."""

        def __init__(self, *arguments: Any, **keywords: Any) -> None:
            super().__init__(*arguments, **{**keywords, "disable": True})  # type: ignore[no-untyped-call]

        def update(self, n: float | None = 1) -> bool | None:
            nonlocal there
            there += int(n or 0)
            tell(min(there / max(whole, 1), 1.0))
            return None

    return {
        split: [
            hf_hub_download(dataset, file.path, repo_type="dataset", revision=revision, tqdm_class=Bar) for file in part
        ]
        for split, part in files.items()
    }


def _need_room(dataset: str, cache: Path, size: int) -> None:
    cache.mkdir(parents=True, exist_ok=True)
    free = os.statvfs(cache).f_bavail * os.statvfs(cache).f_frsize
    if free < size + 200_000_000:
        problem = f"{dataset} needs {size / 1e9:.1f} GB more, and the disk of Hugging Face's cache has {free / 1e9:.1f} GB left"
        raise CallError("dataset", problem, "make room, or name a folder on another disk in HF_HOME")
