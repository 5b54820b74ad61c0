"""The panels in a real kernel: what is sent, what a click does, and what stays in the cell that made them."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from kernel.kernel import Kernel, kernel
from panel_facts import PLAN, STORY, plan

from tunebook.pipeline.home import home
from tunebook.pipeline.journal import Journal

RUN = "kinds-draft"


@pytest.fixture
def journal() -> Journal:
    """A home with one run whose plan waits for its person."""
    made = Journal(home())
    made.save_plan(PLAN, plan().model_dump(mode="json"))
    made.create_run(RUN, STORY[0][1], same_as=None)
    made.append(RUN, "planned", plan_id=PLAN, max_usd=0.0)
    return made


@pytest.fixture
def one(journal: Journal, tmp_path: Path) -> Iterator[Kernel]:
    with kernel(tmp_path, widgets=True) as made:
        yield made
    if not any(event.kind == "cancel_requested" for event in journal.events(RUN)):
        journal.append(RUN, "cancel_requested")


def opened(messages: list[dict[str, Any]]) -> dict[str, Any]:
    """The comm_open of the one panel in these messages."""
    (found,) = [
        message["content"]
        for message in messages
        if message["msg_type"] == "comm_open" and "_esm" in message["content"]["data"]["state"]
    ]
    return found


def snapshots(messages: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [
        state["snapshot"]
        for message in messages
        if message["msg_type"] in ("comm_msg", "comm_open")
        and (state := message["content"]["data"].get("state"))
        and state.get("snapshot")
    ]


def has_snapshot(**wanted: Any) -> Any:
    return lambda message: any(
        all(one.get(name) == value for name, value in wanted.items()) for one in snapshots([message])
    )


def test_attach_shows_the_panel_of_the_unfinished_run(one: Kernel) -> None:
    outcome = one.run("%finetune attach")
    assert not outcome.failed
    state = opened(outcome.messages)["data"]["state"]
    assert len(state["_esm"]) < 150_000
    shown = snapshots(outcome.messages)[-1]
    assert (shown["run_id"], shown["state"], shown["confirm"]["label"]) == (RUN, "draft", "Start, costs nothing")
    panel, static = outcome.of("display_data")
    assert "application/vnd.jupyter.widget-view+json" in panel["data"]
    assert static["transient"]["display_id"].startswith(f"tunebook-static-{RUN}")
    assert set(static["data"]) == {"text/plain"}


def test_a_click_consents_to_the_plan_on_the_screen_and_to_no_other(one: Kernel, journal: Journal) -> None:
    comm = opened(one.run("%finetune attach").messages)["comm_id"]
    one.send(comm, {"kind": "confirm", "plan_id": "b" * 64})
    shown = snapshots([one.heard(lambda message: any(shot.get("problem") for shot in snapshots([message])))])[-1]
    assert "is not the plan of this run any more" in shown["problem"]["why"]
    assert (shown["state"], shown["problem"]["now"]) == ("draft", "The run itself is not touched.")
    one.send(comm, {"kind": "confirm"})
    one.send(comm, {"kind": "a newer kind"})
    one.run("1")
    assert not any(event.kind == "confirmed" for event in journal.events(RUN))


def test_what_stays_when_a_run_ends_is_in_the_cell_of_its_panel(one: Kernel, journal: Journal) -> None:
    attached = one.run("%finetune attach")
    cell = attached.messages[0]["parent_header"]["msg_id"]
    display_id = attached.of("display_data")[1]["transient"]["display_id"]
    assert one.run("print('another cell')").stdout == "another cell\n"
    comm = opened(attached.messages)["comm_id"]
    one.send(comm, {"kind": "cancel"})
    update = one.heard(lambda message: message["msg_type"] == "update_display_data")
    assert update["parent_header"]["msg_id"] == cell
    assert update["content"]["transient"]["display_id"] == display_id
    assert f"tunebook-static-{RUN}" in update["content"]["data"]["text/html"]
    one.heard(has_snapshot(state="cancelled", cancel=None))
    # Asked once more, too late: nothing changes, nothing goes wrong.
    one.send(comm, {"kind": "cancel"})
    assert one.run("1 + 1").of("execute_result")[0]["data"]["text/plain"] == "2"
    assert [event.kind for event in journal.events(RUN)].count("cancel_requested") == 1


def test_the_stop_of_the_table_leaves_the_run_alone(one: Kernel, journal: Journal) -> None:
    comm = opened(one.run("%finetune attach").messages)["comm_id"]
    for of in ("view", "inspection", None):
        one.send(comm, {"kind": "cancel", "of": of})
    assert one.run("1 + 1").of("execute_result")[0]["data"]["text/plain"] == "2"
    assert not any(event.kind == "cancel_requested" for event in journal.events(RUN))


def test_a_part_of_the_panel_is_sent_when_it_is_asked_for(one: Kernel) -> None:
    comm = opened(one.run("%finetune attach").messages)["comm_id"]

    def answer(name: str) -> dict[str, Any]:
        one.send(comm, {"kind": "part", "name": name})
        message = one.heard(
            lambda message: (
                message["msg_type"] == "comm_msg"
                and message["content"]["data"].get("content", {}).get("kind") == "part"
                and message["content"]["data"]["content"]["name"] == name
            )
        )
        content: dict[str, Any] = message["content"]["data"]["content"]
        return content

    assert "export default(require" in answer("run-monitor")["text"]
    # Only what was built as one: no path of this machine.
    for name in ("../panel", "finetune-panel", ""):
        assert answer(name).keys() == {"kind", "name", "error"}


def test_a_view_that_mounts_gets_all_points_at_once(one: Kernel) -> None:
    comm = opened(one.run("%finetune attach").messages)["comm_id"]
    one.send(comm, {"kind": "since", "seq": 0})
    points = one.heard(
        lambda message: (
            message["msg_type"] == "comm_msg" and message["content"]["data"].get("content", {}).get("kind") == "points"
        )
    )["content"]["data"]["content"]
    assert points == {"kind": "points", "seq": 0, "reset": True, "series": []}


def test_the_first_drawing_is_answered_with_the_state_of_that_moment(one: Kernel) -> None:
    comm = opened(one.run("%finetune attach").messages)["comm_id"]
    one.send(comm, {"kind": "hello"})
    message = one.heard(has_snapshot(run_id=RUN))
    assert message["content"]["comm_id"] == comm


def test_a_closed_panel_stops_looking_and_the_run_stays(one: Kernel, journal: Journal) -> None:
    code = (
        "import threading\nfrom tunebook import FinetunePanel, RunMonitor, CheckpointTable\n"
        f"panels = [FinetunePanel('{RUN}'), RunMonitor('{RUN}'), CheckpointTable('{RUN}')]\n"
        "def following(): return [t for t in threading.enumerate() if t.name.startswith('tunebook-')]\n"
        "before = following()\n"
        "for panel in panels: panel.close()\n"
        "for thread in before: thread.join(10)\n"
        "print(len(before), len(following()))"
    )
    outcome = one.run(code)
    assert outcome.stdout == "1 0\n", outcome.of("error")
    assert not any(event.kind == "cancel_requested" for event in journal.events(RUN))


def test_a_question_is_a_panel_that_starts_nothing(one: Kernel, journal: Journal) -> None:
    outcome = one.run("%%finetune --yes\nFine-tune something on tatsu-lab/alpaca")
    assert not outcome.failed
    shown = snapshots(outcome.messages)[-1]
    assert [question["field"] for question in shown["request"]["questions"]] == ["model"]
    assert shown["confirm"] is None
    assert journal.run_ids() == [RUN]


def test_the_other_panels_show_real_content(one: Kernel, kinds: Path) -> None:
    picker = one.run(f"import tunebook\ntunebook.HardwarePicker('{PLAN[:12]}')")
    assert snapshots(picker.messages)[-1]["view"]["options"][0]["memory"]["high"] == 2.3
    wrong = one.run(f"tunebook.DatasetInspector({str(kinds.parent / 'nothing.jsonl')!r})")
    assert not wrong.failed
    heard = one.heard(lambda message: any(shot["problem"] for shot in snapshots([message])))
    assert "nothing.jsonl" in snapshots([heard])[-1]["problem"]["why"]


def test_an_unknown_run_is_one_clear_error(one: Kernel) -> None:
    outcome = one.run(
        "import tunebook\ntry:\n    tunebook.RunMonitor('nothing')\nexcept Exception as error:\n    print(error)"
    )
    assert outcome.stdout == "run 'nothing' is not known here: `runs` lists the runs there are.\n"


def test_a_checkout_without_bundles_says_what_to_run(one: Kernel) -> None:
    code = "from pathlib import Path\nimport tunebook.widgets.panel as panel\npanel.STATIC = Path('/nowhere')\n%finetune attach"
    outcome = one.run(code)
    assert outcome.failed
    assert outcome.stderr.strip().endswith("finetune-panel.js is missing: run `npm run build` in the project's folder")


def test_the_cell_returns_at_once_and_the_run_goes_on_without_it(one: Kernel, tmp_path: Path) -> None:
    """No model is needed for that: the run fails in its preparation, which the panel must then say."""
    (tmp_path / "rows.jsonl").write_text('{"prompt": "a", "completion": "b"}\n')
    (tmp_path / "empty-model").mkdir()
    began = time.monotonic()
    outcome = one.run("%%finetune --yes --again\nFine-tune ./empty-model on rows.jsonl")
    assert not outcome.failed
    assert time.monotonic() - began < 20
    assert snapshots(outcome.messages)[-1]["state"] == "preparing"
    failed = snapshots([one.heard(has_snapshot(state="failed"), timeout=120)])[-1]
    assert failed["problem"]["what"].startswith("model ")
