"""An environment of OpenEnv, served by its own server and asked through its own client, as the source of GRPO's tasks."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from proving import check, data, script, settings, warm_prover

from tunebook.pipeline.rewards import RewardCode, environment, try_environment

ROOT = Path(__file__).resolve().parents[2]
SERVED = f"{ROOT / 'examples' / 'environments' / 'openenv_env.py'}:Served"

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def openenv(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """OpenEnv beside what is installed: it wants a Pillow of its own, for a web page that nothing here asks for."""
    folder = tmp_path_factory.mktemp("openenv")
    install = [
        sys.executable,
        "-m",
        "uv",
        "pip",
        "install",
        "--quiet",
        "--python",
        sys.executable,
        "--target",
        str(folder),
    ]
    versions = ["--constraint", str(ROOT / "tools" / "constraints.txt")]
    subprocess.run([*install, *versions, "fastapi", "fastmcp>=3,<4"], check=True)
    subprocess.run([*install, "--no-deps", "openenv-core>=0.3,<0.4"], check=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", os.pathsep.join(filter(None, [str(folder), os.environ.get("PYTHONPATH")])))
        patch.syspath_prepend(folder)  # who writes the script looks up what it needs
        yield folder


@pytest.fixture(scope="module")
def server(openenv: Path) -> Iterator[str]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process = subprocess.Popen([sys.executable, str(ROOT / "tests" / "openenv_server.py"), str(port)], cwd=openenv)
    try:
        for _ in range(600):
            assert process.poll() is None, "the server has ended"
            with socket.socket() as knock:
                if knock.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.1)
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("OPENENV_URL", f"http://127.0.0.1:{port}")
            yield os.environ["OPENENV_URL"]
    finally:
        process.kill()
        process.wait()


@pytest.mark.usefixtures("server")
def test_the_trial_plays_it_as_trl_does() -> None:
    code = environment(SERVED)
    assert "openenv-core" in code.requirements
    checks = try_environment(code)
    assert [one.id for one in checks] == ["environment.reset", "environment.tools", "environment.reward"]
    assert all(one.passed for one in checks), checks


@pytest.mark.usefixtures("server")
def test_a_script_with_it_is_proved(model_folder: Path, kinds: Path, tmp_path: Path) -> None:
    import trl

    model = tmp_path / "model"
    shutil.copytree(model_folder, model, ignore=shutil.ignore_patterns("*.safetensors"))
    shutil.copy(Path(trl.__file__).parent / "chat_templates" / "qwen3.jinja", model / "chat_template.jinja")
    none = RewardCode(source="REWARDS = []\nREWARD_WEIGHTS = []\n", names=[], weights=[], requirements={})
    made = settings(
        model,
        data(kinds, tmp_path / "rows", "grpo"),
        method="grpo",
        beta=0.0,
        rewards=none,
        environment=environment(SERVED),
    )
    train = script(tmp_path / "train.py", made)
    assert "openenv-core>=0.3" in train.read_text().split("# ///")[1]
    with warm_prover() as prover:
        proof = prover.prove(train, "run")
    assert proof.passed, proof
    assert "calls no tool" in check(proof, "reward-varies").evidence


@pytest.mark.usefixtures("openenv")
def test_without_its_server_one_line_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENENV_URL", "http://127.0.0.1:9")
    (failed,) = [one for one in try_environment(environment(SERVED)) if not one.passed]
    assert failed.id == "environment.reset" and "onnect" in failed.evidence
