"""What the plan's panel shows of the script: its text, what a person edited, its proof, and whether it may start."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest
from panel_facts import HOSTILE, PLAN, RUN, facts, plan, until

from tunebook.follow import Narrator, waits
from tunebook.pipeline.home import write_json
from tunebook.pipeline.journal import Journal
from tunebook.pipeline.plan import proving as kept
from tunebook.pipeline.plan.edited import difference
from tunebook.pipeline.process import ProcessId
from tunebook.pipeline.prove.result import Proof, ProofCheck
from tunebook.pipeline.watch import Live, Progress
from tunebook.widgets.facts import Facts, Gatherer
from tunebook.widgets.script_view import DIFF_MOST, SCRIPT_MOST, edit_view, proof_view, script_view
from tunebook.widgets.snapshot import run_snapshot

WRITTEN = "rate = 2e-4\nsteps = 12\nprint('train')\n"
EDITED = "rate = 1e-4\nsteps = 12\nprint('train')\nprint('more')\n"
PROVING = ("preparing", {"stage": "plan", "job": "/nowhere/prove-1", "text": "Proving the script in miniature"})


def proof(*failed: str) -> Proof:
    names = ("runs", "tokens", "moves", "a-new-one")
    checks = [ProofCheck(id=name, passed=name not in failed, evidence=f"seen of {name}") for name in names]
    return Proof(passed=not failed, seconds=48.2, checks=checks)


def edited(**changes: Any) -> Any:
    return plan(script=EDITED, written=WRITTEN, edit=difference(WRITTEN, EDITED), **changes)


def shown(*events: tuple[str, dict[str, Any]], **known: Any) -> dict[str, Any]:
    return run_snapshot(facts(until("planned", *events), **({"plan": edited()} | known)))


def test_the_script_is_named_with_its_lines_and_with_what_can_be_done_with_it() -> None:
    view = run_snapshot(facts(until("planned"), plan=plan(script=WRITTEN)))["plan"]
    assert (view["script"], view["script_title"]) == (WRITTEN, "The training script, 3 lines")
    assert (view["edit"], view["proof"], view["proving"]) == (None, None, "")
    assert view["hints"] == [
        f"`%finetune script {RUN}` opens it in the next cell to edit.",
        f"`%finetune prove {PLAN[:12]}` runs it on a tiny clone first.",
    ]


def test_a_script_that_was_proved_or_has_begun_is_not_said_to_want_a_proof() -> None:
    (hint,) = run_snapshot(facts(until("planned"), proof=proof()))["plan"]["hints"]
    assert "script" in hint
    assert len(run_snapshot(facts(until("attempt")))["plan"]["hints"]) == 1


def test_a_plan_alone_names_itself_and_one_with_questions_has_no_script() -> None:
    assert script_view(plan(), None)["hints"][0] == f"`%finetune script {PLAN[:12]}` opens it in the next cell to edit."
    none = script_view(plan(script=None, plan_id=None), None)
    assert (none["script"], none["script_title"], none["hints"]) == ("", "", [])


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        (WRITTEN, EDITED, "You edited the script: 2 lines added, 1 removed."),
        ("a\n", "a\nb\n", "You edited the script: 1 line added."),
        ("a\nb\nc\n", "a\n", "You edited the script: 2 lines removed."),
        ("a\n", "++a\n", "You edited the script: 1 line added, 1 removed."),
    ],
)
def test_an_edit_is_counted_in_words(before: str, after: str, said: str) -> None:
    view = edit_view(difference(before, after))
    assert view["sentence"] == said
    assert view["diff"].startswith("@@ ")


def test_a_proof_says_how_long_it_took_and_what_each_check_looked_at() -> None:
    good = proof_view(proof())
    assert good["sentence"] == "Proved in miniature in 48 s: 4 checks passed."
    assert [one["name"] for one in good["checks"]] == [
        "It runs to its end",
        "The right tokens are learned",
        "Trained weights move",
        "A new one",
    ]
    bad = proof_view(proof("moves"))
    assert bad["sentence"] == "Not proved in miniature: 1 of 4 checks failed, after 48 s."
    assert (bad["checks"][0]["id"], bad["checks"][0]["evidence"]) == ("moves", "seen of moves")


def test_while_an_edited_script_is_proved_the_panel_is_at_work_and_nothing_can_be_confirmed() -> None:
    view = shown(PROVING, progress=Progress("learning by heart", 3, 6))
    assert (view["state"], view["active"], view["status"]["pill"]) == ("preparing", "plan", "proving")
    stage = next(one for one in view["stages"] if one["id"] == "plan")
    assert (stage["state"], stage["note"], stage["progress"]) == ("working", "learning by heart, 3 of 6", 0.5)
    assert view["confirm"] == {
        "label": "Start, costs nothing",
        "enabled": False,
        "why": "The edited script can start when its proof has passed.",
    }
    assert view["plan"]["proving"] == "Proving the script in miniature"
    assert len(view["plan"]["hints"]) == 1


def test_a_proof_that_passed_opens_the_button() -> None:
    view = shown(PROVING, ("proved", {"passed": True, "seconds": 48.2}), proof=proof())
    assert (view["state"], view["confirm"]) == ("draft", {"label": "Start, costs nothing", "enabled": True})
    assert view["plan"]["proof"]["passed"] is True


def test_an_edited_script_whose_prover_is_gone_says_how_it_is_proved() -> None:
    view = shown(PROVING, supervised=False)
    assert view["confirm"]["enabled"] is False
    assert f"`%finetune prove {PLAN[:12]}`" in view["confirm"]["why"]
    assert (view["state"], view["plan"]["proving"], view["status"]["pill"]) == ("draft", "", "not proved")


def test_a_script_that_was_not_edited_can_be_confirmed_while_it_is_proved() -> None:
    paid = facts(until("planned", PROVING, max_usd=0.4), plan=plan(usd=0.4))
    assert run_snapshot(paid)["confirm"] == {"label": "Start, at most $0.40", "enabled": True}
    assert run_snapshot(paid)["status"]["pill"] == "proving"


def test_a_failed_proof_stays_with_the_plan() -> None:
    told = {"what": "The script did not pass its proof in miniature", "why": "moves: no", "now": "Mend it"}
    view = shown(PROVING, ("failed", {"why": "x", "problem": told}), proof=proof("moves"))
    assert (view["state"], view["confirm"]) == ("failed", None)
    assert view["problem"] == {
        "what": "The script did not pass its proof in miniature.",
        "why": "Failed: Trained weights move.",
        "now": f"Mend it with `%finetune script {RUN}`, or change the cell and run it again.",
    }
    assert view["plan"]["proof"]["passed"] is False


def test_another_plan_is_not_offered_where_a_script_was_edited_for_this_one() -> None:
    other = plan().options[0].model_copy(update={"tuning": "full"})
    for made, offered in ((plan(), True), (edited(), False)):
        made.options.append(other)
        assert run_snapshot(facts(until("planned"), plan=made))["plan"]["options"][1]["selectable"] is offered


def test_however_long_a_script_is_what_is_sent_of_it_stays_small() -> None:
    long = "x = 1\n" * 200_000
    made = plan(script=long, written="", edit=difference("", long))
    view = run_snapshot(facts(until("planned"), plan=made))["plan"]
    assert len(view["script"]) == SCRIPT_MOST
    assert view["script_title"] == "The training script, 200,000 lines, of which the first 33,334 are here"
    assert len(view["edit"]["diff"]) < DIFF_MOST + 100
    assert view["edit"]["diff"].endswith("@@ the rest is not shown @@")
    assert view["edit"]["sentence"] == "You edited the script: 200,000 lines added."
    nasty = Proof(passed=False, seconds=1, checks=[ProofCheck(id=HOSTILE[:40], passed=False, evidence=HOSTILE * 20)])
    assert len(json.dumps(proof_view(nasty))) < 3_000


# Where the proof comes from


def _gatherer() -> Gatherer:
    from tunebook.pipeline.home import home

    journal = Journal(home())
    data = {"instruction": "", "spec": {}, "spec_hash": "s", "auto_confirm": False}
    journal.create_run(RUN, data, same_as=None)
    journal.save_plan(PLAN, edited().model_dump(mode="json"))
    fence = journal.acquire(RUN, ProcessId.current())
    journal.append(RUN, "planned", fence=fence, plan_id=PLAN, max_usd=0.0)
    return Gatherer(Live(RUN))


def _supervisor(kind: str, **data: Any) -> None:
    """What the run's supervisor would write."""
    from tunebook.pipeline.home import home

    Journal(home()).append(RUN, kind, fence=1, **data)


def _facts(gatherer: Gatherer) -> Facts:
    gatherer.live.poll()
    return gatherer.gather()


def test_a_proof_that_comes_from_another_cell_is_seen() -> None:
    gatherer = _gatherer()
    assert (_facts(gatherer).proof, _facts(gatherer).unproved_edit) == (None, True)
    place = kept._place(EDITED)
    place.parent.mkdir(parents=True, exist_ok=True)
    write_json(place, proof().model_dump(mode="json"))
    assert (_facts(gatherer).proof, _facts(gatherer).unproved_edit) == (proof(), False)


def test_a_proof_that_failed_is_read_where_it_was_made(tmp_path: Path) -> None:
    gatherer, job = _gatherer(), tmp_path / "prove-1"
    job.mkdir()
    _supervisor("preparing", stage="plan", job=str(job), text="Proving the script in miniature")
    assert (_facts(gatherer).proof, _facts(gatherer).proving) == (None, True)
    write_json(job / "result.json", proof("moves").model_dump(mode="json"))
    assert _facts(gatherer).proof is None  # the job has written it, but not ended
    _supervisor("proved", passed=False, seconds=48.2)
    _supervisor("failed", why="x", problem={"what": "a", "why": "b", "now": "c"})
    seen = _facts(gatherer)
    assert (seen.proof, seen.unproved_edit, seen.run.state) == (proof("moves"), True, "failed")


def test_the_time_of_a_proof_counts_to_its_end() -> None:
    gatherer = _gatherer()
    _supervisor("preparing", stage="plan", job="", text="Proving the script in miniature")
    begun = _facts(gatherer).prepared["plan"]
    time.sleep(0.05)
    _supervisor("proved", passed=True, seconds=0.05)
    assert _facts(gatherer).prepared["plan"] >= begun + 0.05
    assert _facts(gatherer).prepared == _facts(gatherer).prepared, "and then it stays"


# As text


def test_as_text_it_waits_for_the_proof_and_says_what_was_edited() -> None:
    proving = facts(until("planned", PROVING), plan=edited(), progress=Progress("learning by heart", 3, 6))
    assert not waits(proving)
    assert any("learning by heart, 3 of 6" in line for line in Narrator().lines(proving))
    done = facts(until("planned", PROVING, ("proved", {})), plan=edited(), proof=proof())
    lines = Narrator().lines(done)
    assert waits(done)
    assert any("2 lines added, 1 removed" in line for line in lines)
    assert any("Proved in miniature in 48 s" in line for line in lines)
    assert lines[-1].startswith("Nothing is started yet.")
    told = {"what": "The script did not pass", "why": "moves", "now": "Mend it"}
    failed = facts(until("planned", ("failed", {"why": "x", "problem": told})), plan=edited(), proof=proof("moves"))
    assert any("Trained weights move: seen of moves" in line for line in Narrator().lines(failed))
    gone = facts(until("planned"), plan=edited(), supervised=False)
    assert waits(gone)
    assert f"%finetune prove {PLAN[:12]}" in Narrator().lines(gone)[-1]
