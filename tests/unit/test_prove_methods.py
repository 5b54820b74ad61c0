"""The script that tunebook writes for each method passes its proof in miniature, within a minute on two cores."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from environments import COUNTER
from proving import ENVIRONMENT, Prover, check, data, failed, script, settings, warm_prover

from tunebook.pipeline.prove.result import Proof
from tunebook.pipeline.rewards import RewardCode

#: What a method's script needs beside the small settings.
REWARD = """
def right(completions, answer, **kwargs):
    return [float(one[0]["content"].strip() == wanted) for one, wanted in zip(completions, answer)]


REWARDS = [right]
REWARD_WEIGHTS = None
ENVIRONMENT = None
"""
CHECKS = ["runs", "tokens", "overfits", "moves", "frozen", "checkpoint", "metrics", "signal"]


@pytest.fixture(scope="module")
def prover() -> Iterator[Prover]:
    with warm_prover() as made:
        yield made


def made(method: str, model: Path, kinds: Path, folder: Path, *changes: tuple[str, str], **more: object) -> Path:
    source = data(kinds, folder / "rows", method)
    if method in ("dpo", "kto", "grpo"):
        more = {"beta": 0.0 if method == "grpo" else 0.1, **more}
    if method == "grpo":
        names = {"names": ["right"], "weights": [1.0], "requirements": {}}
        more = {"rewards": RewardCode(source=REWARD, **names), **more}
    return script(folder / "train.py", settings(model, source, method=method, **more), *changes)


def test_the_supervised_script_passes_as_a_job_of_its_own(model_folder: Path, kinds: Path, tmp_path: Path) -> None:
    """With the imports, as a person waits for it."""
    train = made("sft", model_folder, kinds, tmp_path)
    before = train.read_bytes()
    (tmp_path / "config.json").write_text(json.dumps({"script": str(train)}))
    command = [sys.executable, "-m", "tunebook.pipeline.prove.job", "config.json", "result.json"]
    subprocess.run(command, cwd=tmp_path, env=os.environ | ENVIRONMENT, check=True, capture_output=True)
    proof = Proof.model_validate_json((tmp_path / "result.json").read_text())
    print(f"\nproved in {proof.seconds} s: {check(proof, 'runs').evidence}")
    assert proof.passed, proof
    assert [one.id for one in proof.checks] == [*CHECKS[:3], "stops", "stops-control", *CHECKS[3:]]
    assert "8 of 8 answers exact" in check(proof, "overfits").evidence
    assert train.read_bytes() == before


@pytest.mark.slow
@pytest.mark.parametrize("method", ["dpo", "kto", "reward", "grpo"])
def test_the_script_of_each_method_passes_every_check(
    method: str, prover: Prover, model_folder: Path, kinds: Path, tmp_path: Path
) -> None:
    proof = prover.prove(made(method, model_folder, kinds, tmp_path), quick=False)
    print(f"\n{method} proved in {proof.seconds} s: {check(proof, 'runs').evidence}")
    assert proof.passed, proof
    own = ["reward-varies", "right.runs", "right.numbers", "right.varies"] if method == "grpo" else ["overfits"]
    assert [one.id for one in proof.checks] == [*CHECKS[:2], *own, *CHECKS[3:]]


@pytest.mark.slow
@pytest.mark.parametrize(
    "more",
    [
        {"lora_rank": None, "learning_rate": 1e-5},
        {"cards": 2, "four_bit": True, "half_weights": True, "checkpointing": True, "accumulation": 4, "max_steps": 2},
        {"packing": True},
    ],
    ids=["full", "two cards, 4 bit", "packed"],
)
def test_scripts_for_other_machines_and_tunings_pass_here(
    more: dict[str, object], prover: Prover, model_folder: Path, kinds: Path, tmp_path: Path
) -> None:
    proof = prover.prove(made("sft", model_folder, kinds, tmp_path, **more))
    print(f"\nproved in {proof.seconds} s: {check(proof, 'runs').evidence}")
    assert proof.passed, proof


@pytest.mark.slow
@pytest.mark.parametrize(
    ("change", "name", "evidence"),
    [
        (("return [float(", "return [0.5 + 0 * float("), "reward-varies", "0.5 for every answer"),
        (("return [float(", "return [str("), "runs", "returns text in place of a number"),
        (("    return [float(", "    return 1 / 0 or [float("), "runs", "ZeroDivisionError"),
        (("return [float(", "return [float('nan') + float("), "reward-varies", "NaN or None"),
    ],
    ids=["constant", "text", "raises", "nan"],
)
def test_rewards_that_teach_nothing_are_told(
    change: tuple[str, str], name: str, evidence: str, prover: Prover, model_folder: Path, kinds: Path, tmp_path: Path
) -> None:
    proof = prover.prove(made("grpo", model_folder, kinds, tmp_path, change), "run")
    assert name in failed(proof), proof
    assert evidence.lower() in check(proof, name).evidence.lower()


@pytest.mark.slow
def test_an_environment_runs_though_a_random_clone_calls_no_tool(
    prover: Prover, model_folder: Path, kinds: Path, tmp_path: Path
) -> None:
    import trl

    from tunebook.pipeline.rewards import environment

    model = tmp_path / "model"
    shutil.copytree(model_folder, model, ignore=shutil.ignore_patterns("*.safetensors"))
    template = Path(trl.__file__).parent / "chat_templates" / "qwen3.jinja"  # one that has a place for tools
    shutil.copy(template, model / "chat_template.jinja")
    (tmp_path / "env.py").write_text(COUNTER)
    more = {"environment": environment(f"{tmp_path}/env.py:Counter")}
    none = RewardCode(source="REWARDS = []\nREWARD_WEIGHTS = []\n", names=[], weights=[], requirements={})
    proof = prover.prove(made("grpo", model, kinds, tmp_path, rewards=none, **more), "run")
    assert proof.passed, proof
    assert "calls no tool" in check(proof, "reward-varies").evidence
