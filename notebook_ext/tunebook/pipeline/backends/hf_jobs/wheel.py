"""The wheel of the tunebook that is at work here, which travels with its jobs: no copy of our code in a second place."""

from __future__ import annotations

import base64
import hashlib
import os
import zipfile
from importlib.metadata import Distribution, distribution
from importlib.resources import files
from pathlib import Path

_LEFT_OUT = {"__pycache__", "static"}  # `static` has the panels' bundles, and a job shows none
_EPOCH = (1980, 1, 1, 0, 0, 0)  # the same files give the same bytes


def wheel(kept: Path) -> Path:
    """The wheel, made once in the folder `kept` for each state of the package. It holds the package's files and what its
    installed metadata says.
    """
    found = distribution("tunebook")
    root = Path(str(files("tunebook")))
    parts = [
        path for path in sorted(root.rglob("*")) if path.is_file() and not _LEFT_OUT & set(path.relative_to(root).parts)
    ]
    state = hashlib.sha256(found.version.encode())
    for path in parts:
        state.update(f"{path.relative_to(root)} {path.stat().st_size} {path.stat().st_mtime_ns}\n".encode())
    made = kept / state.hexdigest()[:16] / f"tunebook-{found.version}-py3-none-any.whl"
    if not made.exists():
        made.parent.mkdir(parents=True, exist_ok=True)
        part = made.with_name(f".{os.getpid()}.part")
        _write(part, root, parts, found)
        os.replace(part, made)
    return made


def _write(path: Path, root: Path, parts: list[Path], found: Distribution) -> None:
    info = f"tunebook-{found.version}.dist-info"
    contents = {f"tunebook/{one.relative_to(root).as_posix()}": one.read_bytes() for one in parts}
    contents[f"{info}/METADATA"] = (found.read_text("METADATA") or "").encode()
    contents[f"{info}/WHEEL"] = b"Wheel-Version: 1.0\nGenerator: tunebook\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    if points := found.read_text("entry_points.txt"):
        contents[f"{info}/entry_points.txt"] = points.encode()
    record = "".join(f"{name},sha256={_digest(data)},{len(data)}\n" for name, data in contents.items())
    contents[f"{info}/RECORD"] = f"{record}{info}/RECORD,,\n".encode()
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for name, data in contents.items():
            entry = zipfile.ZipInfo(name, _EPOCH)
            entry.compress_type, entry.external_attr = zipfile.ZIP_DEFLATED, 0o644 << 16
            file.writestr(entry, data)


def _digest(data: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
