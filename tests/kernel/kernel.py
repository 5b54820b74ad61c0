"""A real IPython kernel, driven as a front end drives it: cells in, messages out."""

from __future__ import annotations

import queue
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from jupyter_client.blocking.client import BlockingKernelClient
from jupyter_client.manager import KernelManager

ANSI = re.compile(r"\x1b\[[0-9;]*m")


@dataclass
class Outcome:
    """What one cell gave. `outputs` are iopub messages of display, stream and error."""

    reply: dict[str, Any]
    messages: list[dict[str, Any]] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def failed(self) -> bool:
        return bool(self.reply["status"] == "error")

    def of(self, kind: str) -> list[dict[str, Any]]:
        return [message["content"] for message in self.messages if message["msg_type"] == kind]

    def stream(self, name: str) -> str:
        return ANSI.sub("", "".join(content["text"] for content in self.of("stream") if content["name"] == name))

    @property
    def stdout(self) -> str:
        return self.stream("stdout")

    @property
    def stderr(self) -> str:
        return self.stream("stderr")


class Kernel:
    """One kernel process. `widgets`: whether it is asked as JupyterLab does (input allowed) or as nbclient does."""

    def __init__(self, manager: KernelManager, client: BlockingKernelClient, widgets: bool) -> None:
        self.manager, self.client, self.widgets = manager, client, widgets
        #: Messages that belong to no cell that is being waited for: what threads send later.
        self.later: list[dict[str, Any]] = []

    def run(self, code: str, timeout: float = 120) -> Outcome:
        """Run a cell and wait for its reply and for the end of its outputs."""
        began, messages = time.monotonic(), list[dict[str, Any]]()
        asked = self.client.execute(code, allow_stdin=self.widgets)
        while True:
            message = self.client.get_iopub_msg(timeout=timeout)
            if message["parent_header"].get("msg_id") != asked:
                self.later.append(message)
            elif message["msg_type"] == "status" and message["content"]["execution_state"] == "idle":
                break
            else:
                messages.append(message)
        reply = self.client.get_shell_msg(timeout=timeout)
        while reply["parent_header"].get("msg_id") != asked:
            reply = self.client.get_shell_msg(timeout=timeout)
        return Outcome(reply["content"], messages, time.monotonic() - began)

    def heard(self, wanted: Any, timeout: float = 60) -> dict[str, Any]:
        """The first message from now on, or put aside before, for which `wanted(message)` holds."""
        deadline = time.monotonic() + timeout
        for message in self.later:
            if wanted(message):
                return message
        while time.monotonic() < deadline:
            try:
                message = self.client.get_iopub_msg(timeout=1)
            except queue.Empty:
                continue
            self.later.append(message)
            if wanted(message):
                return message
        raise AssertionError(f"nothing of the kind was heard in {timeout} s")

    def send(self, comm_id: str, content: dict[str, Any]) -> None:
        """What a widget's view does with `model.send(content)`."""
        data = {"method": "custom", "content": content}
        self.client.shell_channel.send(self.client.session.msg("comm_msg", {"comm_id": comm_id, "data": data}))

    def restart(self) -> None:
        self.manager.restart_kernel(now=True)
        self.client.wait_for_ready(timeout=60)
        self.later.clear()


@contextmanager
def kernel(folder: Path, *, widgets: bool = False, load: bool = True) -> Iterator[Kernel]:
    """A kernel that works in `folder`. It ends with the block; runs that it started do not."""
    manager = KernelManager(kernel_name="python3")
    manager.start_kernel(cwd=str(folder))
    client = manager.client()
    client.start_channels()
    try:
        client.wait_for_ready(timeout=60)
        made = Kernel(manager, client, widgets)
        if load:
            assert not made.run("%load_ext tunebook").failed
        yield made
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
