"""The disk of a run as a folder in the private bucket NAMESPACE/tunebook.

A job has it mounted and works in it, as a local job works in the folder here.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from tunebook.pipeline.backends.hf_jobs.disk import CARRY_S, MOUNT, chosen, missing_here, stays_inside
from tunebook.pipeline.backends.hf_jobs.hub import JobsHub, Refused

if TYPE_CHECKING:
    from huggingface_hub import BucketFile, Volume

#: What hf_xet makes of a refusal: a ConnectionError, as of a broken line.
_REFUSED = re.compile(r"HTTP status client error \((40[234]) ([^)]*)\)")


class BucketDisk:
    kind = "bucket"
    #: In the run's folder: what is run there is what was sent, to the byte.
    command = 'cd "$0" && printf %s "$1" | sha256sum --check --quiet --strict - && shift && exec uv run --quiet "$@"'
    needs_token = False

    def __init__(self, hub: JobsHub, run_id: str) -> None:
        self.hub, self.bucket, self.prefix = hub, f"{hub.namespace}/tunebook", f"runs/{run_id}"
        self.env = {"UV_FIND_LINKS": f"{MOUNT}/code"}

    def volume(self, revision: str | None) -> Volume:
        from huggingface_hub import Volume

        assert revision is None
        return Volume(type="bucket", source=self.bucket, mount_path=MOUNT, path=self.prefix)

    def put(self, files: dict[str, Path]) -> None:
        """The bucket is made if it is not there; one that is there stays as it is."""

        def put() -> None:
            self.hub.api.create_bucket(self.bucket, private=True, exist_ok=True)
            try:
                self.hub.api.batch_bucket_files(
                    self.bucket, add=[(str(path), f"{self.prefix}/{name}") for name, path in files.items()]
                )
            except ConnectionError as failure:
                if refused := _REFUSED.search(str(failure)):
                    raise Refused(int(refused[1]), refused[2]) from None
                raise

        self.hub.ask(put, CARRY_S)

    def write(self, name: str, content: bytes) -> None:
        self.hub.ask(lambda: self.hub.api.batch_bucket_files(self.bucket, add=[(content, f"{self.prefix}/{name}")]))

    def read(self, name: str, path: Path) -> None:
        wanted: list[tuple[str | BucketFile, str | Path]] = [(f"{self.prefix}/{name}", path)]
        self.hub.ask(
            lambda: self.hub.api.download_bucket_files(self.bucket, wanted, raise_on_missing_files=True), CARRY_S
        )

    def get(self, folder: Path) -> list[str]:
        def get() -> list[str]:
            wanted, left = chosen(self._files())
            missing: list[tuple[str | BucketFile, str | Path]] = []
            for name, file in missing_here(wanted, folder).items():
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                missing.append((file, folder / name))
            if missing:
                self.hub.api.download_bucket_files(self.bucket, missing, raise_on_missing_files=True)
            return left

        return self.hub.ask(get, CARRY_S)

    def address(self, name: str) -> str:
        return f"hf://buckets/{self.bucket}/{self.prefix}/{name}"

    def _files(self) -> dict[str, BucketFile]:
        """By their names in the run's folder."""
        found = self.hub.api.list_bucket_tree(self.bucket, prefix=self.prefix, recursive=True)
        named = {one.path.removeprefix(f"{self.prefix}/"): one for one in found if one.type == "file"}
        return {name: one for name, one in named.items() if stays_inside(name)}
