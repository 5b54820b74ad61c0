"""python -m tools.bootstrap demo|test: everything that `make demo` or `make test` needs and that is not there yet."""

from __future__ import annotations

import fcntl
import os
import sys
import time
from pathlib import Path

from tools.bootstrap import panels, system
from tools.bootstrap.console import Console, Stop, duration
from tools.bootstrap.python_packages import Environment

ROOT = Path(__file__).resolve().parents[2]


def set_up(console: Console, profile: str) -> None:
    """All steps of the profile in their order. Raises Stop."""
    npm = system.find_node()
    system.provide(console, profile)
    environment = Environment(console, ROOT)
    environment.make()
    environment.torch()
    environment.packages("export", "Python packages", "llama-cpp-python is built once: about 7 minutes on 2 cores")
    environment.model()
    if profile == "test":
        environment.packages("dev", "tools of the tests")
        environment.data_sets()
        browser = system.find_browser() or environment.own_browser()
        (ROOT / ".cache" / "chromium").write_text(browser)
    panels.packages(console, ROOT, npm)
    panels.bundles(console, ROOT, npm)


def main() -> int:
    """The exit status: 0, 1 if a step failed, 2 if the profile is unknown."""
    if sys.argv[1:] not in (["demo"], ["test"]):
        print("usage: python -m tools.bootstrap demo|test", file=sys.stderr)
        return 2
    os.chdir(ROOT)
    cache = ROOT / ".cache"
    cache.mkdir(exist_ok=True)
    with (cache / "bootstrap.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            print("Another set-up of this folder is at work: waiting for it.", flush=True)
            fcntl.flock(lock, fcntl.LOCK_EX)
        started = time.monotonic()
        console = Console(cache / "bootstrap.log")
        try:
            set_up(console, sys.argv[1])
        except Stop as stop:
            console.stopped(stop)
            return 1
        except KeyboardInterrupt:
            print("\nSet-up interrupted. Run make again: what is done stays done.", file=sys.stderr)
            return 1
    took = duration(time.monotonic() - started)
    console.say(f"Set up in {took}." if console.steps else f"Set up already (checked in {took}).")
    return 0


if __name__ == "__main__":
    sys.exit(main())
