"""What is kept of a run outlives its jobs' containers: what every disk for that can do, and how much of it comes here.

A job finds the run's folder at MOUNT. There are two kinds, and a run has one of them for all its life: see choose_disk.py.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TypeVar

if TYPE_CHECKING:
    from huggingface_hub import Volume

MOUNT = "/tunebook"
CARRY_S = 900.0  # for an upload or a download of all files
#: What is brought here by itself. The rest stays away, where it costs no transfer.
FILE_MOST, ALL_MOST = 512 << 20, 2 << 30


class RunDisk(Protocol):
    """The folder of one run on the Hub."""

    kind: str
    command: str  # for `sh -c`, with MOUNT, the sums of what was sent, and the words that `uv run` gets
    env: dict[str, str]  # what the job is told of it
    needs_token: bool  # whether the job itself writes to it

    def volume(self, revision: str | None) -> Volume:
        """What the job has at MOUNT."""
        ...

    def put(self, files: dict[str, Path]) -> str | None:
        """Upload files under these names. Returns the revision at which they can be had, where there are revisions."""
        ...

    def write(self, name: str, content: bytes) -> None: ...

    def read(self, name: str, path: Path) -> None:
        """One file of the run's folder. Raises Refused where it is not there."""
        ...

    def get(self, folder: Path) -> list[str]:
        """Bring everything that is not too large to this folder, what is there of the same size left as it is. Returns
        the names of what stays away.
        """
        ...

    def address(self, name: str) -> str:
        """Where a file is that stays away, as Hugging Face's libraries read it."""
        ...


class _File(Protocol):
    size: int


F = TypeVar("F", bound=_File)


def chosen(files: dict[str, F]) -> tuple[dict[str, F], list[str]]:
    """The files that are brought, the smallest first until it is too much, and the names of the others."""
    wanted: dict[str, F] = {}
    room = ALL_MOST
    for name, file in sorted(files.items(), key=lambda item: (item[1].size, item[0])):
        if file.size <= FILE_MOST and file.size <= room:
            wanted[name] = file
            room -= file.size
    return wanted, sorted(set(files) - set(wanted))


def missing_here(wanted: dict[str, F], folder: Path) -> dict[str, F]:
    """Those that are not in the folder with the same size."""
    return {
        name: file
        for name, file in wanted.items()
        if not (folder / name).is_file() or (folder / name).stat().st_size != file.size
    }


def stays_inside(name: str) -> bool:
    """Whether a file of that name is in the run's folder: others of the namespace can write there, too."""
    return not {"", "..", "."} & set(name.split("/"))
