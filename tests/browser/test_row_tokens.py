"""A person in JupyterLab looks at the data of a run: any row as the trainer sees it, and what another limit would do to it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from browser.lab import Lab
from browser.test_cell_to_gguf import open_notebook, run_cell
from panel_facts import PLAN, STORY, plan
from playwright.sync_api import Page, expect

from tunebook.pipeline.data.inspection import inspect_data
from tunebook.pipeline.home import home
from tunebook.pipeline.journal import Journal

ROOT = Path(__file__).resolve().parents[2]
RUN = "kinds-draft"
MINUTE = 60_000


@pytest.mark.timeout(400)
def test_the_data_of_a_run_is_a_table_whose_every_row_shows_its_tokens(
    page: Page, lab: Lab, kinds: Path, model_folder: Path
) -> None:
    problems: list[str] = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    inspection = inspect_data(str(kinds), model=str(model_folder))
    made = Journal(home())
    made.save_plan(PLAN, plan(inspection=inspection).model_dump(mode="json"))
    made.create_run(RUN, STORY[0][1], same_as=None)
    made.append(RUN, "planned", plan_id=PLAN, max_usd=0.0)
    try:
        open_notebook(page, lab.notebook("run.ipynb", "import tunebook", f"tunebook.FinetunePanel('{RUN}')"))
        run_cell(page, 0)
        run_cell(page, 1)
        page.get_by_test_id("tunebook-tab-data").click()
        panel = page.get_by_test_id("tunebook-dataset-inspector")
        grid = panel.get_by_role("grid")
        expect(grid).to_have_attribute("aria-rowcount", "1201")
        row, text = panel.get_by_role("heading", name=re.compile("^Row ")), panel.locator(".tb-row-text")
        expect(row).to_have_text("Row 0")
        expect(text.locator(".tb-trained")).not_to_have_count(0)  # of the page: it waits for nothing

        grid.focus()
        page.keyboard.press("End")
        page.keyboard.press("Enter")
        expect(row).to_have_text("Row 1,199")
        expect(panel.get_by_text("Loading the tokenizer and TRL")).to_be_visible()
        expect(text.locator(".tb-turn").first).to_be_visible()  # it can be read meanwhile
        expect(text.locator(".tb-trained")).not_to_have_count(0, timeout=2 * MINUTE)
        expect(text).to_contain_text("<|im_start|>assistant")
        assert tokens_of(panel.locator(".tb-legend").inner_text()) == text.locator(".tb-token").count()
        for number in (1198, 1197):
            text.press("ArrowLeft")
            expect(row).to_have_text(f"Row {number:,}")
            expect(text.locator(".tb-trained")).not_to_have_count(0)

        slider = panel.get_by_label(re.compile("if cut at"))
        slider.press("Home")
        expect(panel.get_by_text("TRL drops this row: cut at")).to_be_visible()
        expect(text.locator(".tb-cut .tb-token")).to_have_count(text.locator(".tb-token").count())
        (ROOT / "test-results").mkdir(exist_ok=True)
        panel.screenshot(path=ROOT / "test-results" / "row-tokens-jupyterlab.png")
        slider.press("End")
        expect(text.locator(".tb-cut")).to_have_count(0)
        page.get_by_test_id("tunebook-tab-plan").click()
        expect(grid).to_be_hidden()
        page.get_by_test_id("tunebook-tab-data").click()
        expect(row).to_have_text("Row 1,197")
        assert problems == []
    finally:
        made.append(RUN, "cancel_requested")


def tokens_of(legend: str) -> int:
    """All tokens that a legend counts."""
    return sum(int(number) for number in re.findall(r"(?:trained|read only|cut)\s+(\d+)", legend))
