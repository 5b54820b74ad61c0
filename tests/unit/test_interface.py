"""Every command prints the JSON of the interface and nothing else; wrong calls are one line and exit 2."""

from __future__ import annotations

import ast
import json
from pathlib import Path
from typing import Any

import pytest
from processes import until
from small import small_data
from tiny import tiny_model

import tunebook
from tunebook.cli import main
from tunebook.pipeline.run_folder import RunFolder


@pytest.fixture(scope="module")
def place(model_folder: Path, kinds: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("interface")
    small_data(kinds, folder / "kinds")
    tiny_model(model_folder, folder / "tiny")
    return folder


@pytest.fixture(autouse=True)
def tunebook_home(place: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TUNEBOOK_HOME", str(place / "home"))
    monkeypatch.chdir(place)
    return place / "home"


INSTRUCTION = "Fine-tune ./tiny on ./kinds with LoRA for 8 steps\nsave_steps: 4\nbatch_size: 4\ngguf: Q8_0"


def call(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, Any, str]:
    """The exit code, the one JSON object on stdout (None where there is nothing), and stderr."""
    capsys.readouterr()
    code = main([*words, "--json"])
    out, err = capsys.readouterr()
    assert out.count("\n") <= 1, out
    return code, json.loads(out) if out else None, err


def done(capsys: pytest.CaptureFixture[str], *words: str) -> Any:
    code, found, err = call(capsys, *words)
    assert code == 0, err
    return found


SCORE = {"target", "passed", "total", "score", "ci"}
COMPARED = {"checkpoint", "step", "passed", "total", "score", "ci", "vs_base"}
ATTEMPT = {"n", "stage", "backend", "job_id", "state", "timeout_s", "usd"}
OPTION = {"backend", "flavor", "tuning", "fits", "memory", "hours", "usd", "max_usd", "why"}


def test_from_words_to_a_gguf_each_command_prints_its_json(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    read = done(capsys, "read", INSTRUCTION)
    assert set(read) == {"spec", "provenance", "questions", "ignored"}
    assert read["spec"]["max_steps"] == 8
    assert set(read["provenance"]["max_steps"]) == {"text", "start", "end"}

    inspected = done(capsys, "inspect", "kinds", "--model", "tiny")
    assert set(inspected) == {
        "dataset", "rows", "columns", "format", "methods", "recommended", "tokens", "checks", "findings",
    }  # fmt: skip
    assert inspected["dataset"] == "kinds"
    assert inspected["rows"] == 64
    assert set(inspected["tokens"]) == {"p50", "p99", "max", "total"}
    assert {"status", "why", "mapping", "code"} == set(inspected["methods"]["sft"])

    plan = done(capsys, "plan", INSTRUCTION)
    assert set(plan) == {
        "plan_id", "spec", "method", "why", "stages", "options", "chosen", "max_usd", "timeout_s", "questions",
    }  # fmt: skip
    assert set(plan["options"][0]) >= OPTION
    assert [option["hours"] is None for option in plan["options"]] == [False, True, True], "only what was asked for ran"
    assert set(plan["chosen"]) == {"backend", "flavor", "tuning"}
    plan_id = plan["plan_id"]
    assert done(capsys, "plan", INSTRUCTION)["plan_id"] == plan_id, "the same words and data are the same plan"

    script = done(capsys, "script", plan_id, "-o", str(place / "made.py"))
    assert set(script) == {"path", "stage", "dependencies"}
    made = ast.parse((place / "made.py").read_text())
    assert "tunebook" not in {
        name.name.split(".")[0] for node in ast.walk(made) if isinstance(node, ast.Import) for name in node.names
    }
    assert "tunebook" not in {
        (node.module or "").split(".")[0] for node in ast.walk(made) if isinstance(node, ast.ImportFrom)
    }

    draft = done(capsys, "run", plan_id)
    assert draft == {"run_id": draft["run_id"], "plan_id": plan_id, "state": "draft"}
    code, nothing, err = call(capsys, "confirm", plan_id)
    assert (code, nothing) == (2, None)
    assert "needs a person at a terminal" in err
    run = done(capsys, "run", plan_id, "--yes", "--wait")
    assert run == {"run_id": draft["run_id"], "plan_id": plan_id, "state": "succeeded"}
    assert done(capsys, "run", plan_id, "--yes")["run_id"] == run["run_id"], "once a plan, until --again"
    run_id = run["run_id"]

    assert done(capsys, "runs")["runs"] == [run]
    shown = done(capsys, "show", run_id)
    assert set(shown) >= {"run_id", "plan_id", "state", "stage", "attempts", "step", "loss", "eta_s", "usd", "events"}
    assert set(shown["attempts"][0]) == ATTEMPT
    assert shown["step"] == 8
    assert set(done(capsys, "logs", run_id)) == {"lines"}
    series = done(capsys, "metrics", run_id)["series"]
    assert [step for step, _ in series["train/loss"]] == list(range(1, 9))

    compared = done(capsys, "compare", run_id)
    assert set(compared) >= {"benchmark", "metric", "higher_is_better", "rows", "best", "separable"}
    assert [row["checkpoint"] for row in compared["rows"]] == ["base", "checkpoint-4", "checkpoint-8"]
    assert set(compared["rows"][1]) == COMPARED
    assert set(compared["rows"][1]["vs_base"]) == {"delta", "p"}

    scored = done(capsys, "evaluate", run_id, "--benchmark", "heldout_loss", "--limit", "4")
    assert set(scored) == {"benchmark", "metric", "higher_is_better", "sandbox", "rows"}
    assert set(scored["rows"][0]) == SCORE
    assert scored["rows"][0]["passed"] is None

    assert (
        Path(done(capsys, "report", run_id, "-o", str(place / "report.html"))["path"]).read_text().startswith("<!doct")
    )
    assert done(capsys, "attach")["run_id"] == run_id
    exported = done(capsys, "export", run_id, "--gguf", "Q8_0")
    assert set(exported) == {"merged", "gguf", "pushed"}
    assert set(exported["gguf"][0]) == {"file", "quant", "bytes", "sha256", "certificate"}

    for command in ("resume", "stop", "cancel"):
        code, nothing, err = call(capsys, command, run_id)
        assert (code, nothing) == (2, None)
        assert "has succeeded" in err
    money = done(capsys, "budget")
    assert set(money) >= {"cap_usd", "reserved_usd", "spent_usd", "left_usd", "runs"}
    assert money["cap_usd"] is None
    free = {"budget_usd": None, "max_usd": 0.0, "reserved_usd": 0.0, "spent_usd": 0.0}
    assert money["runs"] == [{"run_id": run_id, "state": "succeeded", **free}]
    assert set(done(capsys, "doctor")) == {"backends", "sandbox", "versions"}
    cleaned = done(capsys, "clean", "--everything")
    assert set(cleaned) == {"removed", "bytes"}
    assert run_id in cleaned["removed"]
    assert not RunFolder(run_id).path.exists()
    assert done(capsys, "runs")["runs"] == []


def test_a_run_cancelled_before_it_was_confirmed_starts_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    draft = done(capsys, "run", INSTRUCTION, "--again")
    assert draft["state"] == "draft"
    assert done(capsys, "cancel", draft["run_id"])["state"] == "cancelled"
    until(lambda: tunebook.show(draft["run_id"]).state == "cancelled", "the cancelling", 5)
    assert tunebook.show(draft["run_id"]).attempts == []


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("plan", "Fine-tune ./tiny on ./kinds\nbatch_sise: 4"), "batch_sise"),
        (("plan", "Fine-tune ./tiny on ./missing.jsonl"), "missing.jsonl"),
        (("plan", "Fine-tune ./empty on ./kinds"), "model"),
        (("inspect", "useless.jsonl"), "dataset"),
        (("read", ""), "instruction"),
        (("read", "Fine-tune ./tiny on ./kinds\nbudget: -1"), "budget"),
        (("read", "model: <img src=x onerror=alert(1)>"), "model"),
        (("read", "dataset: $(rm -rf /)"), "dataset"),
        (("inspect", "kinds; rm -rf ~"), "dataset"),
        (("show", "../../etc"), "run"),
        (("run", "0123456789abcdef"), "plan_id"),
        (("run", "0123456789abcdef", "--budget", "3"), "budget"),
        (("evaluate", "nothing", "--benchmark", "exact_match"), "target"),
        (("evaluate", "tiny", "--benchmark", "no_such"), "benchmark"),
        (("export", "kinds"), "export"),
        (("script", "Fine-tune ./tiny"), "dataset"),
        (("budget", "--month", "nan"), "budget_month_usd"),
        (("frobnicate",), "arguments"),
    ],
)
def test_a_wrong_call_is_one_line_that_names_the_field_and_starts_nothing(
    place: Path, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], says: str
) -> None:
    (place / "empty").mkdir(exist_ok=True)
    (place / "empty" / "config.json").write_text('{"architectures": ["LlamaForCausalLM"]}')
    (place / "useless.jsonl").write_text('{"a": null}\n{"a": null}\n')
    before = tunebook.runs()
    code, found, err = call(capsys, *words)
    assert code == 2
    assert found is None or found.get("plan_id") is None
    assert len(err.strip().splitlines()) == 1, err
    assert says in err
    assert "Traceback" not in err
    assert tunebook.runs() == before


def test_questions_are_no_error_of_read_and_no_plan_of_plan(capsys: pytest.CaptureFixture[str]) -> None:
    code, read, _ = call(capsys, "read", "Fine-tune Qwen/Qwen3-0.6B")
    assert code == 0
    assert [one["field"] for one in read["questions"]] == ["dataset"]
    code, plan, err = call(capsys, "plan", "Fine-tune ./tiny")
    assert code == 2
    assert plan["plan_id"] is None
    assert [one["field"] for one in plan["questions"]] == ["dataset"]
    assert "dataset" in err
