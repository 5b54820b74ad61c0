"""A Hub data set's rows as Parquet files on this machine: its own files, or the copy that the Hub made of them.

The Hub keeps its copy on the branch refs/convert/parquet, `CONFIG/SPLIT/0000.parquet`, in the order of the rows. It is
taken only where it is complete and no older than the commit that is looked at.
"""

from __future__ import annotations

from collections.abc import Sequence

from tunebook.pipeline.data.hub import HubFile, HubSet, at_commit
from tunebook.pipeline.data.hub_files import Tell, fetched
from tunebook.pipeline.data.large import WHOLE_MOST
from tunebook.pipeline.data.source import Source

CONVERTED = "refs/convert/parquet"


def as_parquet(
    source: Source, splits: Sequence[str], tell: Tell = lambda share: None, found: HubSet | None = None
) -> Source | None:
    """The splits as local Parquet files, fetched if they are not there yet; None where the Hub has none of a size to fetch.

    `tell` is told the share that is there; `found` is what the Hub says of the data set, where that is known already.
    Raises CallError where the disk has no room for them.
    """
    if source.builder is not None or not source.revision:
        return None
    found = found or at_commit(source.path, source.config, source.revision)
    revision: str | None = source.revision
    if found.builder == "parquet":
        files = {split: found.files[split] for split in splits}
    else:
        revision, files = _converted(source, splits, found.config)
    if revision is None or not 0 < sum(file.size for part in files.values() for file in part) <= WHOLE_MOST:
        return None
    local = fetched(source.path, revision, files, tell)
    return Source("parquet", source.path, local, None, None, source.train_split, source.eval_split)


def _converted(source: Source, splits: Sequence[str], config: str) -> tuple[str | None, dict[str, list[HubFile]]]:
    """The commit of the Hub's own copy and its files of these splits; None where it is missing, partial or too old."""
    from huggingface_hub import HfApi
    from huggingface_hub.hf_api import RepoFile

    api, kind = HfApi(), "dataset"
    try:
        head, copy = (api.list_repo_commits(source.path, repo_type=kind, revision=at)[0] for at in (None, CONVERTED))
        if head.commit_id != source.revision or copy.created_at < head.created_at:
            return None, {}
        files = {
            split: [
                HubFile(entry.path, entry.size)
                for entry in api.list_repo_tree(
                    source.path, f"{config}/{split}", repo_type=kind, revision=copy.commit_id
                )
                if isinstance(entry, RepoFile) and entry.path.endswith(".parquet")
            ]
            for split in splits
        }
    except Exception:  # noqa: BLE001 (not every data set has one: the rows are then read from its own files)
        return None, {}
    return copy.commit_id, {split: sorted(part, key=lambda file: file.path) for split, part in files.items()}
