"""What the panels say of a run, in every state it can be in."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from panel_facts import COMPARISON, HOSTILE, PLAN, export, facts, inspection, plan, score, training, until

from tunebook.pipeline.instruction import read
from tunebook.pipeline.watch import Point, Progress
from tunebook.widgets.facts import Facts
from tunebook.widgets.snapshot import question_snapshot, run_snapshot
from tunebook.widgets.views import PREVIEW_BYTES, PREVIEW_ROWS, data_view, request_view


def states(snapshot: dict[str, Any]) -> dict[str, str]:
    return {stage["id"]: stage["state"] for stage in snapshot["stages"]}


def test_a_run_that_reads_its_data_says_so_and_offers_nothing_but_cancel() -> None:
    preparing = facts(until("preparing"), progress=Progress("reading rows", 600, 1200))
    shown = run_snapshot(preparing)
    assert shown["state"] == "preparing"
    assert states(shown) == {
        "request": "done",
        "data": "working",
        "plan": "waiting",
        "run": "waiting",
        "compare": "waiting",
        "publish": "waiting",
    }
    assert shown["stages"][1]["note"] == "reading rows, 600 of 1,200"
    assert shown["stages"][1]["progress"] == 0.5
    assert (shown["confirm"], shown["stop"]) == (None, None)
    assert shown["cancel"] == {"label": "Cancel", "enabled": True}
    assert shown["request"]["sentence"] == "Fine-tune SmolLM2-135M-Instruct on kinds: 3 fields understood."


def test_the_data_is_shown_before_there_is_a_plan() -> None:
    measuring = facts(
        until("preparing", ("preparing", {"stage": "plan", "text": "Measuring"})), inspection=inspection()
    )
    shown = run_snapshot(measuring)
    assert (states(shown)["data"], states(shown)["plan"], shown["active"]) == ("done", "working", "plan")
    assert shown["data"]["rows"] == 80
    assert shown["plan"] is None


def test_a_plan_waits_for_one_click_that_names_what_it_can_cost() -> None:
    shown = run_snapshot(facts(until("planned")))
    assert (shown["state"], shown["active"], states(shown)["plan"]) == ("draft", "plan", "needs_you")
    assert shown["confirm"] == {"label": "Start, costs nothing", "enabled": True}
    assert shown["plan"]["plan_id"] == PLAN
    assert shown["status"]["spent"] == "costs nothing, on this machine"
    assert shown["run"] is None


def test_the_price_on_the_button_is_rounded_up() -> None:
    paid = facts(until("planned", max_usd=0.4151), plan=plan(usd=0.4151))
    assert run_snapshot(paid)["confirm"]["label"] == "Start, at most $0.42"
    assert run_snapshot(paid)["status"]["spent"] == "$0 of at most $0.42"


def test_a_run_that_trains_shows_its_step_its_loss_and_what_is_left() -> None:
    shown = run_snapshot(facts(until("attempt"), **training(), checkpoints=[6]))
    assert (shown["state"], shown["active"], shown["confirm"]) == ("running", "run", None)
    assert shown["status"] == {"pill": "step 6 of 12", "left": "6 s left", "spent": "costs nothing, on this machine"}
    assert shown["stages"][3] == {
        "id": "run",
        "label": "Run",
        "state": "working",
        "seconds": None,
        "note": "step 6 of 12",
        "progress": 0.5,
    }
    assert shown["run"]["sentence"] == "Step 6 of 12, loss 2.40, held out 2.90, about 6 s left."
    assert shown["run"]["marks"] == [{"step": 6, "text": "checkpoint", "level": "note"}]
    assert shown["stop"] == {"label": "Stop and evaluate", "enabled": True}


def test_a_stop_is_asked_for_once() -> None:
    shown = run_snapshot(facts(until("attempt", ("stop_requested", {})), **training()))
    assert shown["stop"] == {"label": "Stopping", "enabled": False}
    assert shown["status"]["pill"] == "stopping"


def test_a_loss_that_is_no_number_is_marked_and_written_as_unknown() -> None:
    known = training()
    known["series"]["train/loss"].append(Point(7, None, 1017.0))
    shown = run_snapshot(facts(until("attempt"), **(known | {"step": 7})))
    assert shown["run"]["marks"] == [{"step": 7, "text": "the loss was not a finite number", "level": "stop"}]
    json.dumps(shown, allow_nan=False)


def test_scores_come_row_by_row_and_name_no_best_before_all_are_there() -> None:
    evaluating = facts(
        until("stage", stage="evaluate"), **training(12), checkpoints=[6, 12], scores=[score("base", 0, 1)]
    )
    shown = run_snapshot(evaluating)
    assert (shown["active"], states(shown)["run"], shown["status"]["pill"]) == ("compare", "done", "evaluating")
    assert [row["checkpoint"] for row in shown["compare"]["rows"]] == ["base"]
    assert shown["compare"]["pending"] == ["checkpoint-6", "checkpoint-12"]
    assert shown["compare"]["best"] is None
    assert shown["stop"] is None


def succeeded(tmp_path: Path) -> Facts:
    report = tmp_path / "report.html"
    report.write_text("<p>")
    return facts(
        until("succeeded"),
        **training(12),
        checkpoints=[6, 12],
        comparison=COMPARISON,
        export=export(tmp_path),
        export_folder=tmp_path,
        report=report,
    )


def test_a_finished_run_has_every_stage_done_its_files_and_an_answer(tmp_path: Path) -> None:
    shown = run_snapshot(succeeded(tmp_path))
    assert set(states(shown).values()) == {"done"}
    assert [stage["seconds"] for stage in shown["stages"]] == [None, 2.0, 2.0, 30.0, 12.0, 9.0]
    assert (shown["confirm"], shown["cancel"], shown["stop"], shown["problem"]) == (None, None, None, None)
    assert shown["compare"]["best"] == "checkpoint-6"
    assert [row["note"] for row in shown["compare"]["rows"]] == ["", "best, earliest within noise", ""]
    assert [row["vs_base"] and row["vs_base"]["delta"] for row in shown["compare"]["rows"]] == [None, 8 / 16, 9 / 16]
    assert [row["heldout_loss"] for row in shown["compare"]["rows"]] == [None, None, 2.9]
    published = shown["publish"]
    assert published["sentence"] == "Q4_K_M (105 MB) is ready and agrees with the merged model at 97.2 % of positions."
    assert [file["label"] for file in published["files"]] == ["GGUF Q4_K_M", "merged model", "report"]
    assert all(Path(file["path"]).is_absolute() for file in published["files"])
    assert published["answer"]["answer"] == "animal"
    assert published["try_it"].startswith("llama-server -m ")


def test_what_was_pushed_is_shown_with_its_address(tmp_path: Path) -> None:
    made = succeeded(tmp_path)
    assert made.export is not None
    made.export["push"] = {"repo": "ada/namer", "url": "https://hub.example/ada/namer", "private": True, "notes": []}
    row = next(file for file in run_snapshot(made)["publish"]["files"] if file["label"] == "on the Hub")
    assert (row["path"], row["detail"]) == ("https://hub.example/ada/namer", "private, with its card")


def test_a_certificate_that_failed_is_not_praised(tmp_path: Path) -> None:
    made = succeeded(tmp_path)
    assert made.export is not None
    made.export["export"]["gguf"][0]["certificate"] |= {"passed": False, "top1_agreement": 0.61}
    assert run_snapshot(made)["publish"]["sentence"].endswith("only 61 % of positions: try a larger quantisation.")


def test_a_run_whose_processes_are_gone_says_how_to_go_on() -> None:
    shown = run_snapshot(
        facts(until("attempt", ("interrupted", {"why": "the train job was killed"})), **training(), checkpoints=[6])
    )
    assert shown["problem"] == {
        "what": "The run was interrupted.",
        "why": "The train job was killed.",
        "now": "`%finetune resume kinds-1123-abcdef` goes on from step 6.",
    }
    assert (states(shown)["run"], states(shown)["compare"]) == ("needs_you", "waiting")
    assert shown["run"]["sentence"] == "Interrupted at step 6, loss 2.40. What was saved is kept."


def test_a_run_that_is_being_cancelled_cannot_be_cancelled_again() -> None:
    shown = run_snapshot(facts(until("attempt", ("cancel_requested", {})), **training()))
    assert (shown["state"], shown["cancel"], shown["stop"]) == (
        "cancelling",
        {"label": "Cancelling", "enabled": False},
        None,
    )


def test_a_cancelled_run_shows_what_it_had_and_skips_the_rest() -> None:
    events = until("attempt", ("cancel_requested", {}), ("cancelled", {"why": "cancelled by hand"}))
    shown = run_snapshot(facts(events, **training()))
    assert states(shown) == {
        "request": "done",
        "data": "done",
        "plan": "done",
        "run": "skipped",
        "compare": "skipped",
        "publish": "skipped",
    }
    assert shown["run"]["sentence"] == "Ended at step 6, loss 2.40."
    assert shown["problem"] is None


def test_a_failure_is_told_as_what_why_and_now() -> None:
    problem = {
        "what": "The loss was no longer a number at step 3, and the training was stopped",
        "why": "usually a high rate",
        "now": "Try half",
    }
    shown = run_snapshot(facts(until("attempt", ("failed", {"why": "x", "problem": problem})), **training(3)))
    assert shown["problem"]["what"].endswith("the training was stopped.")
    assert (shown["problem"]["why"], shown["problem"]["now"]) == ("Usually a high rate.", "Try half.")
    assert states(shown)["run"] == "failed"


def test_a_wrong_call_that_the_preparation_found_names_its_field() -> None:
    problem = {"what": "model", "why": "has no weights", "now": "name a whole checkpoint folder"}
    shown = run_snapshot(facts(until("created", ("failed", {"why": "x", "problem": problem}))))
    assert shown["problem"] == {"what": "model has no weights.", "why": "", "now": "Name a whole checkpoint folder."}
    assert (shown["active"], states(shown)["request"], states(shown)["data"]) == ("request", "failed", "skipped")


def test_questions_start_nothing() -> None:
    words = "Fine-tune it on tatsu-lab/alpaca"
    reading = read(words)
    shown = question_snapshot(words, reading.spec, reading)
    assert (shown["run_id"], shown["confirm"], shown["cancel"]) == (None, None, None)
    assert [one["field"] for one in shown["request"]["questions"]] == ["model"]
    assert "nothing was started" in shown["request"]["sentence"]
    assert shown["stages"][0]["state"] == "needs_you"


def test_each_field_points_at_its_words_but_not_where_an_option_overruled_them() -> None:
    words = "Fine-tune Qwen3-0.6B on tatsu-lab/alpaca for 60 steps"
    fields = {
        one["field"]: one
        for one in request_view(words, read(words).spec | {"max_steps": 12, "seed": 7}, read(words))["fields"]
    }
    assert words[fields["model"]["start"] : fields["model"]["end"]] == "Qwen3-0.6B"
    assert (fields["max_steps"]["value"], fields["max_steps"]["start"]) == ("12", None)
    assert (fields["seed"]["start"], fields["seed"]["end"]) == (None, None)


def test_the_page_of_rows_stays_small_whatever_the_rows_hold() -> None:
    view = data_view(inspection(HOSTILE, rows=60))
    assert 0 < len(view["preview"]) <= PREVIEW_ROWS
    assert len(json.dumps(view["preview"])) <= 1.5 * PREVIEW_BYTES
    assert all(len(row["raw"]["prompt"]) <= 2000 for row in view["preview"])


@pytest.mark.parametrize("kind", ["created", "preparing", "planned", "confirmed", "attempt", "succeeded"])
def test_every_snapshot_is_plain_json_under_a_megabyte_even_of_hostile_text(kind: str, tmp_path: Path) -> None:
    told = succeeded(tmp_path) if kind == "succeeded" else facts(until(kind), **training())
    told.run.instruction = HOSTILE
    told.run.spec = {"model": "m" * 900, "dataset": "d/" + "x" * 900}
    told.log = [HOSTILE] * 20
    told.inspection = inspection(HOSTILE, rows=24)
    told.plan = plan(inspection=told.inspection, said={}) if told.plan else None
    told.progress = Progress(HOSTILE, 1, 2)
    text = json.dumps(run_snapshot(told), allow_nan=False)
    assert len(text.encode()) < 1_000_000
