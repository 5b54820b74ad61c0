"""The part of the Hub's API that writes: repositories are made, changed by commits, and deleted."""

from __future__ import annotations

import base64
import json
import re
from typing import TYPE_CHECKING, Any

from hub.buckets import pass_for_xet
from hub.calls import Answer, Call, Refused, Route, as_json
from hub.reading import found
from hub.repos import Blob, Kind, Repo

if TYPE_CHECKING:
    from hub.server import StandInHub

#: Kept as large files, beside all that are larger than this many bytes.
LARGE = re.compile(r".*\.(safetensors|bin|gguf|parquet|arrow|zst|gz|pt)")
LARGEST = 10_000_000


def created(hub: StandInHub, call: Call) -> Answer:
    account, asked = hub.writer(call), call.json()
    owner = asked.get("organization") or account
    _owned(hub, owner, account)
    kind: Kind = asked.get("type", "model")
    id = f"{owner}/{asked['name']}"
    url = {"url": f"{hub.url}/{'datasets/' if kind == 'dataset' else ''}{id}", "id": id}
    if (kind, id) in hub.repos:
        message = "You already created this repo"
        return Answer(409, {"X-Error-Message": message}, json.dumps(url | {"error": message}).encode())
    hub.repo(kind, id, private=asked.get("visibility") == "private" or asked.get("private", False)).commit({})
    return as_json(url)


def deleted(hub: StandInHub, call: Call) -> Answer:
    account, asked = hub.writer(call), call.json()
    owner = asked.get("organization") or account
    _owned(hub, owner, account)
    if hub.repos.pop((asked.get("type", "model"), f"{owner}/{asked['name']}"), None) is None:
        raise Refused(404, "RepoNotFound", "Repository not found")
    return as_json({})


def settings(hub: StandInHub, call: Call) -> Answer:
    repo, asked = _mine(hub, call), call.json()
    if "visibility" in asked or "private" in asked:
        repo.private = asked.get("visibility") == "private" or asked.get("private", False)
    return as_json({})


def preuploaded(hub: StandInHub, call: Call) -> Answer:
    """Which files go by themselves, and which through Xet."""
    _mine(hub, call)
    return as_json(
        {
            "files": [
                {
                    "path": one["path"],
                    "uploadMode": "lfs" if one["size"] > LARGEST or LARGE.fullmatch(one["path"]) else "regular",
                    "shouldIgnore": False,
                }
                for one in call.json()["files"]
            ]
        }
    )


def committed(hub: StandInHub, call: Call) -> Answer:
    """One line of JSON for the commit itself, and one for each file. A parent that is not the newest commit is refused."""
    repo = _mine(hub, call)
    branch = call.named["revision"]
    head, *changes = map(json.loads, call.body.splitlines())
    before = repo.branches.get(branch) or []
    parent = head["value"].get("parentCommit")
    if parent and (not before or before[-1].sha != parent):
        raise Refused(412, message="The branch has moved since the parent commit")
    files: dict[str, bytes | str | Blob | None] = {}
    for change in changes:
        files |= _change(hub, repo, branch, change["key"], change["value"])
    sha = repo.commit(files, branch=branch, message=head["value"]["summary"])
    return as_json(
        {"success": True, "commitOid": sha, "commitUrl": f"{hub.url}/{repo.id}/commit/{sha}", "hookOutput": ""}
    )


def _change(
    hub: StandInHub, repo: Repo, branch: str, key: str, value: dict[str, Any]
) -> dict[str, bytes | Blob | None]:
    path = value["path"]
    if key == "file":
        return {path: base64.b64decode(value["content"])}
    if key == "lfsFile":
        content = hub.buckets.store.by_sha256(value["oid"])
        if content is None:
            raise Refused(400, message=f"{path} was not uploaded")
        return {path: Blob(content, sha256=value["oid"])}
    held = repo.at(branch).files
    if key == "deletedFile":
        return {path: None}
    return {name: None for name in held if name.startswith(f"{path.rstrip('/')}/")}


def xet_token(hub: StandInHub, call: Call) -> Answer:
    repo = _mine(hub, call) if call.named["way"] == "write" else found(hub, call)
    return as_json(pass_for_xet(hub, repo.owner))


def checked(_hub: StandInHub, _call: Call) -> Answer:
    return as_json({"errors": [], "warnings": []})


def _mine(hub: StandInHub, call: Call) -> Repo:
    repo = found(hub, call)
    _owned(hub, repo.owner, hub.writer(call))
    return repo


def _owned(hub: StandInHub, owner: str, account: str) -> None:
    if not hub.belongs(owner, account):
        raise Refused(403, message=f"You don't have the rights to write under the namespace {owner}")


_REPO = r"/api/(?P<kind>datasets|models)/(?P<id>[^/]+/[^/]+)"
_AT = r"/(?P<revision>[^/]+)"
ROUTES: list[Route] = [
    ("POST", re.compile("/api/repos/create"), created),
    ("DELETE", re.compile("/api/repos/delete"), deleted),
    ("PUT", re.compile(f"{_REPO}/settings"), settings),
    ("POST", re.compile(f"{_REPO}/preupload{_AT}"), preuploaded),
    ("POST", re.compile(f"{_REPO}/commit{_AT}"), committed),
    ("GET", re.compile(f"{_REPO}/xet-(?P<way>read|write)-token(?:{_AT})?"), xet_token),
    ("POST", re.compile("/api/validate-yaml"), checked),
]
