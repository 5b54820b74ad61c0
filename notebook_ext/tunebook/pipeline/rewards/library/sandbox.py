"""A sandbox for Python that a model wrote: no network, no files but its own, no other process, and limits.

Two kinds, the better first. "bubblewrap": namespaces of its own, made by the program bwrap. "landlock": the kernel's own
rules for files, where bwrap is not installed or may not make namespaces. Both forbid the system calls that open sockets,
start processes, send signals and look into other processes. Where neither can be had nothing is run.
"""

import functools
import json
import os
import platform
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from typing import Any

SANDBOX_MEMORY = 1 << 30  # bytes
SANDBOX_FILE = 16 << 20  # bytes of the largest file
_DENIED = {  # x86_64's and aarch64's numbers; -1: there is none
    "fork": (57, -1), "vfork": (58, -1), "execve": (59, 221), "execveat": (322, 281), "socket": (41, 198),
    "ptrace": (101, 117), "process_vm_readv": (310, 270), "process_vm_writev": (311, 271), "kill": (62, 129),
    "tkill": (200, 130), "tgkill": (234, 131), "rt_sigqueueinfo": (129, 138), "rt_tgsigqueueinfo": (297, 240),
    "pidfd_open": (434, 434), "pidfd_send_signal": (424, 424), "pidfd_getfd": (438, 438), "unshare": (272, 97),
    "setns": (308, 268), "mount": (165, 40), "umount2": (166, 39), "pivot_root": (155, 41), "chroot": (161, 51),
    "open_tree": (428, 428), "move_mount": (429, 429), "fsopen": (430, 430), "fsmount": (432, 432), "bpf": (321, 280),
    "perf_event_open": (298, 241), "add_key": (248, 217), "request_key": (249, 218), "keyctl": (250, 219),
    "io_uring_setup": (425, 425), "io_uring_enter": (426, 426), "io_uring_register": (427, 427),
    "userfaultfd": (323, 282), "init_module": (175, 105), "finit_module": (313, 273), "kexec_load": (246, 104),
    "reboot": (169, 142), "open_by_handle_at": (304, 265), "mknod": (133, -1), "mknodat": (259, 33),
    "personality": (135, 92), "shmget": (29, 194), "msgget": (68, 186), "semget": (64, 190), "mq_open": (240, 180),
    "memfd_create": (319, 279), "sethostname": (170, 161), "swapon": (167, 224), "prlimit64": (302, 261),
}  # fmt: skip
#: Runs first, in the process itself: limits, Landlock where it is asked for, the filter of system calls.
_GUARD = r"""
import ctypes, json, os, resource, struct, sys
job = json.loads(sys.argv[1])
def limit(which, most):
    most = min([most, *(old for old in resource.getrlimit(which)[1:] if old >= 0)])
    resource.setrlimit(which, (most, most))
libc = ctypes.CDLL(None, use_errno=True)
def must(result, what):
    if result < 0:
        raise SystemExit("no sandbox: %s (%s)" % (what, os.strerror(ctypes.get_errno())))
    return result
must(libc.prctl(38, 1, 0, 0, 0), "no_new_privs")
if job["files"]:
    abi = must(libc.syscall(444, None, ctypes.c_size_t(0), 1), "landlock")
    rights = [0, 13, 14, 15, 15, 16][min(abi, 5)]
    handled = struct.pack("Q", (1 << rights) - 1)
    rules = must(libc.syscall(444, handled, ctypes.c_size_t(len(handled)), 0), "landlock")
    for path, allowed in job["files"]:
        if os.path.exists(path):
            allowed &= (1 << rights) - 1
            if not os.path.isdir(path):
                allowed &= ~0x1ff8
            place = os.open(path, os.O_PATH | os.O_CLOEXEC)
            must(libc.syscall(445, rules, 1, struct.pack("=Qi", allowed, place), 0), "landlock")
            os.close(place)
    must(libc.syscall(446, rules, 0), "landlock")
    os.close(rules)
limit(resource.RLIMIT_CPU, job["cpu"])
limit(resource.RLIMIT_AS, job["memory"])
limit(resource.RLIMIT_FSIZE, job["file"])
limit(resource.RLIMIT_NOFILE, 64)
limit(resource.RLIMIT_CORE, 0)
if not job["files"]:
    limit(resource.RLIMIT_NPROC, 128)  # counts what is in its namespace; for root there is no such limit
if job["denied"]:
    code = lambda what, yes, no, k: struct.pack("=HBBI", what, yes, no, k & 0xffffffff)
    lines = [code(0x20, 0, 0, 4), code(0x15, 1, 0, job["arch"]), code(0x06, 0, 0, 0x80000000), code(0x20, 0, 0, 0)]
    lines += [code(0x35, 0, 1, 0x40000000), code(0x06, 0, 0, 0x50001)]  # the x32 numbers
    for number in job["denied"]:
        lines += [code(0x15, 0, 1, number), code(0x06, 0, 0, 0x50001)]
    lines += [code(0x15, 0, 1, 435), code(0x06, 0, 0, 0x50026)]  # clone3 hides its flags: ENOSYS, then clone is tried
    lines += [code(0x15, 0, 3, job["clone"]), code(0x20, 0, 0, 16), code(0x45, 1, 0, 0x10000), code(0x06, 0, 0, 0x50001)]
    lines += [code(0x06, 0, 0, 0x7fff0000)]
    buffer = ctypes.create_string_buffer(b"".join(lines))
    program = ctypes.create_string_buffer(struct.pack("HxxxxxxP", len(lines), ctypes.addressof(buffer)))
    must(libc.prctl(22, 2, ctypes.byref(program), 0, 0), "seccomp")
del ctypes, libc, limit, must, resource, struct
sys.argv = ["answer"]
"""


@functools.cache
def sandbox_kind() -> str | None:
    """ "bubblewrap", "landlock", or None where neither works; each was tried on a program that breaks out of nothing."""
    for kind in ("bubblewrap", "landlock"):
        with tempfile.TemporaryDirectory() as folder:
            try:
                process = sandboxed("print('inside')", kind, folder, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
                output, _ = process.communicate(timeout=30)
            except (OSError, subprocess.TimeoutExpired):
                continue
            if output == b"inside\n":
                return kind
    return None


def sandboxed(
    program: str, kind: str, folder: str, *, cpu: int = 10, fds: Sequence[int] = (), **streams: Any
) -> "subprocess.Popen[bytes]":
    """Start a program, as the leader of a process group. `folder` is the one it may write to, where kind is landlock."""
    number = {"x86_64": 0, "aarch64": 1}.get(platform.machine())
    denied = (
        sorted(numbers[number] for numbers in _DENIED.values() if numbers[number] >= 0) if number is not None else []
    )
    job: dict[str, Any] = {"cpu": cpu, "memory": SANDBOX_MEMORY, "file": SANDBOX_FILE, "denied": denied, "files": []}
    job |= {"arch": (0xC000003E, 0xC00000B7)[number or 0], "clone": (56, 220)[number or 0]}
    python = os.path.realpath(sys.executable)
    if kind == "bubblewrap":
        before = _bubblewrap()
    else:
        if number is None:
            raise OSError("the filter of system calls knows x86_64 and aarch64 only")
        before, job["files"] = [], [*((place, 12) for place in _readable()), (folder, 0x1FFE & ~0x1), ("/dev/null", 6)]
    arguments = [python, "-I", "-S", "-B", "-c", _GUARD + program, json.dumps(job)]
    given: dict[str, Any] = {"stdin": subprocess.DEVNULL} | streams
    command = [*before, *arguments]
    return subprocess.Popen(command, env={}, cwd=folder, start_new_session=True, pass_fds=fds, **given)


def sandbox_end(process: "subprocess.Popen[bytes]") -> None:
    """End all that it started."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    process.wait()


def _readable() -> list[str]:
    """Python itself, and what it is linked to."""
    return [os.path.realpath(sys.base_prefix), "/usr", "/lib", "/lib64", "/etc/ld.so.cache", "/dev/urandom"]


def _bubblewrap() -> list[str]:
    program = shutil.which("bwrap")
    if program is None:
        raise OSError("bwrap is not installed")
    command = [program, "--unshare-all", "--unshare-user", "--die-with-parent", "--new-session", "--clearenv"]
    command += ["--cap-drop", "ALL", "--ro-bind", "/usr", "/usr"]
    for place in ("/lib", "/lib64", "/bin"):
        if os.path.islink(place):
            command += ["--symlink", os.readlink(place), place]
        elif os.path.isdir(place):
            command += ["--ro-bind", place, place]
    prefix = os.path.realpath(sys.base_prefix)
    if not prefix.startswith("/usr"):
        command += ["--ro-bind", prefix, prefix]
    command += ["--proc", "/proc", "--dev", "/dev", "--size", str(32 << 20), "--tmpfs", "/w", "--chdir", "/w"]
    return [*command, "--remount-ro", "/"]
