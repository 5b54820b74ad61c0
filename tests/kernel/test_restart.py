"""A kernel that is restarted in the middle of a run: the run goes on, the same cell finds it, nothing starts twice."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from kernel.kernel import Kernel, kernel
from kernel.test_panels import has_snapshot, opened, snapshots
from small import small_data, small_instruction
from tiny import tiny_model

from tunebook.pipeline.home import home
from tunebook.pipeline.journal import Journal, fold

pytestmark = pytest.mark.timeout(1200)

WAIT_S = 500


def has_points(message: dict[str, Any]) -> bool:
    content = message["content"].get("data", {}).get("content", {}) if message["msg_type"] == "comm_msg" else {}
    return content.get("kind") == "points" and any(series["name"] == "train/loss" for series in content["series"])


@pytest.mark.slow  # tests/browser restarts the kernel of a run too
def test_the_run_outlives_its_kernel_and_is_found_again(tmp_path: Path, model_folder: Path, kinds: Path) -> None:
    small_data(kinds, tmp_path / "data" / "kinds")
    tiny_model(model_folder, tmp_path / "tiny")
    instruction = small_instruction("./tiny", "data/kinds", max_steps=240, save_steps=120, gguf="Q8_0")
    cell = f"%%finetune --yes\n{instruction}"

    with kernel(tmp_path, widgets=True) as one:
        first = one.run(cell)
        run_id = snapshots(first.messages)[-1]["run_id"]
        assert one.run("print('free')").seconds < 10
        one.heard(has_points, WAIT_S)
        assert fold(Journal(home()).events(run_id)).state == "running"

        one.restart()
        one.run("%load_ext tunebook")
        again = one.run(cell)
        assert snapshots(again.messages)[-1]["run_id"] == run_id
        one.send(opened(again.messages)["comm_id"], {"kind": "since", "seq": 0})
        assert one.heard(has_points, WAIT_S)["content"]["data"]["content"]["reset"] is True

        done = snapshots([one.heard(has_snapshot(state="succeeded"), WAIT_S)])[-1]
        static = one.heard(lambda message: message["msg_type"] == "update_display_data")["content"]["data"]
        assert_whole(done, static, run_id)
        assert_finished_is_found(one, cell, run_id)

    assert Journal(home()).run_ids() == [run_id]
    assert [attempt.n for attempt in fold(Journal(home()).events(run_id)).attempts] == [1, 1, 1]


def assert_whole(done: dict[str, Any], static: dict[str, str], run_id: str) -> None:
    assert {stage["state"] for stage in done["stages"]} == {"done"}
    assert [row["checkpoint"] for row in done["compare"]["rows"]] == ["base", "checkpoint-120", "checkpoint-240"]
    assert done["publish"]["answer"]["prompt"].startswith("What kind of thing is this?")
    assert f"tunebook-static-{run_id}" in static["text/html"]
    assert "image/png" in static


def assert_finished_is_found(one: Kernel, cell: str, run_id: str) -> None:
    """The cell run once more shows what there is, with its static form, and starts nothing."""
    once_more = one.run(cell)
    assert snapshots(once_more.messages)[-1]["run_id"] == run_id
    assert f"tunebook-static-{run_id}" in once_more.of("display_data")[1]["data"]["text/html"]
