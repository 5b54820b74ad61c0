"""Push an export to the Hub: into a new repo, or on into the one that this very run has begun.

A repo is at first empty, then it has the mark of its run, then with one commit all files: nobody ever finds half a model
there. Each step looks at what is there, so that an interrupted push goes on by being called again. Weights that are
there are never replaced, and a repo's visibility is never changed.
"""

from __future__ import annotations

import hashlib
import json
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tunebook.pipeline.backends.hf_jobs.access import MARKER
from tunebook.pipeline.errors import CallError, WorkFailed
from tunebook.pipeline.export.hub_repo import FIELD, HubRepo, There, Trouble
from tunebook.pipeline.export.model_card import License, model_card
from tunebook.pipeline.export.push_config import HUB_ID, Push
from tunebook.pipeline.export.result import ExportResult
from tunebook.pipeline.home import read_json, write_json

if TYPE_CHECKING:
    from huggingface_hub.hf_api import RepoFile

CARD = "README.md"
#: What was asked of the Hub before it answered, beside the exported files.
RECORD = ".push.json"
WEIGHTS = (".safetensors", ".gguf")
#: Between one try and the next.
PAUSES_S = (1.0, 5.0)

Tell = Callable[[str, float], None]  # what is going on, and which share of the push is done


@dataclass(frozen=True)
class Local:
    """A file of the push, by its name in the repo. The Hub knows large files by sha256 and small ones by git's id."""

    name: str
    content: Path | bytes
    size: int
    sha256: str
    git: str

    def same(self, there: RepoFile | None) -> bool:
        if there is None:
            return False
        return there.lfs.sha256 == self.sha256 if there.lfs else there.blob_id == self.git


@dataclass
class Pushed:
    """What is on the Hub now, at commit `sha`."""

    repo: str
    url: str
    sha: str
    private: bool
    notes: list[str] = field(default_factory=list)


def need_push(push: Push, run: str, out: Path) -> None:
    """Raises CallError where the push would be refused. Where the Hub is in trouble it may be well again by then."""
    try:
        repo = HubRepo(push.repo)
        repo.need_rights()
        there = repo.look()
    except Trouble:
        return
    if there is not None:
        _need_ours(push, run, there, asked=_asked(push, run, out))


def push_export(
    push: Push, run: str, done: ExportResult, *, checkpoint: str, base: str | None, out: Path, tell: Tell
) -> Pushed:
    """Push the merged model and the GGUF files of an export, with a card. `checkpoint` is the name of what was exported.

    Raises CallError where it is refused, and WorkFailed where the Hub stays in trouble or holds other bytes than we do.
    """
    repo = HubRepo(push.repo)
    tell("reading what is pushed", 0)
    license = _license(repo, base)
    card = model_card(push, checkpoint, _shown(base), license, done.gguf).encode()
    files = [*_exported(done), _in_memory(CARD, card)]
    for pause in (*PAUSES_S, None):
        try:
            return _go_on(repo, push, run, files, out, tell)
        except Trouble as trouble:
            if pause is None:
                raise WorkFailed(f"{push.repo} is not pushed to its end, {trouble}; push again to go on") from None
            tell(f"trying again: {trouble}", 0)
            time.sleep(pause)
    raise AssertionError("the last try returns or raises")


def run_of_weights(folder: Path) -> str:
    """Who may go on with the push of a folder that no run made: whoever has the same weights."""
    digest = hashlib.sha256()
    for file in sorted(folder.glob("*.safetensors")):
        with file.open("rb") as opened:
            digest.update(hashlib.file_digest(opened, "sha256").digest())
    return f"weights-{digest.hexdigest()[:16]}"


def _go_on(repo: HubRepo, push: Push, run: str, files: list[Local], out: Path, tell: Tell) -> Pushed:
    """One try, from wherever the last one ended."""
    from huggingface_hub import CommitOperationAdd

    there = repo.look()
    if there is None:
        # Before it is asked for: a repo that was made unseen is known as ours.
        write_json(out / RECORD, {"repo": push.repo, "run": run})
        tell(f"making {push.repo}", 0)
        repo.create(push.private)
        there = repo.look()
        if there is None:
            raise Trouble("the repo is not to be seen yet")
    _need_ours(push, run, there, asked=_asked(push, run, out))
    if there.marker is None:
        repo.commit([CommitOperationAdd(MARKER, _marker(run, None))], there.sha, "Begin")
        there = repo.look() or there

    notes = []
    card = next(file for file in files if file.name == CARD)
    if _edited(there, card):
        notes.append(f"{CARD} on the Hub was changed there and stays as it is")
        files = [file for file in files if file is not card]
    else:
        files = [*files, _in_memory(MARKER, _marker(run, card.git))]
    missing = [file for file in files if not file.same(there.files.get(file.name))]
    other = next((file for file in missing if file.name in there.files and file.name.endswith(WEIGHTS)), None)
    if other:
        raise CallError(FIELD, f"{push.repo} has another {other.name} already", "push to another name")
    sha = there.sha
    if missing:
        additions = [
            CommitOperationAdd(one.name, one.content if isinstance(one.content, bytes) else str(one.content))
            for one in missing
        ]
        total, sent = sum(file.size for file in missing), 0
        for file, addition in zip(missing, additions, strict=True):
            tell(f"pushing {file.name}", sent / total)
            if file.name.endswith(WEIGHTS):
                repo.upload(addition)
            sent += file.size
        tell(f"committing to {push.repo}", 1)
        sha = repo.commit(additions, there.sha, "Model, tokenizer and card")
    _verify(repo, sha, files)
    return Pushed(push.repo, repo.url, sha, there.private, notes)


def _asked(push: Push, run: str, out: Path) -> bool:
    """Whether an earlier try asked the Hub for this repo."""
    return bool(read_json(out / RECORD) == {"repo": push.repo, "run": run})


def _need_ours(push: Push, run: str, there: There, *, asked: bool) -> None:
    """Raises CallError for a repo that another made, and for one that shows to all what is to be private.

    One without a mark is ours only where it was `asked` for by this push, and nothing is in it.
    """
    marked = there.marker is not None and there.marker.get("run") == run
    if not marked and not (asked and there.empty):
        raise CallError(FIELD, f"{push.repo} is there already, and this run did not make it", "push to another name")
    if push.private and not there.private:
        raise CallError(
            FIELD, f"{push.repo} is public, and this push is private", "make it private there, or push to another name"
        )


def _edited(there: There, card: Local) -> bool:
    """Whether a person changed the card on the Hub: it is none that was pushed."""
    held = there.files.get(CARD)
    pushed = there.marker.get("card") if there.marker else None
    return held is not None and held.blob_id not in (pushed, card.git)


def _verify(repo: HubRepo, sha: str, files: list[Local]) -> None:
    held = repo.files(sha)
    wrong = [file.name for file in files if not file.same(held.get(file.name))]
    if wrong:
        raise WorkFailed(f"{repo.repo} at {sha[:12]} does not hold the {wrong[0]} that was exported")


def _exported(done: ExportResult) -> Iterator[Local]:
    """The files of an export. Raises WorkFailed for a GGUF that is no longer the one that was compared."""
    assert done.merged
    for path in sorted(Path(done.merged).iterdir()):
        if path.is_file() and not path.name.startswith(".") and path.name != CARD:
            yield _on_disk(path)
    for gguf in done.gguf:
        local = _on_disk(Path(gguf.file))
        if local.sha256 != gguf.sha256:
            raise WorkFailed(f"{local.name} was changed after it was made, so it is not pushed: export again")
        yield local


def _on_disk(path: Path) -> Local:
    size = path.stat().st_size
    sha256, git = hashlib.sha256(), hashlib.sha1(b"blob %d\0" % size)
    with path.open("rb") as file:
        while piece := file.read(1 << 20):
            sha256.update(piece)
            git.update(piece)
    return Local(path.name, path, size, sha256.hexdigest(), git.hexdigest())


def _in_memory(name: str, content: bytes) -> Local:
    git = hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()
    return Local(name, content, len(content), hashlib.sha256(content).hexdigest(), git)


def _marker(run: str, card: str | None) -> bytes:
    return (json.dumps({"run": run, **({"card": card} if card else {})}) + "\n").encode()


def _shown(base: str | None) -> str | None:
    """A base as the card names it: its id on the Hub where it has one, of a path only the last part."""
    if base is None:
        return None
    cached = re.search(r"models--([^/]+)--([^/]+)/snapshots/[^/]+/?$", base)
    if cached:
        return f"{cached[1]}/{cached[2]}"
    return base if re.fullmatch(HUB_ID, base) and not Path(base).exists() else Path(base).name


def _license(repo: HubRepo, base: str | None) -> License | None:
    """The license on the base's own card, in its folder or on the Hub."""
    if base is None:
        return None
    shown, card = _shown(base) or "", Path(base).expanduser() / CARD
    told: Any = None
    if card.is_file():
        from huggingface_hub import ModelCard

        try:
            told = ModelCard(card.read_text(encoding="utf-8"), ignore_metadata_errors=True).data
        except Exception:  # noqa: BLE001 (a card that no YAML reader reads tells no license)
            return None
    elif re.fullmatch(HUB_ID, shown):
        told = repo.license_of(shown)
    id, name, link = (getattr(told, key, None) for key in ("license", "license_name", "license_link"))
    if not isinstance(id, str) or not re.fullmatch(r"[a-z0-9][a-z0-9.+-]{0,63}", id):
        return None
    return License(id, *(value if id == "other" and isinstance(value, str) else None for value in (name, link)))
