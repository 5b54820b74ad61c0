"""`tunebook memory` answers with its JSON, tells in one line what is wrong with a call, and outlives its own process."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from shapes import config

import tunebook
from tunebook.cli import main
from tunebook.pipeline.errors import CallError, WorkFailed
from tunebook.pipeline.hardware.oracle import oracle

SMALL: dict[str, Any] = {
    "model_type": "qwen2",
    "hidden_size": 64,
    "num_hidden_layers": 4,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "intermediate_size": 128,
    "vocab_size": 1000,
    "tie_word_embeddings": True,
}
BERT = SMALL | {"model_type": "bert", "architectures": ["BertModel"]}
T5 = {"model_type": "t5", "d_model": 64, "num_layers": 4, "num_heads": 4, "d_ff": 128, "vocab_size": 1000}
FIELDS = {"allocated_gib", "reserved_gib", "context_gib", "breakdown", "seconds"}  # of the interface
MORE = {"phase", "parameters", "trainable", "flops", "exact", "note"}
PARTS = {"weights", "adapter", "gradients", "optimizer", "activations", "logits", "working"}


@pytest.fixture
def small(tmp_path: Path) -> str:
    return config(tmp_path / "small", **SMALL)


def call(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    """The exit code, stdout and stderr."""
    capsys.readouterr()
    code = main(["memory", *words, "--json"])
    return code, *capsys.readouterr()


def refused(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    """The one line that a wrong call gets."""
    code, out, err = call(capsys, *words)
    assert (code, out, err.count("\n")) == (2, "", 1), (code, out, err)
    return err


def test_the_json_has_the_fields_of_the_interface(small: str, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = call(capsys, small)
    assert (code, err, out.count("\n")) == (0, "", 1)
    found = json.loads(out)
    assert set(found) == FIELDS | MORE
    assert set(found["breakdown"]) == PARTS
    assert sum(found["breakdown"].values()) == pytest.approx(found["allocated_gib"], abs=4e-4)
    low, high = found["reserved_gib"]
    assert found["allocated_gib"] < low < high
    assert 0.3 <= found["context_gib"] <= 0.6
    assert found == json.loads(tunebook.memory(small).model_dump_json()) | {"seconds": found["seconds"]}


@pytest.mark.parametrize(
    ("words", "line"),
    [
        ("--seq 0", "seq is 0, which should be greater than or equal to 1: give a whole number of tokens"),
        ("--batch -1", "batch is -1, which should be greater than or equal to 1: give a whole number of rows"),
        ("--rank 0", "rank is 0, which should be greater than or equal to 1: give a whole number of at least 1, such as 16"),
        ("--rank 65", "rank is 65, above the model's width of 64: take a smaller one, such as 16"),
        ("--targets nope", "targets nope match no module of the model: its linear layers are down_proj, gate_proj"),
        ("--targets q_proj,nope", "targets nope match no module of the model: leave them out"),
        ("--targets ,", "targets name no module: leave them out, or name modules such as q_proj,v_proj"),
        ("--dtype int3", "dtype is 'int3', which should be 'bf16', 'fp16' or 'fp32': choose one of bf16, fp16, fp32"),
        ("--autocast int8", "autocast is 'int8', which should be 'bf16', 'fp16' or 'fp32': choose bf16, fp16 or none"),
        ("--seq 1000000000", "seq is 1,000,000,000, more than a card takes at once: take at most 16,777,216 tokens"),
        ("--seq 1000000 --batch 20 --attention math", "20 rows of it are 20,000,000 tokens, more than a card takes"),
        ("--seq many", "argument --seq: invalid int value: 'many'"),
    ],
)  # fmt: skip
def test_a_wrong_value_is_one_line_with_its_field_and_what_to_write(
    words: str, line: str, small: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert line in refused(capsys, small, *words.split())


@pytest.mark.parametrize(
    ("fields", "line"),
    [
        ({"model_type": "qwen2"}, "its config.json says no hidden_size"),
        (SMALL | {"hidden_size": "wide"}, "its config.json cannot be read"),
        (SMALL | {"num_hidden_layers": 0}, "its config.json says 0 for num_hidden_layers"),
        (SMALL | {"vocab_size": -5}, "cannot be built"),
        (SMALL | {"model_type": "nosuch"}, "is of the type 'nosuch', which transformers does not know"),
        ({"hidden_size": 64}, "its config.json says no model_type"),
        (SMALL | {"auto_map": {"AutoModelForCausalLM": "its.own"}}, "read that code, then trust it by name"),
        (T5, "is a sequence-to-sequence model (t5), which no method here trains"),
        (BERT, "is an encoder (bert), which writes no text"),
        (SMALL | {"architectures": ["Qwen2Model"]}, "has no output layer (Qwen2Model): it makes embeddings"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_model_that_cannot_be_trained_is_one_line(
    fields: dict[str, Any], line: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    said = refused(capsys, config(tmp_path / "model", **fields))
    assert said.startswith(f"tunebook: model {tmp_path / 'model'}")
    assert line in said
    assert "name a causal language model on the Hub, or a folder with its config.json" in said or "trust" in said


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("{", "has a config.json that is no JSON"),
        ("[1]", "has a config.json that is no object"),
        (None, "has no config.json that could be read"),
    ],
)
def test_a_folder_without_a_config_is_one_line(
    text: str | None, line: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    if text is not None:
        (tmp_path / "config.json").write_text(text)
    assert f"model {tmp_path} {line}: name a causal language model" in refused(capsys, str(tmp_path))


def test_a_model_that_is_not_here_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    missing = tmp_path / "missing"
    assert f"model is '{missing}', and there is no such folder" in refused(capsys, str(missing))
    said = refused(capsys, "Qwen/Qwen2.5-0.5B")
    assert "is not on this machine, and the Hub cannot be reached: go online, or name a folder" in said


def test_a_config_that_was_written_anew_is_read_anew(small: str, tmp_path: Path) -> None:
    before = tunebook.memory(small).parameters
    time.sleep(0.01)  # a file system's clock may stand still for so long
    assert tunebook.memory(config(tmp_path / "small", **SMALL | {"vocab_size": 2000})).parameters == before + 64_000


def test_threads_that_ask_at_once_get_their_own_answers(small: str) -> None:
    refusals = [f"r{number}" for number in range(100)]  # they are answered at once
    refusal(small, "warm")
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(8) as pool:
            found = list(pool.map(lambda targets: refusal(small, targets), refusals))
    finally:
        sys.setswitchinterval(before)
    assert found == [f"{targets} match no module of the model" for targets in refusals]


def refusal(folder: str, targets: str) -> str:
    try:
        tunebook.memory(folder, targets=targets, loss="plain")
    except CallError as error:
        return error.problem
    return ""


def test_an_oracle_that_was_killed_in_between_is_started_again(small: str) -> None:
    expected = tunebook.memory(small, loss="plain").allocated_gib
    killed = process()
    killed.kill()
    assert tunebook.memory(small, loss="plain").allocated_gib == expected
    assert process().pid != killed.pid


@pytest.mark.slow
def test_an_oracle_that_is_killed_at_work_is_one_clear_line(small: str) -> None:
    expected = tunebook.memory(small, loss="plain").allocated_gib
    threading.Timer(1.0, process().kill).start()
    with pytest.raises(
        WorkFailed, match=r"^the memory forecast's process was killed \(by hand, or because the memory ran"
    ):
        tunebook.memory(small, seq=2**24)  # takes seconds
    assert tunebook.memory(small, loss="plain").allocated_gib == expected


def process() -> Any:
    assert oracle._process is not None
    return oracle._process


ASKS = """
import sys
import tunebook

tunebook.memory(sys.argv[1], loss="plain")
print(sorted({"torch", "transformers", "peft", "trl", "huggingface_hub"} & set(sys.modules)))
"""
INTERRUPTS = """
import signal, sys
import tunebook
from tunebook.pipeline.hardware.memory import make_ask
from tunebook.pipeline.hardware.oracle import oracle

def interrupt(*_):
    raise KeyboardInterrupt

folder = sys.argv[1]
short = tunebook.memory(folder, seq=64, loss="plain").allocated_gib
signal.signal(signal.SIGALRM, interrupt)
signal.setitimer(signal.ITIMER_REAL, 0.2)
try:
    while True:
        oracle.law(make_ask(model=folder, loss="plain"))
except KeyboardInterrupt:
    print(tunebook.memory(folder, seq=64, loss="plain").allocated_gib == short)
"""


def test_who_asks_imports_nothing_heavy(small: str) -> None:
    assert ran(ASKS, small) == "[]\n"


@pytest.mark.slow
def test_an_answer_that_was_interrupted_is_not_taken_for_the_next_one(small: str) -> None:
    assert ran(INTERRUPTS, small) == "True\n"


def ran(script: str, folder: str) -> str:
    done = subprocess.run([sys.executable, "-c", script, folder], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return done.stdout
