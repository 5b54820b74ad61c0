"""Xet, the Hub's store of content, as far as uploads and downloads of its client need it.

A file is a list of ranges of chunks in xorbs; a shard tells the lists of some files. In a xorb each chunk stands behind eight
bytes: a version, its length as stored (3), how it is compressed, its length (3).
"""

from __future__ import annotations

import hashlib
import struct
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa

CHUNK = 64 * 1024
WORDS = struct.Struct("<4Q")
VERIFIED, DESCRIBED = 1 << 31, 1 << 30  # flags of a file in a shard: further entries follow


def hexed(raw: bytes) -> str:
    """A hash as Xet writes it: four numbers, each with its most significant digit first."""
    return "".join(f"{word:016x}" for word in WORDS.unpack(raw))


@dataclass(frozen=True)
class Segment:
    """Chunks `start` up to `end` of a xorb, `size` bytes in all."""

    xorb: str
    size: int
    start: int
    end: int


@dataclass
class Store:
    """What was uploaded: xorbs by their hashes as they came, and files by theirs."""

    xorbs: dict[str, bytes] = field(default_factory=dict)
    files: dict[str, list[Segment]] = field(default_factory=dict)
    _sha256: dict[str, str] = field(default_factory=dict)

    def take(self, content: bytes) -> str:
        """Keep a file that did not come through Xet, and return the hash that it is found by."""
        name = hashlib.sha256(content).hexdigest()
        if name not in self.files:
            pieces = [content[at : at + CHUNK] for at in range(0, len(content), CHUNK)] or [b""]
            self.xorbs[name] = b"".join(_framed(piece) for piece in pieces)
            self.files[name] = [Segment(name, len(content), 0, len(pieces))]
        return name

    def read(self, name: str) -> bytes:
        """Raises KeyError for a file that is not there, or not whole."""
        return b"".join(
            b"".join(chunks(self.xorbs[one.xorb])[one.start : one.end]) for one in self.files[name] if one.size
        )

    def by_sha256(self, wanted: str) -> bytes | None:
        """A file that was uploaded, found by its content."""
        for name in self.files:
            if name not in self._sha256:
                self._sha256[name] = hashlib.sha256(self.read(name)).hexdigest()
        return next((self.read(name) for name, known in self._sha256.items() if known == wanted), None)

    def reconstruction(self, name: str, url: str) -> dict[str, object]:
        """How a client puts the file together; xorbs are fetched at `url`/HASH. Raises KeyError."""
        terms, fetched = [], dict[str, list[dict[str, object]]]()
        for one in self.files[name]:
            ends = offsets(self.xorbs[one.xorb])
            chunk_range = {"start": one.start, "end": one.end}
            bytes_range = {"start": ends[one.start], "end": ends[one.end] - 1}
            terms.append({"hash": one.xorb, "unpacked_length": one.size, "range": chunk_range})
            fetched.setdefault(one.xorb, []).append(
                {"range": chunk_range, "url": f"{url}/{one.xorb}", "url_range": bytes_range}
            )
        return {"offset_into_first_range": 0, "terms": terms, "fetch_info": fetched}


def shard(raw: bytes) -> dict[str, list[Segment]]:
    """The files that a shard tells of."""
    found: dict[str, list[Segment]] = {}
    at = 48  # behind the shard's own header
    while (name := raw[at : at + 32]) != b"\xff" * 32:
        flags, count = struct.unpack_from("<II", raw, at + 32)
        segments = []
        for _ in range(count):
            at += 48
            _, size, start, end = struct.unpack_from("<IIII", raw, at + 32)
            segments.append(Segment(hexed(raw[at : at + 32]), size, start, end))
        at += 48 * (1 + count * bool(flags & VERIFIED) + bool(flags & DESCRIBED))
        found[hexed(name)] = segments
    return found


def offsets(xorb: bytes) -> list[int]:
    """Where each chunk begins, and where the last one ends."""
    found, at = [0], 0
    while at + 8 <= len(xorb) and xorb[at] == 0:  # a footer has another version
        at += 8 + int.from_bytes(xorb[at + 1 : at + 4], "little")
        found.append(at)
    return found


def chunks(xorb: bytes) -> list[bytes]:
    found = []
    for at, end in zip((ends := offsets(xorb)), ends[1:], strict=False):
        length = int.from_bytes(xorb[at + 5 : at + 8], "little")
        found.append(_unpacked(xorb[at + 8 : end], xorb[at + 4], length))
    return found


def _framed(chunk: bytes) -> bytes:
    length = len(chunk).to_bytes(3, "little")
    return b"\0" + length + b"\0" + length + chunk


def _unpacked(stored: bytes, how: int, length: int) -> bytes:
    """0: as it is. 1: LZ4. 2: LZ4 over the bytes in four groups, every fourth byte in one."""
    if how == 0:
        return stored
    plain = pa.Codec("lz4").decompress(stored, length, asbytes=True)
    if how == 1:
        return plain
    whole, at = np.empty(length, dtype=np.uint8), 0
    for first in range(4):
        places = whole[first::4]
        places[:] = np.frombuffer(plain, dtype=np.uint8, count=len(places), offset=at)
        at += len(places)
    return whole.tobytes()
