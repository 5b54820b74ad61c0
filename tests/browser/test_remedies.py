"""A person in JupyterLab looks at flawed data through a model, mends it by clicks, and the same in the cell's panel."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from browser.lab import Lab
from browser.test_cell_to_gguf import MINUTES, open_notebook, run_cell
from playwright.sync_api import Page, expect

import tunebook
from tunebook.pipeline.home import home
from tunebook.pipeline.journal import Journal
from tunebook.pipeline.plan import load_plan

ROOT = Path(__file__).resolve().parents[2]
MODEL = "HuggingFaceTB/SmolLM2-135M-Instruct"


def flawed(kinds: Path, to: Path) -> Path:
    """The demo's first rows, of which one has an empty answer and two come twice."""
    rows = [json.loads(line) for line in (kinds / "train.jsonl").read_text().splitlines()[:60]]
    rows[7]["completion"][0]["content"] = ""
    to.write_text("".join(json.dumps(row) + "\n" for row in [*rows, rows[3], rows[5]]))
    return to


@pytest.mark.slow  # tests/kernel/test_remedies.py and the panel's own tests have its parts in make test
@pytest.mark.timeout(600)
def test_flawed_data_is_seen_through_a_model_and_mended_by_clicks(page: Page, lab: Lab, kinds: Path) -> None:
    problems: list[str] = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    path = flawed(kinds, lab.folder / "flawed.jsonl")
    before = path.read_bytes()
    cells = [
        "import tunebook\n%load_ext tunebook",
        "look = tunebook.DatasetInspector('flawed.jsonl')\nlook",
        f"%%finetune\nFine-tune {MODEL} on flawed.jsonl with LoRA for 2 steps",
    ]
    open_notebook(page, lab.notebook("flawed.ipynb", *cells))
    run_cell(page, 0)
    run_cell(page, 1)
    panel = page.locator(".jp-CodeCell").nth(1).get_by_test_id("tunebook-dataset-inspector")
    remedy = panel.get_by_role("button", name="Leave this row out")
    expect(remedy).to_be_visible(timeout=2 * MINUTES)

    # Another model is named in the panel, and any row is then seen as the trainer sees it.
    panel.get_by_label("The model that reads the rows").fill(MODEL)
    panel.get_by_role("button", name="Look").click()
    expect(panel.get_by_text("if cut at")).to_be_visible(timeout=2 * MINUTES)
    grid = panel.get_by_role("grid")
    grid.focus()
    page.keyboard.press("End")
    page.keyboard.press("Enter")
    expect(panel.get_by_role("heading", name="Row 61")).to_be_visible()
    expect(panel.locator(".tb-tokens .tb-trained")).to_contain_text("<|im_end|>", timeout=MINUTES)

    remedy.click()
    expect(panel.locator(".tb-chosen")).to_contain_text("1 row is left out", timeout=2 * MINUTES)
    panel.get_by_role("button", name="Leave these 2 rows out").click()
    expect(panel.locator(".tb-chosen code")).to_have_text("leave_out: K14, K13", timeout=2 * MINUTES)
    expect(panel).to_contain_text("59 rows")
    (ROOT / "test-results").mkdir(exist_ok=True)
    panel.screenshot(path=ROOT / "test-results" / "remedies-jupyterlab.png")
    panel.get_by_role("button", name="Take it back").click()
    expect(panel.get_by_role("button", name="Leave this row out")).to_be_visible(timeout=2 * MINUTES)

    # The cell's own panel waits for the decision, takes the click, and plans without the row.
    run_cell(page, 2)
    finetune = page.get_by_test_id("tunebook-panel")
    expect(finetune).to_contain_text("The data has an error, so nothing was started.", timeout=2 * MINUTES)
    data = finetune.get_by_test_id("tunebook-dataset-inspector")
    expect(data.get_by_role("grid")).to_be_visible(timeout=MINUTES)
    data.get_by_role("button", name="Leave this row out").click()
    expect(finetune.get_by_test_id("tunebook-confirm")).to_be_enabled(timeout=5 * MINUTES)
    finetune.get_by_test_id("tunebook-tab-data").click()
    expect(data.locator(".tb-chosen code")).to_have_text("leave_out: K14")
    finetune.screenshot(path=ROOT / "test-results" / "remedies-panel.png")
    [run] = tunebook.runs().runs
    plan = load_plan(Journal(home()), str(run.plan_id))
    assert plan.spec["leave_out"] == ["K14"]
    assert 'left_out = "7"' in (plan.script or "")
    finetune.get_by_test_id("tunebook-cancel").click()
    expect(finetune.locator(".tb-pill")).to_contain_text("cancelled", timeout=MINUTES)
    assert path.read_bytes() == before
    assert not problems, problems
