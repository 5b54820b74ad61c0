"""Code that a model wrote reaches nothing: no file, no variable, no network, no other process."""

# ruff: noqa: E501 - hostile programs: one is one line, however long

from __future__ import annotations

import contextlib
import subprocess
import time
from pathlib import Path

import psutil
import pytest

from tunebook.pipeline.rewards.library.sandbox import sandbox_end, sandbox_kind, sandboxed

KINDS = ("bubblewrap", "landlock")
CANARY = "canary-7f3a"


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def output(program: str, kind: str, folder: Path, seconds: float = 20) -> str:
    """What it prints, and the last line of what it complains about."""
    process = sandboxed(program, kind, str(folder), cpu=5, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    try:
        out, err = process.communicate(timeout=seconds)
    finally:
        sandbox_end(process)
    return f"{out.decode(errors='replace')}{(err.decode(errors='replace').splitlines() or [''])[-1]}"


def test_one_of_both_works_here() -> None:
    assert sandbox_kind() in KINDS


BREAKOUTS = {
    "a socket": "import socket\nsocket.create_connection(('127.0.0.1', 80))",
    "a unix socket": "import socket\nsocket.socket(socket.AF_UNIX)",
    "a netlink socket": "import socket\nsocket.socket(16, 3, 0)",
    "a child": "os.fork()",
    "a shell": "os.system('true') and 1/0\nimport subprocess\nsubprocess.run(['/bin/true'])",
    "a raw clone": "import ctypes\nlibc = ctypes.CDLL(None, use_errno=True)\nassert libc.syscall(56, 17, 0, 0, 0, 0) < 0 and libc.syscall(435, 0, 0) < 0\n1/0",
    "another program": "os.execv('/usr/bin/env', ['env'])",
    "a signal": "os.kill(os.getppid(), 9)",
    "a signal to all": "os.kill(-1, 9)",
    "new namespaces": "import ctypes\nassert ctypes.CDLL(None).unshare(0x10000000) < 0\n1/0",
    "ptrace": "import ctypes\nassert ctypes.CDLL(None).ptrace(16, os.getppid(), 0, 0) < 0\n1/0",
    "higher limits": "import resource\nresource.setrlimit(resource.RLIMIT_CPU, (99, 99))",
    "a file outside": "open('/usr/escaped', 'w')",
    "a file in /tmp": "open('/tmp/escaped', 'w')",
    "a device": "os.mknod('disk', 0o600 | 0o60000, os.makedev(254, 0))",
    "much memory": "x = bytearray(2 << 30)",
    "a large file": "open('large', 'wb').write(bytes(64 << 20))",
    "many files open": "[open('/dev/null') for _ in range(100)]",
}


@pytest.mark.parametrize("program", BREAKOUTS.values(), ids=BREAKOUTS)
def test_a_breakout_raises_and_leaves_nothing(kind: str, program: str, tmp_path: Path) -> None:
    said = output(f"{program}\nprint('escaped')", kind, tmp_path)
    assert "escaped" not in said.split("'/")[0]
    assert "Error" in said
    assert not Path("/tmp/escaped").exists() and not Path("/usr/escaped").exists()


def test_nothing_of_the_trainer_can_be_read(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    secret, own = tmp_path / "token", tmp_path / "own"
    secret.write_text(CANARY)
    own.mkdir()
    monkeypatch.setenv("HF_TOKEN", CANARY)
    looking = (
        f"import glob\nfound = [str(dict(os.environ))]\nfor path in [{str(secret)!r}, *glob.glob('/proc/*/environ'),"
        " '/proc/self/environ', *glob.glob('/home/*/*'), *glob.glob('/root/.*'), '/etc/shadow', '/etc/passwd']:\n"
        "    try: found.append(open(path).read())\n    except OSError: pass\nprint('looked', found)"
    )
    said = output(looking, kind, own)
    assert "looked" in said
    assert CANARY not in said and "root:" not in said


def test_a_bomb_of_threads_ends_with_its_time(kind: str, tmp_path: Path) -> None:
    bomb = "import threading, time\nthreading.stack_size(1 << 16)\nwhile True:\n    threading.Thread(target=time.sleep, args=(60,), daemon=True).start()"
    begun = time.monotonic()
    process = sandboxed(bomb, kind, str(tmp_path), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(2)
    inside = psutil.Process(process.pid).children(recursive=True) if process.poll() is None else []
    sandbox_end(process)
    psutil.wait_procs(inside, timeout=5)
    assert not any(one.is_running() and one.status() != psutil.STATUS_ZOMBIE for one in inside)
    assert time.monotonic() - begun < 10


def test_ordinary_programs_run(kind: str, tmp_path: Path) -> None:
    program = (
        "import asyncio, threading, random, datetime, decimal, re, json, heapq, itertools\n"
        "async def f():\n    await asyncio.sleep(0)\n    return 3\n"
        "t = threading.Thread(target=print, args=('thread',))\nt.start(); t.join()\n"
        "open('own', 'w').write('kept')\nprint(asyncio.run(f()), open('own').read(), random.random() < 1)"
    )
    assert output(program, kind, tmp_path) == "thread\n3 kept True\n"
