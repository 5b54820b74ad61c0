"""What a person decides in the inspector's panel, in a real kernel: remedies, another method, a stop; each by one message."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from kernel.kernel import Kernel, kernel
from kernel.test_inspector_table import Asked, snapshot
from processes import until


@pytest.fixture
def one(tmp_path: Path) -> Iterator[Kernel]:
    with kernel(tmp_path, widgets=True) as made:
        yield made


def flawed(path: Path) -> Path:
    rows = [{"prompt": f"Say the number {n} in words, please", "completion": f"number {n}"} for n in range(40)]
    rows[7]["completion"] = ""
    path.write_text("".join(json.dumps(row) + "\n" for row in [*rows, rows[3]]))
    return path


def shown(one: Kernel, fits: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    """The next snapshot that fits."""
    return snapshot(one.heard(lambda message: fits(snapshot(message) or {}), timeout=120)) or {}


def ids(state: dict[str, Any]) -> list[str]:
    return [finding["id"] for finding in (state.get("view") or {}).get("findings", [])]


def test_remedies_are_chosen_and_taken_back_and_the_file_stays(one: Kernel, tmp_path: Path) -> None:
    path = flawed(tmp_path / "rows.jsonl")
    before = path.read_bytes()
    asked = Asked(one, path)
    first = shown(one, lambda state: ids(state) == ["K14", "K13"])
    keys = {finding["id"]: finding["key"] for finding in first["view"]["findings"]}
    one.send(asked.comm, {"kind": "fix", "finding": keys["K13"]})
    second = shown(one, lambda state: ids(state) == ["K14"] and state.get("working") == "")
    assert second["view"]["chosen"] == [{"field": "leave_out", "line": "leave_out: K13"}]
    assert (second["view"]["left_out"], second["view"]["rows"], second["table"]["rows"]) == (1, 40, 41)
    one.send(asked.comm, {"kind": "fix", "finding": keys["K14"]})
    assert shown(one, lambda state: bool(state.get("view")) and ids(state) == [])["view"]["left_out"] == 2
    assert one.run("print(panel.spec['leave_out'])").stdout == "['K13', 'K14']\n"
    one.send(asked.comm, {"kind": "take_back", "field": "leave_out"})
    assert shown(one, lambda state: ids(state) == ["K14", "K13"])["view"]["chosen"] == []
    one.send(asked.comm, {"kind": "fix", "finding": "no such finding"})
    problem = shown(one, lambda state: bool(state.get("problem")))["problem"]
    assert "look at what is found now" in problem["why"]
    assert problem["now"] == "The data is not touched."
    assert path.read_bytes() == before


def test_a_wrong_model_is_said_and_what_was_found_stays(one: Kernel, tmp_path: Path) -> None:
    asked = Asked(one, flawed(tmp_path / "rows.jsonl"))
    shown(one, lambda state: bool(state.get("view")))
    one.send(asked.comm, {"kind": "see_as", "model": "./nowhere"})
    state = shown(one, lambda state: bool(state.get("problem")))
    assert state["problem"]["why"] == "model is './nowhere', and there is no such folder."
    assert state["problem"]["now"] == (
        "Name a Hub model such as Qwen/Qwen3-0.6B, or a checkpoint folder with config.json, a tokenizer and weights."
    )
    assert (ids(state), state["model"], state["working"]) == (["K14", "K13"], "./nowhere", "")
    one.send(asked.comm, {"kind": "see_as", "model": ""})
    assert shown(one, lambda state: state.get("problem") is None and state.get("working") == "")["model"] == ""
    one.send(asked.comm, {"kind": "see_as", "method": "grpo"})
    assert shown(one, lambda state: state.get("method") == "grpo" and state.get("working") == "")["view"] is not None


def test_a_look_tells_how_far_it_is_and_can_be_stopped(one: Kernel, tmp_path: Path, tunebook_home: Path) -> None:
    asked = Asked(one, many(tmp_path / "many.jsonl"))
    shown(one, lambda state: state.get("working", "").startswith(("Looking at the format", "Checking")))
    one.send(asked.comm, {"kind": "cancel", "of": "inspection"})
    state = shown(one, lambda state: bool(state.get("problem")))
    assert (state["problem"]["what"], state["working"]) == ("The checks were stopped.", "")
    assert state["problem"]["now"] == "Look checks the rows again."
    [job] = (tunebook_home / "jobs").glob("validate-*")
    until(lambda: not alive(job), "the end of the job", 20)
    assert asked("page", "a", start=149_998, length=5)["rows"][0][0] == 149_998
    one.send(asked.comm, {"kind": "see_as", "model": ""})
    shown(one, lambda state: bool(state.get("working")))


def test_a_look_that_was_stopped_keeps_what_was_found_and_can_be_asked_for_again(one: Kernel, tmp_path: Path) -> None:
    asked = Asked(one, many(tmp_path / "many.jsonl"))
    shown(one, lambda state: bool(state.get("view")))
    one.send(asked.comm, {"kind": "see_as", "method": "grpo"})
    shown(one, lambda state: state.get("method") == "grpo" and bool(state.get("working")))
    one.send(asked.comm, {"kind": "cancel", "of": "inspection"})
    state = shown(one, lambda state: bool(state.get("problem")))
    assert state["problem"]["now"] == "What was found before stays. Look checks the rows again."
    assert (state["view"] is not None, state["method"], state["working"]) == (True, "", "")
    one.later.clear()
    one.send(asked.comm, {"kind": "see_as", "model": ""})
    shown(one, lambda state: state.get("problem") is None and state.get("working") == "Looking again")
    shown(one, lambda state: bool(state.get("view")) and state.get("working") == "")


def test_a_wrong_value_is_said_and_the_look_under_way_goes_on_and_can_be_stopped(one: Kernel, tmp_path: Path) -> None:
    asked = Asked(one, many(tmp_path / "many.jsonl"))
    one.send(asked.comm, {"kind": "see_as", "method": "nonsense"})
    state = shown(one, lambda state: bool(state.get("problem")))
    assert state["problem"]["what"] == "That cannot be chosen."
    assert state["problem"]["why"].startswith("method is 'nonsense'") and state["working"]
    one.send(asked.comm, {"kind": "cancel", "of": "inspection"})
    shown(one, lambda state: (state.get("problem") or {}).get("what") == "The checks were stopped.")


def many(path: Path) -> Path:
    """Rows enough that a look takes seconds."""
    path.write_text("".join(json.dumps({"prompt": f"q {n}", "completion": f"a {n}"}) + "\n" for n in range(150_000)))
    return path


def alive(job: Path) -> bool:
    import psutil

    return any(str(job) in " ".join(process.info["cmdline"] or []) for process in psutil.process_iter(["cmdline"]))
