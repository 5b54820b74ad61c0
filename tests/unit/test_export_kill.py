"""An export that is killed leaves nothing half under a final name, and the next one starts clean."""

from __future__ import annotations

import json
import os
import shutil
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from tiny import tiny_model

from tunebook.pipeline.errors import WorkFailed
from tunebook.pipeline.export.files import WORK_PREFIX
from tunebook.pipeline.export.gguf import Converter, quantise
from tunebook.pipeline.progress import NONCE_VARIABLE, parse

NONCE = "killtest"


@pytest.fixture(scope="module")
def tiny(model_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_model(model_folder, tmp_path_factory.mktemp("tiny") / "model")


class Job:
    """An export of the tiny model in a process of its own."""

    def __init__(self, tiny: Path, folder: Path) -> None:
        self.out, self.result = folder / "out", folder / "result.json"
        config = {"checkpoint": str(tiny), "out": str(self.out), "quants": ["F16", "Q8_0"], "name": "tiny"}
        (folder / "config.json").write_text(json.dumps(config))
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tunebook.pipeline.export.job", folder / "config.json", self.result],
            env={**os.environ, NONCE_VARIABLE: NONCE},
            stdout=subprocess.PIPE,
            stderr=(folder / "log.txt").open("w"),
            text=True,
        )

    def says(self) -> Iterator[str]:
        assert self.process.stdout
        for line in self.process.stdout:
            event = parse(line, NONCE)
            if event:
                yield str(event["text"])

    def children(self) -> list[psutil.Process]:
        return psutil.Process(self.process.pid).children(recursive=True)


def whole(out: Path) -> list[str]:
    """The names in `out` that people see, each checked to be whole."""
    from gguf import GGUFReader
    from safetensors import safe_open

    names = sorted(path.name for path in out.iterdir() if not path.name.startswith("."))
    for name in names:
        if name.endswith(".gguf"):
            reader = GGUFReader(out / name)
            last = max(reader.tensors, key=lambda tensor: tensor.data_offset)
            assert (out / name).stat().st_size >= last.data_offset + last.n_bytes
            assert len(reader.tensors) == 20
        else:
            assert name == "merged"
            with safe_open(out / name / "model.safetensors", "np") as file:
                assert len(file.keys()) == 20
            assert (out / name / "tokenizer.json").stat().st_size > 1_000_000
    return names


def test_killed_at_each_step_it_leaves_only_whole_files_and_the_next_run_ends_clean(tiny: Path, tmp_path: Path) -> None:
    for moment in ("converting", "quantising to Q8_0"):
        job = Job(tiny, tmp_path)
        assert any(what.startswith(moment) for what in job.says()), (tmp_path / "log.txt").read_text()[-2000:]
        children = job.children()
        job.process.send_signal(signal.SIGKILL)
        job.process.wait()
        assert not job.result.exists()
        _, alive = psutil.wait_procs(children, timeout=60)
        assert not alive, "the converter outlived its export"
        assert set(whole(job.out)) <= {"merged", "tiny-F16.gguf", "tiny-Q8_0.gguf"}
        assert list(job.out.glob(f"{WORK_PREFIX}*")), "it was not killed in the middle of its work"

    job = Job(tiny, tmp_path)
    list(job.says())
    assert job.process.wait() == 0, (tmp_path / "log.txt").read_text()[-2000:]
    assert whole(job.out) == ["merged", "tiny-F16.gguf", "tiny-Q8_0.gguf"]
    assert not list(job.out.glob(f"{WORK_PREFIX}*"))
    assert (job.out / "merged" / "model.safetensors").samefile(tiny / "model.safetensors")
    result: dict[str, Any] = json.loads(job.result.read_text())
    assert result["answer"] is None
    assert [file["certificate"]["token_ids_equal"] for file in result["export"]["gguf"]] == [True, True]
    assert result["export"]["gguf"][0]["certificate"]["passed"]


def test_a_model_that_the_converter_does_not_know_is_told_in_its_words(tiny: Path, tmp_path: Path) -> None:
    strange = shutil.copytree(tiny, tmp_path / "strange")
    config = json.loads((strange / "config.json").read_text())
    (strange / "config.json").write_text(json.dumps(config | {"architectures": ["NobodysForCausalLM"]}))
    with Converter(tmp_path) as converter:
        converter.start(strange, tmp_path / "x.gguf", outtype="f32", name="x")
        with pytest.raises(WorkFailed, match=r"cannot be converted to GGUF: .*NobodysForCausalLM is not supported"):
            converter.wait(1, lambda _share: None)
    assert not (tmp_path / "x.gguf").exists()


def test_a_quantiser_on_path_comes_first_and_its_failure_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tool = tmp_path / "bin" / "llama-quantize"
    tool.parent.mkdir()
    tool.write_text('#!/bin/sh\n[ "$3" = Q8_0 ] || { echo "no such type" >&2; exit 1; }\ncp "$1" "$2"\n')
    tool.chmod(tool.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{tool.parent}:{os.environ['PATH']}")
    source, made = tmp_path / "a.gguf", tmp_path / "b.gguf"
    source.write_bytes(b"not a GGUF: llama-cpp-python would refuse it")
    quantise(source, made, "Q8_0", threads=1)
    assert made.read_bytes() == source.read_bytes()
    with pytest.raises(WorkFailed, match="Q2_K cannot be made: no such type"):
        quantise(source, tmp_path / "c.gguf", "Q2_K", threads=1)


def test_the_quantiser_of_llama_cpp_python_gives_its_reason(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda _name: None)
    source = tmp_path / "a.gguf"
    source.write_bytes(b"not a GGUF")
    started = time.monotonic()
    with pytest.raises(WorkFailed, match=r"Q4_K_M cannot be made: .*(magic|load|quantize)"):
        quantise(source, tmp_path / "b.gguf", "Q4_K_M", threads=1)
    assert time.monotonic() - started < 30
