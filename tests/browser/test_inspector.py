"""A person in JupyterLab looks at a real data set: every row, searched, sorted, narrowed, opened; by mouse and by key."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from browser.lab import Lab
from browser.test_cell_to_gguf import open_notebook, run_cell
from playwright.sync_api import Page, expect

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.timeout(300)
def test_the_table_answers_in_jupyterlab_while_the_rows_are_checked(page: Page, lab: Lab, kinds: Path) -> None:
    problems: list[str] = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    rows = [json.loads(line) for line in (kinds / "train.jsonl").read_text().splitlines()]
    numbered = [{"number": at, **row} for at, row in enumerate(rows)] * 20
    pq.write_table(pa.Table.from_pylist(numbered), lab.folder / "kinds.parquet")
    cells = ["import tunebook", "tunebook.DatasetInspector('kinds.parquet')"]
    open_notebook(page, lab.notebook("rows.ipynb", *cells))
    run_cell(page, 0)
    run_cell(page, 1)
    panel = page.get_by_test_id("tunebook-dataset-inspector")
    grid = panel.get_by_role("grid")
    expect(grid).to_have_attribute("aria-rowcount", f"{len(numbered) + 1}")
    expect(grid.get_by_role("row").nth(1)).to_contain_text("user: What kind of thing is this?")
    # The inspection is a job that takes seconds: the table did not wait for it.
    expect(panel.get_by_text("Reading kinds.parquet").or_(panel.get_by_text("rows, prompt"))).to_be_visible()

    grid.focus()
    page.keyboard.press("End")
    page.keyboard.press("Enter")
    last = rows[-1]["completion"][-1]["content"]
    expect(panel.get_by_role("heading", name=f"Row {len(numbered) - 1:,}")).to_be_visible()
    expect(panel.locator(".tb-turn").last).to_contain_text(last)
    page.keyboard.press("d")
    page.keyboard.press("d")
    expect(page.locator(".jp-CodeCell")).to_have_count(2)

    panel.get_by_label("Search").fill("DAZZLINGLY")
    expect(panel.get_by_role("status").filter(has_text="of 24,000 rows")).to_contain_text("20 of 24,000 rows")
    expect(grid.locator("mark").first).to_have_text(re.compile("dazzlingly", re.I))
    where = panel.get_by_label("Where")
    where.fill("nope = 1")
    where.press("Enter")
    expect(panel.get_by_role("alert")).to_contain_text('column "nope" not found')
    where.fill("number < 600")
    where.press("Enter")
    panel.get_by_label("Search").fill("")
    expect(panel.get_by_role("status").filter(has_text="12,000 of 24,000 rows")).to_be_visible()
    grid.get_by_role("button", name="number", exact=True).click()
    grid.get_by_role("button", name="number", exact=True).click()
    expect(grid.get_by_role("row").nth(1)).to_contain_text("599")
    grid.get_by_label("What number holds").click()
    facts = panel.get_by_label("Column number").locator("dl")
    expect(facts).to_contain_text("different1,200")
    for name in facts.locator("dt").all():  # JupyterLab's own style for these would cut them
        assert name.evaluate("part => part.scrollWidth <= part.clientWidth && getComputedStyle(part).float === 'none'")
    expect(facts).to_be_in_viewport()
    expect(panel.get_by_text("Reading kinds.parquet")).to_have_count(0, timeout=120_000)
    expect(panel).to_contain_text("check", timeout=120_000)
    (ROOT / "test-results").mkdir(exist_ok=True)
    panel.screenshot(path=ROOT / "test-results" / "inspector-jupyterlab.png")
    assert problems == []
