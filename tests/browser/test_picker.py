"""A person in JupyterLab chooses a machine: what others cost, what the sliders do to memory and price, and another plan."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from browser.lab import Lab
from browser.test_cell_to_gguf import open_notebook, run_cell
from hub.server import StandInHub, served
from playwright.sync_api import Page, expect
from small import small_instruction
from tiny import tiny_model

MINUTES = 60_000


@pytest.mark.timeout(600)
def test_the_sliders_move_memory_and_price_and_another_machine_makes_another_plan(
    page: Page, lab: Lab, model_folder: Path, tmp_path: Path
) -> None:
    problems: list[str] = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    with served(StandInHub()) as hub:
        reach = f"import os; os.environ.update(HF_ENDPOINT='{hub.url}', HF_HUB_OFFLINE='0')\n%load_ext tunebook"
        tiny_model(model_folder, lab.folder / "tiny")
        instruction = small_instruction("./tiny").replace(", on this machine", "")
        open_notebook(page, lab.notebook("picker.ipynb", reach, f"%%finetune\n{instruction}\nbudget: 2", "1 + 1"))
        run_cell(page, 0)
        run_cell(page, 1)
        panel = page.get_by_test_id("tunebook-panel")
        confirm = panel.get_by_test_id("tunebook-confirm")
        expect(confirm).to_be_enabled(timeout=3 * MINUTES)
        expect(confirm).to_have_text("Start, costs nothing")
        page.get_by_test_id("tunebook-tab-plan").click()
        picker = panel.get_by_test_id("tunebook-hardware-picker")
        expect(picker).to_contain_text("Cheapest that fits: this machine with LoRA, as you asked, at no charge.")
        expect(picker).to_contain_text(re.compile(r"Prices read from the Hub"))
        page.screenshot(path=tmp_path / "picker.png")
        picker.screenshot(path=tmp_path / "panel.png")

        # The sliders answer in the browser; those of this machine are made when somebody looks.
        expect(picker.get_by_label("Machine")).to_contain_text("this-machine", timeout=2 * MINUTES)
        context = picker.get_by_label("context", exact=True)
        said = picker.locator(".tb-explore")
        context.focus()
        before = said.inner_text()
        for _ in range(3):
            page.keyboard.press("ArrowRight")
        expect(said).not_to_have_text(before)
        picker.screenshot(path=tmp_path / "slid.png")

        # Another machine is another plan, with the most that it can cost on the button.
        if (folded := picker.get_by_role("button", name=re.compile("more that fit"))).count():
            folded.click()
        picker.get_by_role("button", name=re.compile("Choose.*t4-small", re.IGNORECASE)).first.click()
        expect(confirm).to_have_text(re.compile(r"^Start, at most \$0\.\d\d$"), timeout=2 * MINUTES)
        # Nobody has logged in here: that is told before the click, and the click starts nothing.
        expect(picker.get_by_test_id("tunebook-missing")).to_contain_text("The token is missing, and a job needs one")
        confirm.click()
        expect(panel.get_by_role("alert")).to_contain_text("token is not ready")
        expect(confirm).to_have_text(re.compile(r"^Start, at most \$0\.\d\d$"))
        picker.screenshot(path=tmp_path / "rented.png")
    assert not problems
