"""A plan for rented machines, from words to its id: every option told, nothing spent that may not be."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from small import small_data
from tiny import tiny_model

import tunebook
from tunebook.cli import main
from tunebook.pipeline import control
from tunebook.pipeline.errors import CallError
from tunebook.pipeline.hardware.catalogue import FILE, snapshot_prices
from tunebook.pipeline.hardware.forecast import Lesson
from tunebook.pipeline.hardware.offers import Offer
from tunebook.pipeline.home import home
from tunebook.pipeline.journal import Journal
from tunebook.pipeline.ledger import budget_now
from tunebook.pipeline.plan import Plan, load_plan
from tunebook.pipeline.plan.forecasting import TUNINGS, laws_of
from tunebook.pipeline.plan.looking import Watched
from tunebook.pipeline.plan.model import Price, plan_hash
from tunebook.widgets.choosing import changes

INSTRUCTION = "Fine-tune ./tiny on ./kinds with LoRA\nsave_steps: 4\nbatch_size: 8\ngguf: Q8_0"
OPTION = {"backend", "flavor", "tuning", "fits", "memory", "hours", "usd", "max_usd", "why"}
RENTED = [one.name for one in snapshot_prices().flavors if one.kind == "GPU"]

ALONE = """
import json, sys, time
import tunebook
made = tunebook.plan(sys.argv[1], on="hf-jobs")
heavy = [name for name in ("torch", "transformers", "datasets", "trl", "peft") if name in sys.modules]
print(json.dumps({"plan": made.model_dump(mode="json"), "heavy": heavy}))
"""


@pytest.fixture(scope="module")
def place(model_folder: Path, kinds: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("machines")
    small_data(kinds, folder / "kinds")
    tiny_model(model_folder, folder / "tiny")
    return folder


@pytest.fixture(scope="module")
def alone(place: Path) -> dict[str, Any]:
    """The first plan, made in a process of its own: its laws and what was read stay in the home of all tests here."""
    environment = os.environ | {"TUNEBOOK_HOME": str(place / "home")}
    done = subprocess.run(
        [sys.executable, "-c", ALONE, INSTRUCTION],
        cwd=place,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.fixture(autouse=True)
def tunebook_home(place: Path, alone: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> Path:
    assert alone, "what is kept in this home comes from there"
    monkeypatch.setenv("TUNEBOOK_HOME", str(place / "home"))
    monkeypatch.chdir(place)
    (place / "home" / FILE).unlink(missing_ok=True)
    return place / "home"


@pytest.fixture
def live_prices(tunebook_home: Path) -> None:
    """The list as if the Hub had told it a minute ago."""
    from huggingface_hub import constants

    shipped = json.loads((Path(tunebook.__file__).parent / "pipeline" / "hardware" / "prices.json").read_text())
    told = {"endpoint": constants.ENDPOINT, "read_at": time.time() - 60, "hardware": shipped["hardware"]}
    (tunebook_home / FILE).write_text(json.dumps(told))


@pytest.fixture
def hf_jobs(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if jobs could be sent to the Hub from here."""
    for module in ("control", "plan.forecasting", "plan.supported"):
        monkeypatch.setattr(f"tunebook.pipeline.{module}.backend_names", lambda: ["local", "hf-jobs"])


def planned(instruction: str = INSTRUCTION, **more: Any) -> Plan:
    """A plan that is kept, whole."""
    made = tunebook.plan(instruction, **({"on": "hf-jobs"} | more))
    assert made.plan_id is not None, made.questions
    return load_plan(Journal(home()), made.plan_id)


@cache
def made_once() -> Plan:
    """The plan that most tests only look at."""
    return planned()


def unplanned(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[Any, str]:
    """What `plan` prints of a call that brings none: exit 2, with its JSON or with one line on stderr."""
    capsys.readouterr()
    code = main(["plan", *words, "--json"])
    out, err = capsys.readouterr()
    assert code == 2, out
    return json.loads(out) if out else None, err


def events() -> int:
    return sum(len(Journal(home()).events(run)) for run in Journal(home()).run_ids())


# What is printed


def test_every_machine_is_an_option_with_each_tuning(alone: dict[str, Any]) -> None:
    plan = alone["plan"]
    assert plan["plan_id"] and not plan["questions"]
    assert [(one["flavor"], one["tuning"]) for one in plan["options"]] == [
        (name, tuning) for name in RENTED for tuning in TUNINGS
    ]
    for one in plan["options"]:
        assert set(one) >= OPTION
        assert one["backend"] == "hf-jobs"
        assert one["fits"], "a model of 3 million weights"
        assert set(one["hours"]) == set(one["usd"]) == {"p50", "p90"}
        assert one["max_usd"] >= one["usd"]["p90"] >= one["usd"]["p50"] > 0
        assert one["blocked"], "prices as shipped, and a backend that is not here"
    assert plan["chosen"]["backend"] == "hf-jobs"
    chosen = next(one for one in plan["options"] if {name: one[name] for name in plan["chosen"]} == plan["chosen"])
    assert (plan["max_usd"], plan["timeout_s"]) == (chosen["max_usd"], chosen["timeout_s"])
    assert plan["spec"]["flavor"] == chosen["flavor"]
    assert not [one for one in plan["options"] if one["recommended"] and one != chosen]


def test_a_plan_for_other_machines_needs_no_torch_here(alone: dict[str, Any]) -> None:
    assert alone["heavy"] == []


def test_the_second_plan_asks_nobody_anything(alone: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tunebook.pipeline.plan.forecasting.oracle", None)
    monkeypatch.setattr("tunebook.pipeline.work.do", None)
    began = time.perf_counter()
    assert planned().plan_id == alone["plan"]["plan_id"]
    assert time.perf_counter() - began < 2


def test_a_damaged_law_is_made_anew(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = planned().model
    assert model is not None
    monkeypatch.setattr("tunebook.pipeline.plan.forecasting.oracle", None)
    kept = laws_of(model, "sft", Watched())
    assert set(kept) == {(tuning, checkpointing) for tuning in TUNINGS for checkpointing in (False, True)}
    (file,) = (place / "home" / "laws").iterdir()
    whole = file.read_text()
    for damaged in ("{", "[]", '{"laws": {}}', '{"laws": {"lora": 1}}', whole[: len(whole) // 2]):
        file.write_text(damaged)
        with pytest.raises(AttributeError):  # it would ask the oracle, which is not there
            laws_of(model, "sft", Watched())
    file.write_text(whole)


# The id


@pytest.mark.usefixtures("live_prices")
def test_the_id_follows_neither_forecasts_nor_the_time_of_prices(
    alone: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert planned().plan_id == alone["plan"]["plan_id"], "the same prices, read at another time and from elsewhere"
    # Runs that were slower change the forecast, and here not what the plan can cost at most.
    monkeypatch.setattr(
        "tunebook.pipeline.plan.make.lessons", lambda: [Lesson(card="T4", forecast_s=1.0, taken_s=1.02)] * 3
    )
    taught = planned()
    assert "learned from 3 of your own runs" in next(one.detail for one in taught.options if one.flavor == "t4-small")
    assert taught.plan_id == alone["plan"]["plan_id"]


def test_the_id_follows_what_is_consented_to_and_not_the_scripts_time_limit() -> None:
    plan = planned()
    assert plan.script is not None and "# timeout = " in plan.script
    other = plan.script.replace('# timeout = "900s"', '# timeout = "1234s"')
    assert other != plan.script
    assert plan_hash(plan.model_copy(update={"script": other})) == plan.plan_id
    assert plan_hash(plan.model_copy(update={"options": [], "timeout_s": 5})) == plan.plan_id
    for update in ({"max_usd": 9.0}, {"script": plan.script + "#"}, {"stages": ["train"]}):
        assert plan_hash(plan.model_copy(update=update)) != plan.plan_id


# What cannot be


def test_a_budget_that_is_too_small_brings_a_question_and_offers(capsys: pytest.CaptureFixture[str]) -> None:
    found, _ = unplanned(capsys, f"{INSTRUCTION}\nepochs: 40000", "--on", "hf-jobs", "--budget", "0.3")
    assert found["plan_id"] is None and found["chosen"] is None and found["max_usd"] is None
    (question,) = found["questions"]
    assert question["field"] == "budget_usd"
    assert "it can cost up to $" in question["why"] and "more than the budget of $0.30" in question["why"]
    assert len(found["options"]) == len(RENTED) * 3
    made = tunebook.plan(f"{INSTRUCTION}\nepochs: 40000", on="hf-jobs", budget=0.3)
    labels = [offer.label for offer in made.offers]
    assert "Read the rows once" in labels
    for offer in made.offers:
        fields = {name: value for name, value in offer.fields.items() if value is not None}
        if {"rows", "max_length"} & set(fields):
            continue  # the data would be looked at anew, for seconds: test_choice.py takes these
        again = tunebook.plan(f"{INSTRUCTION}\nepochs: 40000", on="hf-jobs", budget=0.3, **fields)
        assert again.plan_id is not None, (offer, again.questions)
        assert again.max_usd is not None and again.max_usd <= 0.3
        taken = next(
            one for one in again.options if again.chosen and one.key == tuple(again.chosen.model_dump().values())
        )
        assert taken.usd and offer.usd and taken.usd.p50 == pytest.approx(offer.usd.p50, abs=0.02)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["flavor: l4x9"], ["flavor is 'l4x9', which the Hub does not offer", "l4x1"]),
        (["flavor: cpu-upgrade"], ["flavor is cpu-upgrade, which has no GPU"]),
        (["device_batch_size: 3"], ["device_batch_size is 3, which does not divide the batch of 8"]),
        (
            ["flavor: h200x8", "device_batch_size: 16"],
            ["device_batch_size is 16, which does not divide the batch of 8"],
        ),
    ],
)
def test_a_wrong_value_is_one_line(capsys: pytest.CaptureFixture[str], words: list[str], said: list[str]) -> None:
    found, err = unplanned(capsys, "\n".join([INSTRUCTION, *words]), "--on", "hf-jobs")
    assert found is None
    assert err.strip().count("\n") == 0, err
    for each in said:
        assert each in err


def test_a_rented_machine_that_is_to_be_this_one_is_a_question(capsys: pytest.CaptureFixture[str]) -> None:
    found, _ = unplanned(capsys, f"{INSTRUCTION}\nflavor: l4x1", "--on", "local")
    assert [one["field"] for one in found["questions"]] == ["flavor"]
    assert "rented machine" in found["questions"][0]["why"]
    both = tunebook.plan(INSTRUCTION, on="hf-jobs", flavor="this-machine")
    assert both.plan_id is None
    assert [one.field for one in both.questions] == ["flavor"]
    found, _ = unplanned(capsys, INSTRUCTION, "--on", "slurm")
    assert found["questions"][0]["why"].endswith("there is hf-jobs, local")


def test_cards_that_cannot_share_the_batch_are_no_option() -> None:
    for words, each in ((INSTRUCTION, 8), (INSTRUCTION.replace("batch_size: 8", "batch_size: 4"), 4)):
        for one in planned(words).options:
            if one.flavor == "h200x8" and each == 4:
                assert one.why == "its 8 cards cannot share a batch of 4 rows evenly"
            elif one.picked is not None:
                assert one.picked.device_batch * one.picked.accumulation * one.picked.cards == each


# Consent


@pytest.mark.usefixtures("live_prices")
def test_a_rented_plan_is_not_confirmed_without_a_token() -> None:
    plan = planned()
    assert plan.plan_id is not None
    run_id = control.start_planned(plan, INSTRUCTION)
    before, money = events(), budget_now().reserved_usd
    with pytest.raises(CallError) as refused:
        control.consent(run_id, plan.plan_id, by="test")
    assert str(refused.value).startswith("token is not ready: The token is missing, and a job needs one ")
    assert "\n" not in str(refused.value)
    assert (events(), budget_now().reserved_usd) == (before, money), "nothing is written, nothing reserved"


@pytest.mark.usefixtures("live_prices")
def test_at_the_terminal_it_is_refused_too(monkeypatch: pytest.MonkeyPatch) -> None:
    plan = planned()
    assert plan.plan_id is not None
    monkeypatch.setattr("tunebook.functions._person_there", lambda: True)
    monkeypatch.setattr("tunebook.functions._ask", lambda _: True)
    with pytest.raises(CallError, match="The token is missing"):
        tunebook.confirm(plan.plan_id)
    with pytest.raises(CallError, match="--budget USD"):
        tunebook.run(plan.plan_id, yes=True)
    assert budget_now().reserved_usd == 0


@pytest.mark.usefixtures("hf_jobs", "live_prices")
def test_a_price_of_another_hour_is_not_spent(monkeypatch: pytest.MonkeyPatch) -> None:
    plan = planned()
    assert plan.plan_id is not None and plan.price is not None
    assert not [one for one in plan.options if one.blocked and not one.unstarted]
    control.require_startable(plan)
    for price in (
        plan.price.model_copy(update={"read_at": time.time() - 3601}),
        plan.price.model_copy(update={"read_at": time.time() + 60}),
        Price(usd_per_hour=0.4, read_at=time.time(), source="snapshot"),
    ):
        with pytest.raises(CallError, match=r"^price of t4-small is not of this hour, and may have changed: "):
            control.require_startable(plan.model_copy(update={"price": price}))
    monkeypatch.setattr("tunebook.pipeline.control.time.time", lambda: plan.price.read_at + 3601 if plan.price else 0)
    run_id = control.start_planned(plan, INSTRUCTION)
    before = events()
    with pytest.raises(CallError, match="not of this hour"):
        control.consent(run_id, plan.plan_id, by="test")
    assert events() == before


@pytest.mark.usefixtures("hf_jobs", "live_prices")
def test_what_cannot_be_started_yet_is_not_confirmed() -> None:
    plan = planned(f"{INSTRUCTION}\nflavor: l4x4")
    assert plan.chosen and plan.chosen.flavor == "l4x4" and plan.settings
    assert plan.settings.cards == 4 and plan.script and "accelerate.commands.launch" in plan.script
    options = [one.model_copy(update={"unstarted": "weights cannot wait in RAM yet"}) for one in plan.options]
    with pytest.raises(CallError, match="flavor is l4x4, and there weights cannot wait in RAM yet: "):
        control.require_startable(plan.model_copy(update={"options": options, "chosen": plan.chosen}))


# Clicks


def asked(plan: Plan, kind: str, **more: Any) -> dict[str, Any]:
    return changes(plan, {"kind": kind, "plan_id": plan.plan_id} | more)


def test_a_click_takes_an_option_an_offer_or_the_sliders_values() -> None:
    plan = made_once()
    number = next(at for at, one in enumerate(plan.options) if (one.flavor, one.tuning) == ("h200", "full"))
    assert asked(plan, "choose", option=number) == {
        "backend": "hf-jobs", "flavor": "h200", "tuning": "full", "lora_rank": None,
    }  # fmt: skip
    assert asked(plan, "choose", option=0) == {"backend": "hf-jobs", "flavor": "t4-small", "tuning": "lora"}
    offer = Offer(label="Cut rows", why="longer rows lose their end", hours=None, usd=None, fields={"max_length": 64})
    offered = plan.model_copy(update={"offers": [offer]})
    assert asked(offered, "offer", offer=0) == {"max_length": 64}
    assert asked(plan, "shape", max_length=64, lora_rank=8) == {"max_length": 64, "lora_rank": 8}
    assert asked(plan, "shape", device_batch_size=3) == {"device_batch_size": 3, "batch_size": 9}
    assert asked(plan, "shape", device_batch_size=2) == {"device_batch_size": 2}
    assert asked(plan, "shape", option=number, lora_rank=8)["lora_rank"] is None, "where all weights are trained"


@pytest.mark.parametrize(
    "number", [-1, 66, 10**9, True, False, None, "0", "__class__", 0.0, [0], {"a": 1}, "x" * 10_000]
)
def test_a_click_on_what_is_not_there_changes_nothing(number: Any) -> None:
    plan = made_once()
    for kind, field in (("choose", "option"), ("offer", "offer")):
        with pytest.raises(CallError) as refused:
            asked(plan, kind, **{field: number})
        assert len(str(refused.value)) < 200
        assert "\n" not in str(refused.value)


@pytest.mark.parametrize("value", [True, 0, -8, 8.5, "8", "8; rm -rf /", "</script>", [8], float("nan"), "x" * 10_000])
@pytest.mark.parametrize("slider", ["max_length", "device_batch_size", "lora_rank"])
def test_a_sliders_value_is_a_whole_number(slider: str, value: Any) -> None:
    with pytest.raises(CallError) as refused:
        asked(made_once(), "shape", **{slider: value})
    assert refused.value.field == slider
    assert len(str(refused.value)) < 200


def test_a_click_on_another_plan_or_on_what_does_not_fit_changes_nothing() -> None:
    plan = made_once()
    for other in ("f" * 64, "", None, 7, ["x"]):
        with pytest.raises(CallError, match="not the plan on the screen"):
            changes(plan, {"kind": "choose", "plan_id": other, "option": 0})
    with pytest.raises(CallError, match="not the plan on the screen"):
        changes(None, {"kind": "choose", "plan_id": plan.plan_id, "option": 0})
    with pytest.raises(CallError, match="changes nothing"):
        asked(plan, "shape")
    with pytest.raises(CallError, match="changes nothing"):
        asked(plan, "shape", flavor="h200", budget_usd=1e9)  # no slider
    for update in ({"fits": False, "why": "needs up to 30 GiB"}, {"max_usd": None}):
        unfit = plan.model_copy(update={"options": [plan.options[0].model_copy(update=update)]})
        with pytest.raises(CallError, match="cannot be taken"):
            asked(unfit, "choose", option=0)


def test_a_revision_leaves_to_the_plan_what_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tunebook.pipeline.control.ensure_supervisor", lambda *_: None)
    monkeypatch.setattr("tunebook.pipeline.control.HANDED_OVER_S", 0.0)
    plan = planned(f"{INSTRUCTION}\nlora_rank: 32\nflavor: l4x1")
    run_id = control.start_planned(plan, INSTRUCTION)
    control.revise(run_id, {"tuning": "full", "lora_rank": None, "flavor": None, "epochs": None}, by="test")
    spec = control.look(Journal(home()), run_id).run.spec
    assert spec["tuning"] == "full"
    assert not {"lora_rank", "flavor", "epochs"} & set(spec)
    assert spec["backend"] == "hf-jobs"
    before = events()
    control.revise(run_id, {"lora_rank": None}, by="test")
    assert events() == before, "what is so already is no revision"
    for fields in ({"lora_rank": "8; x"}, {"flavor": "$(reboot)"}, {"no_such_field": 1}):
        with pytest.raises(CallError):
            control.revise(run_id, fields, by="test")
    assert events() == before
    control.take_back(run_id, "tuning", by="test")
    assert control.look(Journal(home()), run_id).run.spec["tuning"] == "lora"
