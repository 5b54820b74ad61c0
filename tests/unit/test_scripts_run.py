"""Scripts at work on the tiny model: several processes, an adapter to go on with, a signal, a time limit, by hand."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from scripts import METHODS, script
from tiny import tiny_model

from examples.method_data import method_data

Events = list[dict[str, Any]]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory, model_folder: Path) -> Path:
    return tiny_model(model_folder, tmp_path_factory.mktemp("model") / "tiny")


@pytest.fixture
def data(tmp_path: Path, kinds: Path) -> Path:
    return method_data("sft", kinds, tmp_path / "data")


def start(folder: Path, text: str, output: Path | None = None, **env: str) -> subprocess.Popen[bytes]:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "train.py").write_text(text, encoding="utf-8")
    command = [sys.executable, "train.py", "--output", str(output or folder / "output")]
    env = {**os.environ, "TUNEBOOK_METRICS": str(folder / "events.jsonl"), "OMP_NUM_THREADS": "1", **env}
    with (folder / "log.txt").open("wb") as log:
        return subprocess.Popen(command, cwd=folder, env=env, stdout=log, stderr=log)


def ran(folder: Path, text: str, output: Path | None = None, *, code: int = 0, **env: str) -> Events:
    """What the script told, after it ended with this exit code."""
    ended = start(folder, text, output, **env).wait(timeout=300)
    assert ended == code, (folder / "log.txt").read_text()[-3000:]
    return events(folder)


def events(folder: Path) -> Events:
    try:
        return [json.loads(line) for line in (folder / "events.jsonl").read_text().splitlines()]
    except FileNotFoundError:
        return []


def losses(told: Events) -> dict[int, float]:
    return {one["step"]: one["values"]["loss"] for one in told if one["event"] == "metrics" and "loss" in one["values"]}


def wait_for(folder: Path, step: int, job: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + 200
    while not any(at >= step for at in losses(events(folder))):
        assert job.poll() is None, (folder / "log.txt").read_text()[-3000:]
        assert time.monotonic() < until, "no step in time"
        time.sleep(0.05)


def checkpoints(output: Path) -> list[str]:
    return sorted(path.parent.name for path in output.glob("checkpoint-*/whole.json"))


def test_sigterm_saves_what_was_learned_and_the_next_start_goes_on_from_it(
    tmp_path: Path, model: Path, data: Path
) -> None:
    text = script("sft", model, data, max_steps=400, save_steps=400, eval_steps=400)
    job = start(tmp_path / "run", text)
    wait_for(tmp_path / "run", 3, job)
    job.send_signal(signal.SIGTERM)
    assert job.wait(timeout=60) == 128 + signal.SIGTERM
    [saved] = checkpoints(tmp_path / "run" / "output")
    step = int(saved.split("-")[1])
    assert step >= 3
    shorter = text.replace("MAX_STEPS = 400", f"MAX_STEPS = {step + 2}")
    told = ran(tmp_path / "again", shorter, tmp_path / "run" / "output")
    assert min(losses(told)) == step + 1


def test_training_stops_before_its_time_limit_and_keeps_what_is_there(tmp_path: Path, model: Path, data: Path) -> None:
    text = script("sft", model, data, max_steps=100_000, save_steps=50_000, eval_steps=50_000)
    began = time.monotonic()
    told = ran(tmp_path / "run", text, TUNEBOOK_TIME_LIMIT_S="45")
    assert time.monotonic() - began < 45
    assert [one["why"] for one in told if one["event"] == "stopping"] == ["its time is nearly up"]
    assert len(checkpoints(tmp_path / "run" / "output")) == 1


@pytest.mark.slow
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("tuning", ["lora", "full"])
def test_two_processes_train_as_one_would(method: str, tuning: str, tmp_path: Path, model: Path, kinds: Path) -> None:
    """DDP over gloo on this CPU, started by the script itself through `accelerate launch`."""
    data = method_data(method, kinds, tmp_path / "data")
    rank = 8 if tuning == "lora" else None
    more: dict[str, Any] = {"max_steps": 3, "save_steps": 3, "eval_steps": 3, "lora_rank": rank}
    told = ran(tmp_path / "two", script(method, model, data, cards=2, device_batch_size=4, **more))
    assert [one["step"] for one in told if one["event"] == "checkpoint"] == [3], "each is told once"
    assert sorted(losses(told)) == [1, 2, 3]
    assert checkpoints(tmp_path / "two" / "output") == ["checkpoint-3"]
    folder = tmp_path / "two" / "output" / "checkpoint-3"
    assert {"rng_state_0.pth", "rng_state_1.pth"} <= set(json.loads((folder / "whole.json").read_text()))


@pytest.mark.slow
def test_two_processes_share_the_weights_of_one_model(tmp_path: Path, model: Path, data: Path) -> None:
    """FSDP2 over gloo on this CPU; what it saves is an ordinary checkpoint, and it goes on from it."""
    more: dict[str, Any] = {"cards": 2, "sharded": True, "lora_rank": None, "device_batch_size": 2}
    whole = ran(tmp_path / "whole", script("sft", model, data, max_steps=4, save_steps=2, **more))
    assert checkpoints(tmp_path / "whole" / "output") == ["checkpoint-2", "checkpoint-4"]
    from transformers import AutoModelForCausalLM

    AutoModelForCausalLM.from_pretrained(tmp_path / "whole" / "output" / "checkpoint-4")
    import shutil

    shutil.rmtree(tmp_path / "whole" / "output" / "checkpoint-4")
    again = ran(
        tmp_path / "again", script("sft", model, data, max_steps=4, save_steps=2, **more), tmp_path / "whole" / "output"
    )
    assert losses(again)[4] == pytest.approx(losses(whole)[4], rel=1e-3)


@pytest.mark.slow
@pytest.mark.parametrize("method", METHODS)
def test_training_goes_on_with_an_adapter(method: str, tmp_path: Path, model: Path, kinds: Path) -> None:
    first = "reward" if method == "reward" else "sft"
    ran(tmp_path / "one", script(first, model, method_data(first, kinds, tmp_path / "first")))
    adapter = tmp_path / "one" / "output" / "checkpoint-6"
    data = method_data(method, kinds, tmp_path / "data")
    told = ran(tmp_path / "two", script(method, model, data, adapter=str(adapter), max_steps=3, save_steps=3))
    assert sorted(losses(told)) == [1, 2, 3]
    import safetensors.torch

    before, after = (
        safetensors.torch.load_file(folder / "adapter_model.safetensors")
        for folder in (adapter, tmp_path / "two" / "output" / "checkpoint-3")
    )
    assert before.keys() == after.keys()
    assert any(not before[name].equal(after[name]) for name in before)
    assert all((before[name] - after[name]).abs().max() < 0.1 for name in before), "it went on, and did not begin anew"


@pytest.mark.slow
def test_by_hand_and_through_the_pipeline_it_learns_the_same(tmp_path: Path, model: Path, data: Path) -> None:
    import tunebook
    from tunebook.pipeline.run_folder import RunFolder

    said = (
        f"model: {model}\ndataset: {data}\nmax_steps: 6\nsave_steps: 3\nbatch_size: 4\nlearning_rate: 1e-3\ngguf: none"
    )
    run = tunebook.run(said, yes=True, wait=True)
    assert run.state == "succeeded", tunebook.show(run.run_id).why
    written = tunebook.script(run.plan_id, output=str(tmp_path / "train.py"))
    told = ran(tmp_path / "hand", Path(written.path).read_text())
    series = dict(tunebook.metrics(run.run_id).series["train/loss"])
    assert losses(told) == pytest.approx(series, rel=1e-4)
    import safetensors.torch

    for name in ("checkpoint-3", "checkpoint-6"):
        one, other = (
            safetensors.torch.load_file(folder / name / "adapter_model.safetensors")
            for folder in (RunFolder(run.run_id).output, tmp_path / "hand" / "output")
        )
        assert all((one[key] - other[key]).abs().max() < 1e-5 for key in one)


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_uv_installs_what_the_header_pins_and_runs_it(tmp_path: Path, model: Path, data: Path) -> None:
    """As a person or a rented machine starts it: an environment of its own, made from the PEP 723 table alone."""
    from importlib.metadata import version

    run = tmp_path / "run"
    run.mkdir()
    (run / "train.py").write_text(script("sft", model, data, report_to=["trackio"]), encoding="utf-8")
    env = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "VIRTUAL_ENV")}
    env |= {"UV_CACHE_DIR": str(tmp_path / "uv"), "TUNEBOOK_METRICS": str(run / "events.jsonl")}
    command = [
        sys.executable,
        "-m",
        "uv",
        "run",
        "--python",
        sys.executable,
        "train.py",
        "--output",
        str(run / "output"),
    ]
    done = subprocess.run(command, cwd=run, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    assert sorted(losses(events(run))) == [1, 2, 3, 4, 5, 6]
    assert checkpoints(run / "output") == ["checkpoint-3", "checkpoint-6"]
    told = json.loads((run / "output" / "checkpoint-6" / "adapter_config.json").read_text())
    assert told["peft_version"].split(".")[:2] == version("peft").split(".")[:2]
