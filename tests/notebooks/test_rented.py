"""The rented machine's notebook runs as a person runs it, against the stand-in Hub: from the instruction over the click on
the panel's button to a published model and a settled account, and the token is nowhere.

The model is a tiny one that learns nothing: `make demo HUB=1` is the same with a real one.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import nbformat
import pytest
from hub.__main__ import files_of
from hub.clients import TOKEN, Client
from hub.job_routes import spent_usd
from hub.jobs import Job
from hub.server import StandInHub, served
from kernel.kernel import Kernel, Outcome, kernel
from kernel.test_panels import has_snapshot, opened, snapshots
from notebooks.by_hand import bring_up_to_date, run_cells, text
from processes import until
from small import MODEL, small_data
from tiny import tiny_model

from tunebook.pipeline.home import home
from tunebook.pipeline.journal import Journal, RunState
from tunebook.pipeline.ledger import at_most, budget_now
from tunebook.pipeline.run_folder import RunFolder
from tunebook.pipeline.watch import look

pytestmark = pytest.mark.timeout(900)  # under 100 seconds on two free cores; a busy machine takes what it takes

NOTEBOOK = Path(__file__).resolve().parents[2] / "examples" / "rented.ipynb"
PUBLISHED = "ada/kinds-namer"
#: What the reader is told to write for himself, and what makes it small.
CHANGES = {
    "your-name": "ada",
    "max_steps: 60": "max_steps: 6",
    "batch_size: 8": "batch_size: 4",
    "save_steps: 20": "save_steps: 3",
}


@dataclass
class Sitting:
    """The notebook after it was run, and everything that was seen by the way."""

    hub: StandInHub
    machine: Client
    book: nbformat.NotebookNode
    button: dict[str, Any] = field(default_factory=dict)
    plan_id: str = ""
    run: RunState | None = None
    told: list[dict[str, Any]] = field(default_factory=list)  # what the kernel said to the front end between cells

    @property
    def job(self) -> Job:
        (job,) = self.hub.jobs.all.values()
        return job

    def confirm(self, front: Kernel, outcome: Outcome) -> None:
        """Wait for the button, and click it for the plan that is on the screen."""
        assert not self.hub.jobs.all
        waiting = front.heard(lambda message: any(shot["confirm"] for shot in snapshots([message])), timeout=300)
        shown = snapshots([waiting])[-1]
        self.button, self.plan_id = shown["confirm"], shown["plan"]["plan_id"]
        front.send(opened(outcome.messages)["comm_id"], {"kind": "confirm", "plan_id": self.plan_id})
        until(lambda: now().confirmed_at is not None, "the consent in the journal", 60)


def now() -> RunState:
    journal = Journal(home())
    return look(journal, journal.run_ids()[0]).run


@pytest.fixture(scope="module")
def hub(model_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[StandInHub]:
    with served(StandInHub()) as running:
        running.accounts[TOKEN] = "ada"
        running.repo("model", MODEL).commit(files_of(tiny_model(model_folder, tmp_path_factory.mktemp("tiny"))))
        yield running


@pytest.fixture(scope="module")
def seen(hub: StandInHub, kinds: Path, tmp_path_factory: pytest.TempPathFactory) -> Sitting:
    machine = Client(hub, tmp_path_factory.mktemp("machine"))
    small_data(kinds, machine.folder / "data" / "kinds")
    (machine.folder / "tmp").mkdir()
    one = Sitting(hub, machine, nbformat.read(NOTEBOOK, as_version=4))  # type: ignore[no-untyped-call]
    for cell in one.book.cells:
        for said, instead in CHANGES.items():
            cell.source = cell.source.replace(said, instead)
    with pytest.MonkeyPatch.context() as patch:
        for name, value in machine.environment(TOKEN).items():
            patch.setenv(name, value)
        with kernel(machine.folder, widgets=True, load=False) as front:
            run_cells(
                one.book,
                front,
                before={"compare": lambda: until(lambda: now().finished, "the run's end", 600)},
                after={"finetune": lambda outcome: one.confirm(front, outcome)},
            )
            front.heard(has_snapshot(state="succeeded"))
            one.told, one.run = front.later, now()
    bring_up_to_date(one.book, one.told)
    nbformat.write(one.book, machine.folder / "executed.ipynb")  # type: ignore[no-untyped-call]
    (machine.folder / "told.json").write_text(json.dumps(one.told, default=str))
    return one


@pytest.fixture(autouse=True)
def tunebook_home(seen: Sitting, monkeypatch: pytest.MonkeyPatch) -> Path:
    """In the place of an empty one: the tests look at what the kernel has left."""
    at = Path(seen.machine.environment()["TUNEBOOK_HOME"])
    monkeypatch.setenv("TUNEBOOK_HOME", str(at))
    return at


def test_it_is_shipped_without_outputs_and_with_its_badge() -> None:
    book = nbformat.read(NOTEBOOK, as_version=4)  # type: ignore[no-untyped-call]
    assert all(not one.get("outputs") and one.get("execution_count") is None for one in book.cells)
    assert "colab-badge.svg" in book.cells[0].source
    assert all(any(said in one.source for one in book.cells) for said in CHANGES)


def test_the_click_on_the_price_starts_one_job_that_does_all_stages(seen: Sitting) -> None:
    assert seen.run is not None and seen.run.state == "succeeded", seen.run
    assert seen.run.max_usd and seen.button["label"].startswith("Start, at most $")
    (consent,) = [event for event in Journal(home()).events(seen.run.run_id) if event.kind == "confirmed"]
    assert consent.data["plan_id"] == seen.plan_id and consent.data["by"] == "notebook"
    assert seen.job.stage == "COMPLETED"
    assert list(seen.run.done_stages) == ["train", "evaluate", "export"]
    assert [row["target"] for row in comparison_rows(seen)] == ["base", "checkpoint-3", "checkpoint-6"]


def comparison_rows(seen: Sitting) -> list[dict[str, Any]]:
    assert seen.run is not None
    body = json.loads((RunFolder(seen.run.run_id).path / "evaluation.json").read_text())
    return list(body["table"]["rows"])


def test_the_money_is_reserved_at_the_click_and_settled_by_the_second(seen: Sitting) -> None:
    assert seen.run is not None and seen.run.max_usd is not None
    assert f"{at_most(seen.run.max_usd)} reserved" in text(seen.book, "budget")
    money = budget_now()
    assert money.reserved_usd == 0
    assert money.spent_usd == pytest.approx(spent_usd(seen.hub, seen.job), abs=1e-5)
    assert 0 < money.spent_usd <= seen.run.max_usd


def test_every_cell_shows_what_it_should(seen: Sitting) -> None:
    assert seen.run is not None
    for name in ("finetune", "attach"):
        panel, static = next(one for one in seen.book.cells if one.id == name).outputs
        assert "application/vnd.jupyter.widget-view+json" in panel.data
        assert f"tunebook-static-{seen.run.run_id}" in static.data["text/html"], "what stays when the kernel is gone"
    assert "checkpoint-6" in text(seen.book, "compare")


def static_form(seen: Sitting) -> str:
    """What stays in the notebook when the kernel is gone."""
    return str(next(one for one in seen.book.cells if one.id == "finetune").outputs[1].data["text/html"])


def test_a_fresh_client_loads_what_was_published(seen: Sitting, tmp_path: Path) -> None:
    assert seen.run is not None
    script = f"""
from transformers import AutoModelForCausalLM, AutoTokenizer
model = AutoModelForCausalLM.from_pretrained({PUBLISHED!r})
answer = [type(model).__name__, len(AutoTokenizer.from_pretrained({PUBLISHED!r}))]
"""
    assert Client(seen.hub, tmp_path).script(script, token=TOKEN)[0] == "LlamaForCausalLM"
    repo = seen.hub.repos["model", PUBLISHED]
    weights = repo.at("main").files["model.safetensors"]
    exported = json.loads((RunFolder(seen.run.run_id).path / "export.json").read_text())["export"]
    assert weights.read(0, weights.size) == (Path(exported["merged"]) / "model.safetensors").read_bytes()
    assert repo.private and exported["pushed"] == PUBLISHED
    (gguf,) = exported["gguf"]
    assert Path(gguf["file"]).name in repo.at("main").files and gguf["certificate"]["passed"]
    assert f"{seen.hub.url}/{PUBLISHED}" in static_form(seen), "where it is, is said in the notebook"


def test_the_token_is_nowhere(seen: Sitting) -> None:
    assert seen.job.spec["secrets"] == {"HF_TOKEN": TOKEN}, (
        "the job had it, in the one place where nobody reads it back"
    )
    canary, looked_at = TOKEN.encode(), 0
    folders = [seen.machine.folder, *(bucket.place("") for bucket in seen.hub.buckets.all.values())]
    for file in (file for folder in folders for file in folder.rglob("*") if file.is_file()):
        assert canary not in file.read_bytes(), file
        looked_at += 1
    assert looked_at > 20 and (seen.machine.folder / "executed.ipynb").is_file()
    for repo in seen.hub.repos.values():
        for commit in repo.history("main"):
            for name, blob in commit.files.items():
                assert canary not in blob.read(0, blob.size), (repo.id, name)
    open_to_all = {name: value for name, value in seen.job.spec.items() if name != "secrets"}
    assert TOKEN not in json.dumps(open_to_all)
    assert all(TOKEN not in line.text for line in seen.job.lines)
    assert all(TOKEN not in asked.path for asked in seen.hub.log)
