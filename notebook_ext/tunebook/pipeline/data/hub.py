"""What the Hub says of a data set: its commit, its configs and splits and their files, or one clear line why not. Of a
model, its commit.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from tunebook.pipeline.data.hub_refusals import Kind, Unreachable, explained, trouble_behind
from tunebook.pipeline.errors import CallError
from tunebook.pipeline.home import home, read_json, write_json

TIMEOUT_S = 10.0


@dataclass(frozen=True)
class HubFile:
    """A file of rows: its path in the repository and its size, 0 where the Hub does not say."""

    path: str
    size: int


@dataclass(frozen=True)
class HubSet:
    """One config of a data set at one commit: which builder of `datasets` reads which files of which split.

    `rows` are the numbers of rows as far as the data set's card has them. Offline there are no files: what `datasets`
    has kept is read.
    """

    sha: str
    config: str
    builder: str
    files: dict[str, list[HubFile]]
    rows: dict[str, int]

    @staticmethod
    def of(told: dict[str, Any]) -> HubSet:
        """From what `dataclasses.asdict` made of one."""
        files = {split: [HubFile(**file) for file in part] for split, part in told["files"].items()}
        return HubSet(**(told | {"files": files}))

    @property
    def bytes(self) -> int:
        """Of all splits: `datasets` fetches a config as a whole."""
        return sum(file.size for files in self.files.values() for file in files)


def commit_of(name: str, revision: str | None = None, kind: Kind = "dataset") -> str:
    """The sha of the commit that a revision names now; without the Hub, the one that was last seen here.

    Raises CallError if the repository does not exist, is not allowed or not known here, or has no such revision.
    """
    try:
        sha = str(_info(name, revision, kind).sha)
    except Unreachable:
        if (known := _last_seen(name, revision, kind)) is None:
            raise
        return known
    if read_json(note := _note(name, revision, kind)) != sha:
        write_json(note, sha)
    return sha


def look_up(dataset: str, config: str | None, revision: str | None) -> HubSet:
    """The config that is named, or the one that the data set has, at the commit that the revision names now.

    Raises CallError as `commit_of` does, where several configs are there and none is named, and where the files are of
    no kind that `datasets` reads.
    """
    try:
        return at_commit(dataset, config, str(_info(dataset, revision).sha))
    except Unreachable as unreachable:
        from huggingface_hub import constants

        if not constants.is_offline_mode():  # the libraries would try for a minute before they looked at what is kept
            raise
        try:
            return at_commit(dataset, config, revision)
        except CallError as wrong:
            raise unreachable if wrong.field == "dataset" else wrong from None


@lru_cache(maxsize=8)
def at_commit(dataset: str, config: str | None, sha: str | None) -> HubSet:
    """What `look_up` says of a commit, which cannot change; offline, of what is kept. Raises CallError."""
    import datasets
    from huggingface_hub import constants

    try:
        try:
            builder = datasets.load_dataset_builder(dataset, config, revision=sha)
        except ValueError as failure:
            raise _wrong_config(dataset, config, sha) or _broken(dataset, failure) from None
        found: dict[str, Any] = builder.config.data_files or {}
        counts = {str(name): split.num_examples for name, split in (builder.info.splits or {}).items()}
        sizes = {} if constants.is_offline_mode() else _sizes(dataset, sha)
    except CallError:
        raise
    except Exception as failure:  # noqa: BLE001 (a data set's own card or files may be broken in any way)
        raise _broken(dataset, failure) from None
    files = {
        str(split): [HubFile(path, sizes.get(path, 0)) for path in (_path_of(url) for url in urls)]
        for split, urls in found.items()
    }
    kept = str(builder.hash) if constants.is_offline_mode() else sha
    if sha and kept != sha:
        raise CallError("dataset_revision", f"{sha} of {dataset} is not on this machine", "go online, or leave it out")
    return HubSet(
        sha=str(kept),
        config=str(builder.config.name),
        builder=type(builder.config).__name__.removesuffix("Config").lower(),  # ParquetConfig, JsonConfig
        files=files or {name: [] for name in counts},
        rows={name: count for name, count in counts.items() if count},
    )


def _wrong_config(dataset: str, config: str | None, sha: str | None) -> CallError | None:
    import datasets

    names = datasets.get_dataset_config_names(dataset, revision=sha)
    if config is None and len(names) > 1:
        return CallError("dataset_config", f"is missing, {dataset} has several", f"choose one of {_some(names)}")
    if config is not None and config not in names:
        return CallError("dataset_config", f"is {config!r}, which {dataset} does not have", f"choose {_some(names)}")
    return None


def _broken(dataset: str, failure: Exception) -> CallError:
    if trouble := trouble_behind(failure, dataset):
        return trouble
    reason = _plain((str(failure).strip().splitlines() or [type(failure).__name__])[0][:200])
    return CallError("dataset", f"{dataset} cannot be read: {reason}", "check its page on the Hub")


def _sizes(dataset: str, sha: str | None) -> dict[str, int]:
    from huggingface_hub import HfApi

    siblings = HfApi().dataset_info(dataset, revision=sha, files_metadata=True).siblings or []
    return {file.rfilename: file.size or 0 for file in siblings}


def _path_of(url: str) -> str:
    """The path in the repository of `hf://datasets/owner/name@sha/path`."""
    return str(url).split("@", 1)[-1].split("/", 1)[-1]


def _info(name: str, revision: str | None, kind: Kind = "dataset") -> Any:
    """Ask once whether it is there and its files are allowed: without this, the libraries retry for half a minute."""
    from huggingface_hub import HfApi

    api = HfApi()
    try:
        info = api.repo_info(name, revision=revision, repo_type=kind, timeout=TIMEOUT_S)
        if getattr(info, "gated", False):  # what it is is told to everybody, what is in it is not
            api.auth_check(name, repo_type=kind)
        return info
    except Exception as failure:  # noqa: BLE001 (which HTTP library huggingface_hub uses, and so its errors, changes)
        raise explained(failure, name, revision, kind) from None


def _note(name: str, revision: str | None, kind: Kind) -> Path:
    """Where it is noted which commit a revision was: Hugging Face's cache only notes it for files that it fetches."""
    return home() / "commits" / f"{hashlib.sha256(repr((kind, name, revision)).encode()).hexdigest()[:24]}.json"


def _last_seen(name: str, revision: str | None, kind: Kind) -> str | None:
    from huggingface_hub import constants
    from huggingface_hub.file_download import repo_folder_name

    if noted := read_json(_note(name, revision, kind)):
        return str(noted)
    folder = Path(constants.HF_HUB_CACHE) / repo_folder_name(repo_id=name, repo_type=kind)
    try:
        return (folder / "refs" / (revision or "main")).read_text().strip()
    except OSError:
        return revision if revision and (folder / "snapshots" / revision).is_dir() else None


def reachable() -> bool:
    """Whether the Hub answers at all, asked once in a short time: the libraries themselves retry for up to a minute."""
    from huggingface_hub import constants, get_session

    try:
        get_session().head(constants.ENDPOINT, timeout=TIMEOUT_S)
    except Exception:  # noqa: BLE001 (which HTTP library huggingface_hub uses, and so its errors, changes)
        return False
    return True


def _some(names: list[str]) -> str:
    shown = ", ".join(map(_plain, names[:8]))
    return f"{shown} and {len(names) - 8} more" if len(names) > 8 else shown


def _plain(text: str) -> str:
    """What others wrote, without characters that a terminal would obey."""
    return "".join(letter if letter.isprintable() else "?" for letter in text)
