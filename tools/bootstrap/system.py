"""The programs that come from the operating system: which are there, and how those that are missing get here."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tools.bootstrap.console import CommandFailed, Console, Stop

MIN_NODE = 20


@dataclass(frozen=True)
class Need:
    """Something of the operating system's. `package` is its name in Debian and Ubuntu."""

    name: str
    why: str
    package: str
    there: Callable[[], bool]


def _command(*names: str) -> Callable[[], bool]:
    return lambda: any(shutil.which(name) for name in names)


def _can_make_environments() -> bool:
    probe = [sys.executable, "-c", "import ensurepip, venv"]
    return subprocess.run(probe, capture_output=True, check=False).returncode == 0


def find_browser() -> str | None:
    """The Chromium that the tests drive: $CHROMIUM, else the first of the usual names that starts.

    Ubuntu's `chromium-browser` can be a stub that only asks for a snap, so a name alone proves nothing.
    """
    for name in filter(None, (os.environ.get("CHROMIUM"), "chromium", "chromium-browser", "google-chrome")):
        path = shutil.which(name)
        if path and subprocess.run([path, "--version"], capture_output=True, check=False).returncode == 0:
            return path
    return None


def _fonts() -> bool:
    folders = [Path("/usr/share/fonts"), Path("/usr/local/share/fonts"), Path.home() / ".local/share/fonts"]
    return sys.platform == "darwin" or any(next(folder.rglob("*.[to]tf"), None) for folder in folders)


ENVIRONMENTS = Need("Python's venv", "makes the virtual environment", "python3-venv", _can_make_environments)
COMPILER = Need("a C++ compiler", "builds llama-cpp-python, which quantises", "g++", _command("g++", "clang++", "c++"))
GIT = Need("git", "the tests make clones", "git", _command("git"))
SANDBOX = Need("bubblewrap", "runs model-written code shut in", "bubblewrap", _command("bwrap"))
FONTS = Need("a font", "the browser draws text with it", "fonts-dejavu-core", _fonts)
WORDNET = Need(
    "WordNet",
    "the tests make the example's data from it again",
    "wordnet-base",
    lambda: Path("/usr/share/wordnet/data.noun").is_file(),
)
BROWSER = Need("Chromium", "shows JupyterLab to the tests", "chromium", lambda: find_browser() is not None)


def _is_ubuntu() -> bool:
    release = Path("/etc/os-release")
    return release.is_file() and "ID=ubuntu" in release.read_text().splitlines()


NEEDS: dict[str, list[Need]] = {
    "demo": [ENVIRONMENTS, COMPILER],
    "test": [ENVIRONMENTS, COMPILER, SANDBOX, FONTS, WORDNET, BROWSER],
}


def _apt() -> list[str] | None:
    """The words that begin an apt-get command here, or None where this person may not install."""
    if os.environ.get("APT") == "no" or not shutil.which("apt-get"):
        return None
    if os.geteuid() == 0:
        return ["apt-get"]
    sudo = shutil.which("sudo")
    if sudo and subprocess.run([sudo, "-n", "true"], capture_output=True, check=False).returncode == 0:
        return [sudo, "-n", "apt-get"]
    return None


def provide(console: Console, profile: str) -> None:
    """Every need of the profile met, by apt where that is allowed. Raises Stop with what is missing."""
    missing = [need for need in NEEDS[profile] if not need.there()]
    if _is_ubuntu():
        # Its package is a snap, which a container can't run: Playwright brings its own later.
        missing = [need for need in missing if need is not BROWSER]
    if not missing:
        return
    packages = [need.package for need in missing]
    apt = _apt()
    if apt:
        env = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C.UTF-8"}
        with console.step("system packages", f"by apt: {', '.join(packages)}"):
            try:
                console.run([*apt, "update"], env=env)
                console.run(
                    [*apt, "install", "-y", "-o", "DPkg::Lock::Timeout=300", "--no-install-recommends", *packages],
                    env=env,
                )
            except CommandFailed as failure:
                console.say("    apt-get could not do it:")
                for line in failure.output[-3:]:
                    console.say(f"    {line}")
        missing = [need for need in missing if not need.there()]
    if missing:
        told = [f"{need.name}: {need.why} (Debian and Ubuntu: {need.package})" for need in missing]
        how = f"sudo apt-get update && sudo apt-get install {' '.join(need.package for need in missing)}"
        extra = ["Chromium can also be named: CHROMIUM=/path/to/chromium make ..."] if BROWSER in missing else []
        what = "something of the system's is missing" if len(missing) == 1 else "some of the system's parts are missing"
        raise Stop(what, *told, f"With the right to install: {how}", *extra, "Then run make again.")


def find_node() -> str:
    """npm's path, where node is new enough. Raises Stop naming what was found."""
    remedy = (
        f"Install Node.js {MIN_NODE} or newer with npm: from nodejs.org, with a version manager such as nvm, or, on",
        "Debian 13 and Ubuntu 25.04 or newer, `sudo apt-get install nodejs npm`. Put it on PATH and run make again.",
    )
    node, npm = shutil.which("node"), shutil.which("npm")
    if not node:
        raise Stop(f"Node.js {MIN_NODE} or newer is needed to build the panels, and no `node` is on PATH", *remedy)
    version = subprocess.run([node, "--version"], capture_output=True, text=True, check=False).stdout.strip()
    major = version.lstrip("v").partition(".")[0]
    if not major.isdigit() or int(major) < MIN_NODE:
        raise Stop(
            f"Node.js {MIN_NODE} or newer is needed to build the panels, found {version or 'no version'} at {node}",
            *remedy,
        )
    if not npm:
        raise Stop(f"npm is needed to build the panels: node {version} is at {node}, but no `npm` is on PATH", *remedy)
    return npm
