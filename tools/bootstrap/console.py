"""What a person sees of the set-up: a line a step with its time; of one that fails, its last words and the remedy."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

#: Seconds between two signs of life where no terminal shows a line that can be rewritten.
QUIET_S = 20.0
#: Of a command that failed: the first lines that speak of an error, since the reason stands there, and the last ones.
FIRST_ERRORS = 6
LAST_LINES = 8


class Stop(Exception):
    """The set-up can't go on: what is wrong, and what the person can do about it, each as whole lines."""

    def __init__(self, problem: str, *remedy: str) -> None:
        self.problem, self.remedy = problem, remedy
        super().__init__(problem)


class CommandFailed(Stop):
    """A command of a step ended with another status than 0. `output` is its first errors and its last lines."""

    def __init__(self, command: Sequence[str], output: Sequence[str]) -> None:
        self.output = list(output)
        super().__init__(f"`{' '.join(command)}` failed")


def duration(seconds: float) -> str:
    """A time as a person says it: 0.4 s, 37 s, 7 min 5 s."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


def _in_short(line: str) -> str:
    """A line of a command as a sign of life: warnings and endless lists say nothing to a person who waits."""
    line = line.strip()
    if line.startswith("WARNING"):
        return ""
    collected = line.removeprefix("Installing collected packages: ")
    return f"installing {collected.count(',') + 1} packages" if collected != line else line


class Console:
    """Prints the steps to `stream` and everything the commands say to the file `log`."""

    def __init__(self, log: Path) -> None:
        log.parent.mkdir(parents=True, exist_ok=True)
        self.log_path = log
        self._log = log.open("w", encoding="utf-8", errors="replace")
        self._live = sys.stdout.isatty()
        self._latest = ""
        self.steps = 0

    def say(self, text: str) -> None:
        """One line for the person and the log."""
        print(text, flush=True)
        print(text, file=self._log, flush=True)

    @contextmanager
    def step(self, title: str, note: str = "") -> Iterator[None]:
        """A step: its title while it works, with signs of life, and its time when it is done."""
        self.steps += 1
        self._latest = ""
        started, done = time.monotonic(), threading.Event()
        print(f"== {title}", file=self._log, flush=True)
        if not self._live:
            print(f"  {title}{f' ({note})' if note else ''} ...", flush=True)
        watcher = threading.Thread(target=self._watch, args=(title, note, started, done), daemon=True)
        watcher.start()
        ended = "failed"
        try:
            yield
            ended = "done"
        finally:
            done.set()
            watcher.join()
            line = f"  {title:<24} {ended} in {duration(time.monotonic() - started)}"
            print(f"\r\x1b[2K{line}" if self._live else line, flush=True)

    def _watch(self, title: str, note: str, started: float, done: threading.Event) -> None:
        while not done.wait(0.5 if self._live else QUIET_S):
            about = self._latest or note
            line = f"  {title:<24} {duration(time.monotonic() - started)}{f'  {about}' if about else ''}"
            print(
                f"\r\x1b[2K{line[:110]}" if self._live else f"  {line[:110]}",
                end="" if self._live else "\n",
                flush=True,
            )

    def run(self, command: Sequence[str], env: Mapping[str, str] | None = None, cwd: Path | None = None) -> None:
        """Run a command to its end, without a standard input. Raises CommandFailed."""
        print(f"$ {' '.join(command)}", file=self._log, flush=True)
        errors: list[str] = []
        tail: deque[str] = deque(maxlen=LAST_LINES)
        with subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            env=env,
            cwd=cwd,
        ) as process:
            assert process.stdout is not None
            for line in process.stdout:
                self._log.write(line)
                if line.strip():
                    tail.append(line.rstrip())
                    if "error" in line.lower() and len(errors) < FIRST_ERRORS:
                        errors.append(line.rstrip())
                    self._latest = _in_short(line) or self._latest
            self._log.flush()
        if process.returncode != 0:
            raise CommandFailed(command, [*(line for line in errors if line not in tail), *tail])

    def stopped(self, stop: Stop) -> None:
        """The last thing a failed set-up says."""
        if isinstance(stop, CommandFailed):
            for line in stop.output:
                print(f"    {line}", file=sys.stderr)
        print(f"Set-up stopped: {stop.problem}.", file=sys.stderr)
        for line in stop.remedy:
            print(f"  {line}", file=sys.stderr)
        print(f"  The whole log: {self.log_path}", file=sys.stderr, flush=True)
        print(stop.problem, *stop.remedy, sep="\n", file=self._log, flush=True)
