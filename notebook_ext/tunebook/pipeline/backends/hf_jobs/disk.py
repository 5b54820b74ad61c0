"""The disk of a run that outlives its jobs' containers: a folder in the private bucket NAMESPACE/tunebook.

A job sees the run's folder at MOUNT and works in it, as a local job works in the folder here.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from tunebook.pipeline.backends.hf_jobs.hub import JobsHub

if TYPE_CHECKING:
    from huggingface_hub import BucketFile, Volume

MOUNT = "/tunebook"
CARRY_S = 900.0  # for an upload or a download of all files
#: What is brought here by itself. The rest stays in the bucket, where it costs no transfer.
FILE_MOST, ALL_MOST = 512 << 20, 2 << 30


class RunDisk:
    def __init__(self, hub: JobsHub, run_id: str) -> None:
        self.hub, self.bucket, self.prefix = hub, f"{hub.namespace}/tunebook", f"runs/{run_id}"

    def volume(self) -> Volume:
        from huggingface_hub import Volume

        return Volume(type="bucket", source=self.bucket, mount_path=MOUNT, path=self.prefix)

    def put(self, files: dict[str, Path]) -> None:
        """Upload files under these names. The bucket is made if it is not there; one that is there stays as it is."""

        def put() -> None:
            self.hub.api.create_bucket(self.bucket, private=True, exist_ok=True)
            self.hub.api.batch_bucket_files(
                self.bucket, add=[(str(path), f"{self.prefix}/{name}") for name, path in files.items()]
            )

        self.hub.ask(put, CARRY_S)

    def write(self, name: str, content: bytes) -> None:
        self.hub.ask(lambda: self.hub.api.batch_bucket_files(self.bucket, add=[(content, f"{self.prefix}/{name}")]))

    def read(self, name: str, path: Path) -> None:
        """One file of the run's folder. Raises Refused where it is not there."""
        wanted: list[tuple[str | BucketFile, str | Path]] = [(f"{self.prefix}/{name}", path)]
        self.hub.ask(
            lambda: self.hub.api.download_bucket_files(self.bucket, wanted, raise_on_missing_files=True), CARRY_S
        )

    def get(self, folder: Path) -> list[str]:
        """Bring everything that is not too large to this folder, what is there of the same size left as it is. Returns
        the names of what stays in the bucket.
        """

        def get() -> list[str]:
            wanted, left = chosen(self._files())
            missing: list[tuple[str | BucketFile, str | Path]] = []
            for name, file in wanted.items():
                path = folder / name
                if not path.is_file() or path.stat().st_size != file.size:
                    path.parent.mkdir(parents=True, exist_ok=True)
                    missing.append((file, path))
            if missing:
                self.hub.api.download_bucket_files(self.bucket, missing, raise_on_missing_files=True)
            return left

        return self.hub.ask(get, CARRY_S)

    def _files(self) -> dict[str, BucketFile]:
        """By their names in the run's folder. A name that leads out of it is none of ours."""
        found = self.hub.api.list_bucket_tree(self.bucket, prefix=self.prefix, recursive=True)
        named = {one.path.removeprefix(f"{self.prefix}/"): one for one in found if one.type == "file"}
        return {name: one for name, one in named.items() if not {"", "..", "."} & set(name.split("/"))}


def chosen(files: dict[str, BucketFile]) -> tuple[dict[str, BucketFile], list[str]]:
    """The files that are brought, the smallest first until it is too much, and the names of the others."""
    wanted: dict[str, BucketFile] = {}
    room = ALL_MOST
    for name, file in sorted(files.items(), key=lambda item: (item[1].size, item[0])):
        if file.size <= FILE_MOST and file.size <= room:
            wanted[name] = file
            room -= file.size
    return wanted, sorted(set(files) - set(wanted))
