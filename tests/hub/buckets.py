"""Buckets: folders of files without a history, which jobs mount and clients fill and read through Xet."""

from __future__ import annotations

import json
import re
import secrets
import shutil
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from hub.calls import Answer, Call, Refused, Route, as_json
from hub.jobs import written
from hub.xet import Store, shard

if TYPE_CHECKING:
    from hub.server import StandInHub

TOKEN_SECONDS = 3600


@dataclass
class Bucket:
    """Its files lie in a folder of this machine, which is what a job that mounts it sees."""

    id: str
    folder: Path
    private: bool = False
    created_at: float = field(default_factory=time.time)

    @property
    def owner(self) -> str:
        return self.id.split("/")[0]

    def files(self) -> Iterator[tuple[str, Path]]:
        for file in sorted(self.folder.rglob("*")):
            if file.is_file():
                yield file.relative_to(self.folder).as_posix(), file

    def place(self, path: str) -> Path:
        """Where a file of that path lies. Raises Refused for one outside."""
        found = (self.folder / path).resolve()
        if not found.is_relative_to(self.folder.resolve()):
            raise Refused(400, message=f"Invalid path: {path}")
        return found


class Buckets:
    """All buckets of the Hub, and the store that their files go through."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="stand-in-buckets-"))
        self.all: dict[str, Bucket] = {}
        self.store = Store()

    def make(self, id: str, *, private: bool = False) -> Bucket:
        folder = self.folder / id
        folder.mkdir(parents=True)
        self.all[id] = made = Bucket(id, folder, private)
        return made

    def close(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)


def created(hub: StandInHub, call: Call) -> Answer:
    account = hub.writer(call)
    _need_right(hub, call)
    namespace = account if call.named["namespace"] == "me" else call.named["namespace"]
    if not hub.belongs(namespace, account):
        raise Refused(403, message=f"You don't have the rights to create a bucket under the namespace {namespace}")
    id = f"{namespace}/{call.named['name']}"
    if id in hub.buckets.all:
        return Answer(
            409, {"Content-Type": "application/json"}, json.dumps({"url": f"{hub.url}/buckets/{id}"}).encode()
        )
    hub.buckets.make(id, private=(call.json() or {}).get("visibility") == "private")
    return as_json({"url": f"{hub.url}/buckets/{id}"})


def told(hub: StandInHub, call: Call) -> Answer:
    bucket = _bucket(hub, call)
    sizes = [file.stat().st_size for _, file in bucket.files()]
    return as_json(
        {
            "id": bucket.id,
            "private": bucket.private,
            "createdAt": written(bucket.created_at),
            "size": sum(sizes),
            "totalFiles": len(sizes),
        }
    )


def changed(hub: StandInHub, call: Call) -> Answer:
    """A line of JSON for each file that is added or deleted."""
    bucket = _bucket(hub, call, write=True)
    failed = []
    for one in map(json.loads, call.body.splitlines()):
        place = bucket.place(one["path"])
        if one["type"] == "deleteFile":
            place.unlink(missing_ok=True)
            continue
        try:
            content = hub.buckets.store.read(one["xetHash"])
        except KeyError:
            failed.append({"path": one["path"], "error": "No such content was uploaded"})
            continue
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content)
    return Answer(422 if failed else 200, {"Content-Type": "application/json"}, json.dumps({"failed": failed}).encode())


def tree(hub: StandInHub, call: Call) -> Answer:
    bucket, under = _bucket(hub, call), unquote(call.named.get("path") or "")
    deep, listed = call.asks("recursive"), dict[str, dict[str, Any]]()
    for path, file in bucket.files():
        if under and not path.startswith(f"{under.rstrip('/')}/"):
            continue
        rest = path[len(under.rstrip("/")) + 1 :] if under else path
        if deep or "/" not in rest:
            listed[path] = _described(hub, path, file)
        else:
            folder = path[: len(path) - len(rest)] + rest.split("/")[0]
            listed.setdefault(folder, {"type": "directory", "path": folder})
    return as_json(list(listed.values()))


def paths_info(hub: StandInHub, call: Call) -> Answer:
    bucket = _bucket(hub, call)
    places = ((path, bucket.place(path)) for path in call.json()["paths"])
    return as_json([_described(hub, path, place) for path, place in places if place.is_file()])


def resolved(hub: StandInHub, call: Call) -> Answer:
    """A file of a bucket, whole; the headers say where it is in Xet."""
    bucket = _bucket(hub, call)
    place = bucket.place(call.named["path"])
    if not place.is_file():
        raise Refused(404, "EntryNotFound", "Entry not found")
    content = place.read_bytes()
    headers = {
        "ETag": f'"{(name := hub.buckets.store.take(content))}"',
        "X-Xet-Hash": name,
        "X-Xet-Refresh-Route": f"{hub.url}/api/buckets/{bucket.id}/xet-read-token",
        "Content-Type": "application/octet-stream",
    }
    return Answer(200, headers, content)


def xet_token(hub: StandInHub, call: Call) -> Answer:
    _bucket(hub, call, write=call.named["way"] == "write")
    return as_json(pass_for_xet(hub, call.account or ""))


def pass_for_xet(hub: StandInHub, account: str) -> dict[str, Any]:
    """A token that opens Xet and nothing else."""
    name = f"xet-{secrets.token_hex(16)}"
    hub.passes[name] = account
    return {"accessToken": name, "exp": int(time.time()) + TOKEN_SECONDS, "casUrl": hub.url}


def xorb_taken(hub: StandInHub, call: Call) -> Answer:
    hub.buckets.store.xorbs[call.named["hash"]] = call.body
    return as_json({"was_inserted": True})


def shard_taken(hub: StandInHub, call: Call) -> Answer:
    hub.buckets.store.files |= shard(call.body)
    return Answer(200, {"Content-Type": "application/json"}, b'{"type": "result", "result": 1}\n')


def reconstruction(hub: StandInHub, call: Call) -> Answer:
    try:
        return as_json(hub.buckets.store.reconstruction(call.named["hash"], f"{hub.url}/xorbs"))
    except KeyError:
        raise Refused(404, message="No such file") from None


def xorb(hub: StandInHub, call: Call) -> Answer:
    found = hub.buckets.store.xorbs.get(call.named["hash"])
    if found is None:
        raise Refused(404, message="No such xorb")
    asked = re.fullmatch(r"bytes=(\d+)-(\d+)", call.headers.get("Range", ""))
    if asked is None:
        return Answer(200, {}, found)
    start, end = int(asked[1]), int(asked[2])
    return Answer(206, {"Content-Range": f"bytes {start}-{end}/{len(found)}"}, found[start : end + 1])


def _described(hub: StandInHub, path: str, file: Path) -> dict[str, Any]:
    return {
        "type": "file",
        "path": path,
        "size": file.stat().st_size,
        "xetHash": hub.buckets.store.take(file.read_bytes()),
        "mtime": written(file.stat().st_mtime),
    }


def _bucket(hub: StandInHub, call: Call, *, write: bool = False) -> Bucket:
    """The bucket that is asked for. What is private looks as if it were not there. Raises Refused."""
    bucket = hub.buckets.all.get(call.named["id"])
    mine = bucket is not None and hub.belongs(bucket.owner, call.account)
    if bucket is None or (bucket.private and not mine):
        raise Refused(404 if call.account else 401, "RepoNotFound", "Bucket not found")
    _need_right(hub, call)
    if write and (not mine or call.account in hub.readers):
        raise Refused(403, message="Forbidden: no write access to this bucket")
    return bucket


def _need_right(hub: StandInHub, call: Call) -> None:
    if call.account in hub.no_buckets:
        raise Refused(403, message="Forbidden: the token has no right to buckets")


_ID, _HASH = r"(?P<id>[^/]+/[^/]+)", r"(?P<hash>[0-9a-f]{64})"
_API = f"/api/buckets/{_ID}"
ROUTES: list[Route] = [
    ("POST", re.compile("/api/buckets/(?P<namespace>[^/]+)/(?P<name>[^/]+)"), created),
    ("GET", re.compile(_API), told),
    ("POST", re.compile(f"{_API}/batch"), changed),
    ("POST", re.compile(f"{_API}/paths-info"), paths_info),
    ("GET", re.compile(rf"{_API}/tree(?:/(?P<path>.+))?"), tree),
    ("GET", re.compile(f"{_API}/xet-(?P<way>read|write)-token"), xet_token),
    ("GET", re.compile(rf"/buckets/{_ID}/resolve/(?P<path>.+)"), resolved),
    ("POST", re.compile(f"/v1/xorbs/default/{_HASH}"), xorb_taken),
    ("POST", re.compile("/v[12]/shards"), shard_taken),
    ("GET", re.compile(f"/v1/reconstructions/{_HASH}"), reconstruction),
    ("GET", re.compile(f"/xorbs/{_HASH}"), xorb),
]
