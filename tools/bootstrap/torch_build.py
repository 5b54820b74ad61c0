"""PyTorch goes in before everything that depends on it, so that this file decides which build it is.

TORCH       what to install, as pip takes it: a requirement or the path of a wheel
TORCH_INDEX the package index to take it from, if it is none of pip's own

Without an NVIDIA GPU no CUDA build may come: it is several GB for nothing. pip is asked what it would bring. If that
has CUDA in it, uv fetches the CPU build, since it knows PyTorch's own indexes by the name of the backend.
"""

from __future__ import annotations

import json
import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path

from tools.bootstrap.console import CommandFailed, Console, Stop

DEFAULT = "torch==2.13.0"


def wanted() -> tuple[str, str]:
    """What TORCH and TORCH_INDEX say: the requirement and the index, which may be empty."""
    return os.environ.get("TORCH") or DEFAULT, os.environ.get("TORCH_INDEX") or ""


def has_nvidia_gpu() -> bool:
    """True if the NVIDIA driver answers."""
    smi = shutil.which("nvidia-smi")
    return bool(smi) and subprocess.run([str(smi), "-L"], capture_output=True, check=False).returncode == 0


def cuda_packages(console: Console, pip_install: list[str], requirement: str, report: Path) -> list[str]:
    """The CUDA packages that the build which pip would choose depends on. Nothing is installed."""
    console.run([*pip_install, "--dry-run", "--ignore-installed", "--no-deps", "--report", str(report), requirement])
    needs: list[str] = []
    for item in json.loads(report.read_text())["install"]:
        needs += item["metadata"].get("requires_dist") or []
    here = [need for need in needs if "platform_machine" not in need or platform.machine() in need]
    return [need for need in here if need.startswith(("nvidia-", "cuda-"))]


def install(console: Console, pip_install: list[str], python: Path, report: Path) -> None:
    """PyTorch in the virtual environment. Raises Stop with the variables to set where no CPU build is to be had."""
    requirement, index = wanted()
    if index:
        console.run([*pip_install, "--index-url", index, requirement])
        return
    brings_cuda = (
        sys.platform == "linux" and not has_nvidia_gpu() and cuda_packages(console, pip_install, requirement, report)
    )
    if brings_cuda:
        try:
            console.run([*pip_install, "uv"])
            choice = ["--torch-backend", "cpu", "--no-deps", requirement]
            console.run([str(python), "-m", "uv", "pip", "install", "--python", str(python), *choice])
        except CommandFailed as failure:
            stop = Stop(
                f"no NVIDIA GPU is here, pip would bring {requirement} as a CUDA build of several GB, and uv could not "
                "fetch the CPU build",
                *failure.output[-2:],
                "Choose one:",
                "TORCH=/path/to/torch-...+cpu....whl make ...  a wheel that you have",
                "TORCH_INDEX=URL make ...  an index with CPU builds; pytorch.org, Get Started, names it for Pip, CPU",
                ".venv/bin/pip install torch  the CUDA build after all; then make goes on with it",
            )
            raise stop from failure
    # What PyTorch itself needs, and PyTorch where nothing speaks against pip's choice.
    console.run([*pip_install, requirement])
