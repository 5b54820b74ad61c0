"""A person in JupyterLab: a cell, a look, one click, a kernel restart in the middle, and the GGUF's answer."""

from __future__ import annotations

import contextlib
import json
import os
import re
from pathlib import Path

import pytest
from browser.lab import Lab
from playwright.sync_api import Page, expect
from processes import until
from small import CHECKPOINTS, small_instruction

import tunebook

pytestmark = pytest.mark.timeout(1800)  # about 4 minutes on two free cores; a busy machine takes what it takes

MINUTES = 60_000
ROOT = Path(__file__).resolve().parents[2]


def open_notebook(page: Page, address: str) -> None:
    page.goto(address)
    page.wait_for_selector(".jp-Notebook .jp-CodeCell")
    page.wait_for_selector('.jp-Notebook-ExecutionIndicator[data-status="idle"]', timeout=2 * MINUTES)


def run_cell(page: Page, number: int) -> None:
    """Run one cell that was not run before, counted from 0, and wait until its code has returned."""
    expect(page.get_by_text("Python 3 (ipykernel) | Idle")).to_be_visible(timeout=2 * MINUTES)
    cell = page.locator(".jp-CodeCell").nth(number)
    prompt = cell.locator(".jp-InputPrompt")
    for _ in range(5):  # JupyterLab drops keys while it is still connecting to the kernel
        cell.locator(".cm-content").click()
        page.keyboard.press("Control+Enter")
        with contextlib.suppress(AssertionError):
            expect(prompt).not_to_have_text("[ ]:", timeout=8_000)
            break
    expect(prompt).to_have_text(re.compile(r"\[\d+\]:"), timeout=2 * MINUTES)


def restart_kernel(page: Page) -> None:
    page.get_by_role("menuitem", name="Kernel", exact=True).click()
    page.get_by_role("menuitem", name="Restart Kernel and Clear Outputs").click()
    page.locator(".jp-Dialog button.jp-mod-accept").click()
    page.wait_for_selector(".jp-Dialog", state="detached")
    page.wait_for_selector('.jp-Notebook-ExecutionIndicator[data-status="idle"]', timeout=2 * MINUTES)


def test_from_the_cell_to_the_answer_of_the_gguf_through_a_kernel_restart(page: Page, lab: Lab, tmp_path: Path) -> None:
    problems: list[str] = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    cells = ["%load_ext tunebook", f"%%finetune\n{small_instruction()}", "1 + 1"]
    open_notebook(page, lab.notebook("job.ipynb", *cells))
    run_cell(page, 0)
    run_cell(page, 1)

    panel = page.get_by_test_id("tunebook-panel")
    expect(panel).to_be_visible()
    confirm = panel.get_by_test_id("tunebook-confirm")
    expect(confirm).to_have_count(1)
    expect(panel.get_by_test_id("tunebook-cancel")).to_have_count(1)

    # The data, before anything is spent: rows as the trainer sees them.
    expect(confirm).to_be_enabled(timeout=5 * MINUTES)
    page.get_by_test_id("tunebook-tab-data").click()
    inspector = panel.get_by_test_id("tunebook-dataset-inspector")
    expect(inspector).to_contain_text("64 rows")
    expect(inspector).to_contain_text("trained")
    page.screenshot(path=tmp_path / "data.png")
    page.get_by_test_id("tunebook-tab-plan").click()
    picker = panel.get_by_test_id("tunebook-hardware-picker")
    expect(picker).to_contain_text("this-machine")
    page.screenshot(path=tmp_path / "plan.png")
    confirm.click()

    # The run, live, while another cell works.
    monitor = panel.get_by_test_id("tunebook-run-monitor")
    expect(monitor).to_be_visible(timeout=3 * MINUTES)
    run_cell(page, 2)
    expect(page.locator(".jp-CodeCell").nth(2)).to_contain_text("2")
    [run] = tunebook.runs().runs
    until(lambda: (tunebook.show(run.run_id).step or 0) >= 3, "three steps")
    expect(panel.locator(".tb-pill")).to_contain_text("step", timeout=MINUTES)
    page.screenshot(path=tmp_path / "run.png")

    # The kernel is gone; the run is not. The same cell picks it up.
    restart_kernel(page)
    run_cell(page, 0)
    run_cell(page, 1)
    panel = page.get_by_test_id("tunebook-panel")
    expect(panel).to_be_visible()
    expect(panel.locator(".tb-pill")).to_be_visible()

    answer = panel.get_by_test_id("tunebook-answer")
    expect(answer).to_be_attached(timeout=10 * MINUTES)
    page.get_by_test_id("tunebook-tab-publish").click()
    expect(answer).to_be_visible()
    page.screenshot(path=tmp_path / "publish.png")
    page.get_by_test_id("tunebook-tab-compare").click()
    table = panel.get_by_test_id("tunebook-checkpoint-table")
    for name in ("base", *(f"{step}" for step in (6, 12))):
        expect(table).to_contain_text(name)
    page.screenshot(path=tmp_path / "compare.png")
    if picture := os.environ.get("TUNEBOOK_PICTURE"):
        page.get_by_test_id("tunebook-tab-compare").click()
        page.screenshot(path=ROOT / picture, clip={"x": 290, "y": 95, "width": 950, "height": 520})

    until(lambda: tunebook.show(run.run_id).state == "succeeded", "the report, which is written last", 60)
    [only] = tunebook.runs().runs
    shown = tunebook.show(only.run_id)
    assert (only.run_id, shown.state) == (run.run_id, "succeeded"), shown.why
    assert [(a.stage, a.n) for a in shown.attempts] == [("train", 1), ("evaluate", 1), ("export", 1)], "never twice"
    exported = json.loads((Path(os.environ["TUNEBOOK_HOME"]) / "runs" / run.run_id / "export.json").read_text())
    assert exported["answer"]["answer"]
    assert [row.checkpoint for row in tunebook.compare(run.run_id).rows] == ["base", *CHECKPOINTS]
    assert not problems, problems

    # The saved notebook speaks without a kernel: a summary and the curve stay in it, and it is small.
    expect(page.locator(f".tunebook-static-{run.run_id}")).to_be_attached(timeout=MINUTES)
    page.keyboard.press("Control+s")
    saved = lab.folder / "job.ipynb"
    until(lambda: "image/png" in saved.read_text(), "the saved static form", 60)
    assert f"tunebook-static-{run.run_id}" in saved.read_text()
