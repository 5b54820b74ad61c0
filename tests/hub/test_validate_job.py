"""An inspection on a rented machine of the stand-in Hub: planned with its price, consented to, paid, and known from then on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hub.__main__ import seeded
from hub.clients import TOKEN, Client, refused, told
from hub.server import StandInHub, served
from kernel.kernel import kernel
from kernel.test_panels import has_snapshot, opened, snapshots
from small import small_data
from tiny import tiny_model

ASKED = ("inspect", "ada/kinds", "--model", "ada/SmolLM2-135M-Instruct")


@pytest.fixture(scope="module")
def hub(model_folder: Path, kinds: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[StandInHub]:
    folder = tmp_path_factory.mktemp("seeds")
    with served(StandInHub()) as running:
        seeded(running, tiny_model(model_folder, folder / "tiny"), small_data(kinds, folder / "kinds"))
        running.accounts[TOKEN] = "ada"
        yield running


@pytest.fixture
def machine(hub: StandInHub, tmp_path: Path) -> Client:
    return Client(hub, tmp_path / "machine")


def by_hand(machine: Client, monkeypatch: pytest.MonkeyPatch, plan_id: str) -> dict[str, Any]:
    """What the panel of `%finetune inspect ... --on cpu-basic` shows in the end: its button is clicked."""
    for name, value in machine.environment(TOKEN).items():
        monkeypatch.setenv(name, value)
    with kernel(machine.folder, widgets=True) as front:
        outcome = front.run(f"%finetune {' '.join(ASKED)} --on cpu-basic")
        shown = snapshots(outcome.messages)[-1]  # the plan is made already, so the button is there at once
        assert shown["confirm"] == {"label": "Start, at most $0.01", "enabled": True}
        assert shown["plan"]["plan_id"] == plan_id and shown["data"] is None
        front.send(opened(outcome.messages)["comm_id"], {"kind": "confirm", "plan_id": plan_id})
        return snapshots([front.heard(has_snapshot(state="succeeded"), timeout=120)])[-1]


def test_it_is_planned_paid_and_known(hub: StandInHub, machine: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    plan = told(machine, *ASKED, "--on", "cpu-basic")
    assert plan["chosen"] == {"backend": "hf-jobs", "flavor": "cpu-basic", "tuning": ""}
    assert plan["stages"] == ["validate"] and plan["timeout_s"] == 1800
    assert plan["max_usd"] == pytest.approx(0.01 * 1800 / 3600, rel=0.01), "by the minute, in whole millionths"
    said = machine.tunebook(*ASKED, "--on", "cpu-basic", token=TOKEN).stdout
    assert "at $0.01 an hour" in said and f"start it with: run {plan['plan_id'][:12]}" in said
    waits = told(machine, "run", plan["plan_id"])
    assert waits["state"] == "draft" and not hub.jobs.all, "nobody has consented"

    seen = by_hand(machine, monkeypatch, plan["plan_id"])
    assert [stage["id"] for stage in seen["stages"]] == ["plan", "data"] and seen["run_id"] == waits["run_id"]
    assert seen["data"]["rows"] == 64 and seen["title"] == "kinds"
    assert seen["subtitle"] == "inspection on cpu-basic, with the tokenizer of SmolLM2-135M-Instruct"
    shown = told(machine, "show", waits["run_id"])
    assert shown["state"] == "succeeded", (shown["why"], told(machine, "logs")["lines"])
    (job,) = hub.jobs.all.values()
    assert job.spec["flavor"] == "cpu-basic" and job.spec["timeoutSeconds"] == 1800
    assert job.labels["tunebook-stage"] == "validate"
    assert not job.spec.get("secrets"), "what is public is read without the token"
    money = told(machine, "budget")
    assert money["reserved_usd"] == 0 and 0 < money["spent_usd"] < plan["max_usd"]

    # It is known now, where it was asked for and where a plan needs it: no job here, and none there.
    known = told(machine, *ASKED)
    assert known["rows"] == 64 and known["tokens"]["total"] > 0
    assert told(machine, *ASKED, "--on", "cpu-basic") == known
    assert not list((machine.folder / "tunebook" / "jobs").glob("validate-*"))
    assert len(hub.jobs.all) == 1
    assert "only inspects data" in refused(machine.tunebook("script", plan["plan_id"], token=TOKEN))
    for command in ("report", "export"):
        assert "only inspects data" in refused(machine.tunebook(command, token=TOKEN))
    told(machine, "clean")
    assert told(machine, *ASKED, "--on", "cpu-basic") == known, "the run that was paid for has it still"


@pytest.mark.parametrize(
    ("dataset", "on", "said"),
    [
        ("rows.jsonl", "cpu-basic", "rows.jsonl is on this machine"),
        ("ada/kinds", "t4-small", "flavor is t4-small, and an inspection uses no GPU"),
        ("ada/kinds", "cpu-huge", "flavor"),
    ],
)
def test_what_cannot_be_is_one_line(machine: Client, dataset: str, on: str, said: str) -> None:
    machine.folder.mkdir()
    (machine.folder / "rows.jsonl").write_text('{"prompt": "a", "completion": "b"}\n')
    assert said in refused(machine.tunebook("inspect", dataset, "--on", on, token=TOKEN))
