"""What this machine is and what it can give now: cores, memory, GPUs and disk, read without torch in milliseconds.

A container often gets less than the machine it runs on, so the limits of control groups (both versions) and the
affinity mask come before what the kernel says it has.
"""

from __future__ import annotations

import hashlib
import math
import os
import platform
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import psutil
from pydantic import BaseModel

GIB = 2**30
#: Version 1 writes "no limit" as the largest whole page below 2**63; no machine has a pebibyte of memory.
NO_LIMIT = 2**50


class Gpu(BaseModel):
    name: str
    memory_gib: float
    free_gib: float
    compute_capability: str  # "9.0"; "" where the driver does not say

    @property
    def capability(self) -> tuple[int, int] | None:
        """(9, 0), in the order in which cards grow newer."""
        major, _, minor = self.compute_capability.partition(".")
        return (int(major), int(minor or 0)) if major else None


class Machine(BaseModel):
    """Facts about this machine. `available_gib` and `free_disk_gib` are of this moment, the rest does not change."""

    cpu: str
    cores: int  # physical cores in the whole machine
    usable_cores: float  # what the affinity mask and the CPU quota leave to this process
    memory_gib: float  # the whole, or the control group's limit where that is lower
    available_gib: float
    free_disk_gib: float
    gpus: list[Gpu]
    cpu_bf16: bool = False  # its cores multiply bf16 numbers themselves, so that half the memory traffic pays

    @property
    def id(self) -> str:
        """The same for the same hardware, and no more than that: a hash over models and sizes, no name, no serial."""
        facts = [self.cpu, str(self.cores), f"{self.usable_cores:g}", str(round(self.memory_gib))]
        facts += [f"{gpu.name} {round(gpu.memory_gib)}" for gpu in self.gpus]
        return hashlib.sha256("\n".join(facts).encode()).hexdigest()[:16]

    def sentence(self) -> str:
        """'2 cores of AMD EPYC, 23.1 GiB of memory free, no GPU'."""
        cores = f"{self.usable_cores:g} core{'' if self.usable_cores == 1 else 's'} of {self.cpu}"
        gpus = ", ".join(f"{gpu.name} with {gpu.free_gib:.1f} GiB free" for gpu in self.gpus) or "no GPU"
        return f"{cores}, {self.available_gib:.1f} GiB of memory free, {gpus}"


def this_machine(folder: Path | None = None) -> Machine:
    """The facts, as they are now. `folder` (default: the working folder) says which disk is meant."""
    memory = psutil.virtual_memory()
    limit, free_in_group = memory_limit(_read(Path("/proc/self/cgroup")), Path("/sys/fs/cgroup"))
    logical = psutil.cpu_count(logical=True) or 1
    affinity = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else logical
    quota = cpu_quota(_read(Path("/proc/self/cgroup")), Path("/sys/fs/cgroup"))
    return Machine(
        cpu=cpu_model(_read(Path("/proc/cpuinfo"))) or platform.processor() or platform.machine() or "unknown CPU",
        cores=psutil.cpu_count(logical=False) or logical,
        usable_cores=round(min(affinity, quota), 2),
        memory_gib=round(min(memory.total, limit) / GIB, 2),
        available_gib=round(min(memory.available, free_in_group) / GIB, 2),
        free_disk_gib=round(shutil.disk_usage(folder or Path.cwd()).free / GIB, 2),
        gpus=gpus(),
        cpu_bf16=computes_bf16(_read(Path("/proc/cpuinfo"))),
    )


def cpu_model(cpuinfo: str) -> str:
    """The processor's name out of /proc/cpuinfo; "" where it has none (ARM often has not)."""
    for line in cpuinfo.splitlines():
        name, _, value = line.partition(":")
        if name.strip() in ("model name", "Model") and value.strip():
            return " ".join(value.split())
    return ""


def computes_bf16(cpuinfo: str) -> bool:
    """Whether /proc/cpuinfo names instructions for bf16: those of x86 with AVX-512 or AMX, or ARM's."""
    for line in cpuinfo.splitlines():
        name, _, value = line.partition(":")
        if name.strip() in ("flags", "Features"):
            return not {"avx512_bf16", "amx_bf16", "bf16"}.isdisjoint(value.split())
    return False


def memory_limit(membership: str, root: Path) -> tuple[float, float]:
    """(limit, still free) in bytes of the tightest control group this process is in; infinite where none limits it.

    `membership` is the text of /proc/self/cgroup, `root` where the groups are mounted. Page cache that the kernel
    gives back under pressure (`inactive_file`) counts as free, as it does in MemAvailable.
    """
    limit = free = math.inf
    for folder in _groups(membership, root, "memory"):
        for maximum, current, cache in (
            ("memory.max", "memory.current", "inactive_file"),
            ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
        ):
            allowed = _number(_read(folder / maximum))
            if allowed is None or allowed >= NO_LIMIT:
                continue
            used = _number(_read(folder / current)) or 0.0
            given_back = _statistic(_read(folder / "memory.stat"), cache)
            limit = min(limit, allowed)
            free = min(free, max(0.0, allowed - max(0.0, used - given_back)))
    return limit, free


def cpu_quota(membership: str, root: Path) -> float:
    """How many cores' worth of time the tightest control group allows; infinite where none limits it."""
    cores = math.inf
    for folder in _groups(membership, root, "cpu"):
        quota, _, period = _read(folder / "cpu.max").strip().partition(" ")
        if not quota:
            quota, period = _read(folder / "cpu.cfs_quota_us").strip(), _read(folder / "cpu.cfs_period_us").strip()
        allowed, every = _number(quota), _number(period)
        if allowed is not None and every and allowed > 0:  # version 1 writes -1, version 2 writes "max"
            cores = min(cores, allowed / every)
    return cores


def gpus() -> list[Gpu]:
    """NVIDIA GPUs as the driver's own tool tells them. Asking torch would cost seconds and hold GPU memory."""
    tool = shutil.which("nvidia-smi")
    if tool is None:
        return []
    query = ["--query-gpu=name,memory.total,memory.free,compute_cap", "--format=csv,noheader,nounits"]
    try:
        answer = subprocess.run([tool, *query], capture_output=True, text=True, timeout=10, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return []
    return parse_gpus(answer.stdout) if answer.returncode == 0 else []


def parse_gpus(csv: str) -> list[Gpu]:
    """GPUs from nvidia-smi's lines `name, total MiB, free MiB, compute capability`, but for lines without sizes."""
    found = []
    for line in csv.splitlines():
        parts = [part.strip() for part in line.rsplit(",", 3)]
        total, free = (_number(parts[1]), _number(parts[2])) if len(parts) == 4 else (None, None)
        if total is None or free is None:
            continue
        capability = parts[3] if _number(parts[3]) is not None else ""
        memory = {"memory_gib": round(total / 1024, 2), "free_gib": round(free / 1024, 2)}
        found.append(Gpu(name=parts[0], compute_capability=capability, **memory))
    return found


def _groups(membership: str, root: Path, controller: str) -> Iterator[Path]:
    """The folders of the groups that bind this process for a controller, from its own up to the root."""
    for line in membership.splitlines():
        number, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        if number == "0" and not controllers:  # version 2; beside version 1 it is mounted as `unified`
            bases = [root, root / "unified"]
        elif controller in controllers.split(","):
            bases = [root / controller, root / controllers]
        else:
            continue
        parts = [part for part in path.split("/") if part and part != ".."]
        for base in dict.fromkeys(bases):
            for depth in range(len(parts), -1, -1):
                yield base.joinpath(*parts[:depth])


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def _number(text: str) -> float | None:
    try:
        value = float(text.strip())
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def _statistic(text: str, name: str) -> float:
    for line in text.splitlines():
        key, _, value = line.partition(" ")
        if key == name:
            return _number(value) or 0.0
    return 0.0
