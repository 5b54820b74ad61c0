"""The probe job itself: real steps of the real small model, and what it does when there is nothing it can run."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tunebook.pipeline.hardware.choice import Wanted, choose
from tunebook.pipeline.hardware.local import local_options
from tunebook.pipeline.hardware.machine import this_machine
from tunebook.pipeline.hardware.probe import ProbeResult
from tunebook.pipeline.progress import parse

GIB = 2**30


def probe(folder: Path, **config: Any) -> tuple[subprocess.CompletedProcess[str], dict[str, Any]]:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps(config))
    command = [sys.executable, "-m", "tunebook.pipeline.hardware.job", "config.json", "result.json"]
    environment = {**os.environ, "TUNEBOOK_NONCE": "n0"}
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=500
    )
    return done, json.loads((folder / "result.json").read_text())


def config_only(folder: Path, **sizes: int) -> Path:
    """A model folder that has no weights."""
    facts = {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "hidden_size": 64,
        "intermediate_size": 128,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "vocab_size": 512,
    }
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps(facts | sizes))
    return folder


def test_a_real_model_is_measured_and_chosen(tmp_path: Path, model_folder: Path) -> None:
    done, found = probe(tmp_path / "job", model=str(model_folder), batch_size=2, lengths=[12, 16, 24], longest=32)
    assert done.returncode == 0, done.stderr
    result = ProbeResult.model_validate(found)
    lora, full = result.tunings
    for one in (lora, full):
        assert one.status == "measured", one.source
        assert [step.purpose for step in one.steps] == ["warm-up", "time", "memory"]
        assert one.steps[-1].widest == 2 * 32
        seconds = [step.seconds for step in one.steps]
        assert min(seconds) / 2 <= (one.step_seconds or 0) <= 2 * max(seconds)
        assert one.start_seconds
        assert one.heldout_row_seconds
        assert one.source == "measured on this machine with 2 real steps"
    assert full.parameters == full.trainable == 134_515_008
    assert lora.trainable == (lora.parameters or 0) - full.parameters == 4_884_480
    # Full training keeps a gradient and two moments beside each weight, 16 bytes; LoRA's base keeps its 4.
    assert (full.peak_gib or 0) > 16 * full.parameters / GIB
    assert (lora.peak_gib or 0) > 4 * full.parameters / GIB
    assert (full.peak_gib or 0) - (lora.peak_gib or 0) > 8 * full.parameters / GIB

    told = [event for line in done.stdout.splitlines() if (event := parse(line, "n0"))]
    assert [event["done"] for event in told] == list(range(7))
    assert {event["total"] for event in told} == {6}
    assert not list((tmp_path / "job").glob("probe-*")), "what the trainer wrote is deleted"

    options = local_options(result, machine=this_machine(), steps=20, evaluation_forecast_seconds=60)
    chosen = choose(options, Wanted()).option
    assert chosen is not None
    assert chosen.tuning == "lora"
    assert chosen.hours is not None
    assert chosen.hours.p50 == pytest.approx(
        ((lora.start_seconds or 0) + 20 * (lora.step_seconds or 0) + 60) / 3600, rel=0.01
    )


def test_a_model_that_cannot_fit_is_sized_and_not_loaded(tmp_path: Path) -> None:
    model = config_only(tmp_path / "huge", hidden_size=65_536, intermediate_size=262_144, vocab_size=32_000)
    done, found = probe(tmp_path / "job", model=str(model), batch_size=1, lengths=[8])
    assert done.returncode == 0, done.stderr
    result = ProbeResult.model_validate(found)
    assert [one.status for one in result.tunings] == ["estimated", "estimated"]
    full = result.tunings[1]
    assert full.peak_gib == pytest.approx(16 * (full.parameters or 0) / GIB)
    assert "not run" in full.source
    choice = choose(local_options(result, machine=this_machine(), steps=10), Wanted())
    assert choice.option is None
    assert "take a smaller model" in choice.reason


def test_a_model_without_weights_fails_with_its_reason_and_without_a_model_the_call_is_wrong(tmp_path: Path) -> None:
    model = config_only(tmp_path / "empty")
    done, found = probe(tmp_path / "job", model=str(model), batch_size=1, lengths=[8], tunings=["lora"])
    assert done.returncode == 0, done.stderr
    (lora,) = ProbeResult.model_validate(found).tunings
    assert lora.status == "failed"
    assert lora.source

    done, found = probe(tmp_path / "wrong", model=str(tmp_path), batch_size=1, lengths=[8])
    assert done.returncode == 2
    assert found["error"]["field"] == "model"
    assert done.stderr.strip().splitlines()[-1].startswith("model ")
