"""The disk of a run as a private repository of its own, NAMESPACE/tunebook-RUN_ID: for accounts that may have no bucket.

A job has the commit that it was sent with mounted, to read only. It copies that into a folder where it may write, works
there, and commits what it makes itself (keeper.py); the next attempt is sent with all of it.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from tunebook.pipeline.backends.base import JobRefused
from tunebook.pipeline.backends.hf_jobs.disk import CARRY_S, MOUNT, chosen, missing_here, stays_inside
from tunebook.pipeline.backends.hf_jobs.hub import JobsHub

if TYPE_CHECKING:
    from huggingface_hub import Volume
    from huggingface_hub.hf_api import RepoFile

#: Tells a job which repository to keep its work in.
KEEP_IN = "TUNEBOOK_KEEP_IN"
#: The Hub puts it into every repository.
_ITS_OWN = ".gitattributes"


class RepoDisk:
    kind = "repository"
    #: A copy has the modes of new files: those that are mounted may not be written to.
    command = (
        'work="${TMPDIR:-/tmp}/tunebook-run" && mkdir -p "$work" && cp -R --no-preserve=mode "$0"/. "$work" && cd "$work" '
        '&& printf %s "$1" | sha256sum --check --quiet --strict - && shift && export UV_FIND_LINKS="$work/code" '
        '&& exec uv run --quiet "$@"'
    )
    needs_token = True

    def __init__(self, hub: JobsHub, run_id: str) -> None:
        self.hub, self.repo = hub, f"{hub.namespace}/tunebook-{run_id}"
        self.env = {KEEP_IN: self.repo}

    def volume(self, revision: str | None) -> Volume:
        from huggingface_hub import Volume

        assert revision is not None
        return Volume(type="model", source=self.repo, mount_path=MOUNT, revision=revision, read_only=True)

    def put(self, files: dict[str, Path]) -> str:
        """The repository is made if it is not there. Raises JobRefused where it is there, and others may read it."""
        from huggingface_hub import CommitOperationAdd

        def put() -> str:
            self.hub.api.create_repo(self.repo, private=True, exist_ok=True)
            if not self.hub.api.model_info(self.repo).private:
                what = "The job was not sent, so nothing was started and nothing is spent."
                why = f"Its checkpoints would be public: so is the repository {self.repo}."
                raise JobRefused(what, why, "Make it private on its page, and run it again.")
            added = [CommitOperationAdd(name, str(path)) for name, path in files.items()]
            return str(self.hub.api.create_commit(self.repo, added, commit_message="What a job is sent with").oid)

        return self.hub.ask(put, CARRY_S)

    def write(self, name: str, content: bytes) -> None:
        from huggingface_hub import CommitOperationAdd

        added = [CommitOperationAdd(name, content)]
        self.hub.ask(lambda: self.hub.api.create_commit(self.repo, added, commit_message=name))

    def read(self, name: str, path: Path) -> None:
        self.hub.ask(lambda: self._download({name: path}, None), CARRY_S)

    def get(self, folder: Path) -> list[str]:
        def get() -> list[str]:
            revision = str(self.hub.api.model_info(self.repo).sha)
            wanted, left = chosen(self._files(revision))
            missing = missing_here(wanted, folder)
            self._download({name: folder / name for name in missing}, revision)
            return left

        return self.hub.ask(get, CARRY_S)

    def address(self, name: str) -> str:
        return f"hf://{self.repo}/{name}"

    def _files(self, revision: str) -> dict[str, RepoFile]:
        from huggingface_hub.hf_api import RepoFile

        found = self.hub.api.list_repo_tree(self.repo, recursive=True, revision=revision)
        files = {one.path: one for one in found if isinstance(one, RepoFile) and one.path != _ITS_OWN}
        return {name: one for name, one in files.items() if stays_inside(name)}

    def _download(self, files: dict[str, Path], revision: str | None) -> None:
        """Each file is there whole or not at all, and nothing of the client's own beside it."""
        for name, path in files.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(dir=path.parent, prefix=".part-") as part:
                found = self.hub.api.hf_hub_download(self.repo, name, revision=revision, local_dir=part)
                os.replace(found, path)
