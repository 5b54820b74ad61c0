"""The part of the Hub's API that reads: who is there, what a repository is, its tree, its commits, its files.

A private repository is not there for anybody but its owner; a gated one tells its tree to all, its files to the granted.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

import yaml
from hub.calls import Answer, Call, Refused, Route, as_json
from hub.repos import MAIN, Blob, Kind, NotThere, Repo

if TYPE_CHECKING:
    from hub.server import StandInHub


def whoami(hub: StandInHub, call: Call) -> Answer:
    if call.account is None:
        raise Refused(401, message="Invalid username or password.")
    pays = hub.credit.get(call.account, 1.0) > 0
    organisations = sorted(hub.organisations.get(call.account, ()))
    role = "read" if call.account in hub.readers else "write"
    return as_json(
        {
            "type": "user",
            "id": call.account,
            "name": call.account,
            "fullname": call.account.title(),
            "isPro": False,
            "canPay": pays,
            "orgs": [
                {"type": "org", "id": one, "name": one, "canPay": hub.credit.get(one, 1.0) > 0, "roleInOrg": "write"}
                for one in organisations
            ],
            "auth": {"type": "access_token", "accessToken": {"displayName": "stand-in", "role": role}},
            **hub.told.get(call.account, {}),
        }
    )


def info(hub: StandInHub, call: Call) -> Answer:
    repo = found(hub, call)
    commit = repo.at(call.named.get("revision", MAIN))
    sizes = call.asks("blobs")
    return as_json(
        {
            "_id": commit.sha[:24],
            "id": repo.id,
            "author": repo.owner,
            "sha": commit.sha,
            "private": repo.private,
            "gated": "manual" if repo.gated else False,
            "disabled": False,
            "downloads": 0,
            "likes": 0,
            "tags": [],
            **_card(commit.files.get("README.md")),
            "lastModified": commit.when,
            "createdAt": repo.history(MAIN)[-1].when,
            "siblings": [
                {"rfilename": path, **({"size": blob.size, "blobId": blob.oid} if sizes else {})}
                for path, blob in sorted(commit.files.items())
            ],
        }
    )


def _card(readme: Blob | None) -> dict[str, Any]:
    """The head of a repository's card, as the Hub reads it."""
    head = re.match(r"---\n(.*?)\n---\n", readme.read(0, readme.size).decode(), re.DOTALL) if readme else None
    return {"cardData": yaml.safe_load(head[1])} if head else {}


def auth_check(hub: StandInHub, call: Call) -> Answer:
    need_files(found(hub, call), call)
    return as_json({})


def tree(hub: StandInHub, call: Call) -> Answer:
    commit = found(hub, call).at(call.named["revision"])
    under = f"{call.named['path'].rstrip('/')}/" if call.named.get("path") else ""
    listed: dict[str, dict[str, Any]] = {}
    for path, blob in sorted(commit.files.items()):
        parts = path.removeprefix(under).split("/")
        if not path.startswith(under):
            continue
        deep = call.asks("recursive")
        for depth in range(1, len(parts) if deep else min(len(parts), 2)):
            folder = under + "/".join(parts[:depth])
            listed.setdefault(folder, {"type": "directory", "path": folder, "oid": blob.oid, "size": 0})
        if deep or len(parts) == 1:
            listed[path] = described(path, blob)
    if under and not listed:
        raise NotThere("EntryNotFound", commit.sha)
    return as_json(list(listed.values()))


def paths_info(hub: StandInHub, call: Call) -> Answer:
    commit = found(hub, call).at(call.named["revision"])
    wanted = parse_qs(call.body.decode()).get("paths", [])
    return as_json([described(path, commit.files[path]) for path in wanted if path in commit.files])


def commits(hub: StandInHub, call: Call) -> Answer:
    return as_json(
        [
            {"id": one.sha, "title": one.message, "message": "", "date": one.when, "authors": []}
            for one in found(hub, call).history(call.named["revision"])
        ]
    )


def resolve(hub: StandInHub, call: Call) -> Answer:
    """A file, or the part of it that `Range` asks for."""
    repo = found(hub, call)
    commit = repo.at(call.named["revision"])
    need_files(repo, call)
    blob = commit.files.get(call.named["path"])
    if blob is None:
        raise NotThere("EntryNotFound", commit.sha)
    headers = {
        "ETag": f'"{blob.sha256 or blob.oid}"',
        "X-Repo-Commit": commit.sha,
        "Accept-Ranges": "bytes",
        "Content-Type": "application/octet-stream",
    }
    asked = re.fullmatch(r"bytes=(\d+)-(\d*)", call.headers.get("Range", ""))
    if asked is None:
        return Answer(200, headers, blob, 0, blob.size)
    start = int(asked[1])
    stop = min(int(asked[2]) + 1 if asked[2] else blob.size, blob.size)
    if start >= blob.size:
        return Answer(416, headers | {"Content-Range": f"bytes */{blob.size}"})
    return Answer(206, headers | {"Content-Range": f"bytes {start}-{stop - 1}/{blob.size}"}, blob, start, stop)


def described(path: str, blob: Blob) -> dict[str, Any]:
    large = {"oid": blob.sha256, "size": blob.size, "pointerSize": 134}
    return {
        "type": "file",
        "path": path,
        "oid": blob.oid,
        "size": blob.size,
        **({"lfs": large} if blob.sha256 else {}),
    }


def found(hub: StandInHub, call: Call) -> Repo:
    """The repository that is asked for. What is private looks as if it were not there. Raises Refused."""
    kind: Kind = "dataset" if "datasets" in call.named["kind"] else "model"
    repo = hub.repos.get((kind, call.named["id"]))
    if repo is None or (repo.private and not hub.belongs(repo.owner, call.account)):
        if call.account is None:  # the Hub then does not even say that it is not there
            raise Refused(401, message="Invalid username or password.")
        raise Refused(404, "RepoNotFound", "Repository not found")
    return repo


def need_files(repo: Repo, call: Call) -> None:
    if repo.gated and call.account != repo.owner and call.account not in repo.granted:
        message = f"Access to {repo.kind} {repo.id} is restricted."
        raise Refused(401 if call.account is None else 403, "GatedRepo", message)


_KIND, _ID = r"(?P<kind>datasets|models)", r"(?P<id>[^/]+/[^/]+)"
_REPO, _AT = rf"/api/{_KIND}/{_ID}", r"/(?P<revision>[^/]+)"
ROUTES: list[Route] = [
    ("GET", re.compile("/api/whoami-v2"), whoami),
    ("GET", re.compile(_REPO), info),
    ("GET", re.compile(rf"{_REPO}/revision{_AT}"), info),
    ("GET", re.compile(rf"{_REPO}/auth-check"), auth_check),
    ("GET", re.compile(rf"{_REPO}/tree{_AT}(?:/(?P<path>.+))?"), tree),
    ("POST", re.compile(rf"{_REPO}/paths-info{_AT}"), paths_info),
    ("GET", re.compile(rf"{_REPO}/commits{_AT}"), commits),
    ("GET", re.compile(rf"/(?P<kind>datasets/|){_ID}/resolve{_AT}/(?P<path>.+)"), resolve),
]
