"""What stays in a saved notebook: whole, small, and harmless whatever the data says."""

from __future__ import annotations

import base64
import json
from html.parser import HTMLParser
from pathlib import Path

from panel_facts import HOSTILE, RUN, export, facts, training, until

from tunebook.pipeline.watch import Point
from tunebook.widgets.static_form import static_bundle, static_html


class Tags(HTMLParser):
    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


def test_it_says_a_sentence_a_stage_and_shows_the_answer_and_the_files(tmp_path: Path) -> None:
    done = facts(until("succeeded"), **training(12), export=export(tmp_path), export_folder=tmp_path)
    page = Tags(static_html(done, b"png"))
    for words in (
        "Request",
        "80 rows",
        "LoRA on this machine.",
        "Trained 12 steps in 30 s",
        "105 MB",
        "The GGUF answers",
        "animal",
    ):
        assert words in page.text
    assert f"tunebook-static-{RUN}" in (page.tags[0][1]["class"] or "")
    image = next(attributes for tag, attributes in page.tags if tag == "img")
    assert image["src"] == "data:image/png;base64," + base64.b64encode(b"png").decode()


def test_hostile_text_stays_text(tmp_path: Path) -> None:
    made = export(tmp_path)
    made["answer"] |= {"prompt": HOSTILE, "answer": HOSTILE, "expected": HOSTILE}
    done = facts(until("succeeded"), **training(12), export=made, export_folder=tmp_path)
    done.run.instruction = HOSTILE
    html = static_html(done, None)
    allowed = {"div", "p", "b", "br", "ul", "li", "table", "thead", "tbody", "tr", "th", "td", "pre", "img"}
    page = Tags(html)
    assert {tag for tag, _ in page.tags} <= allowed
    assert not any(name.startswith("on") for _, attributes in page.tags for name in attributes)
    assert len(html) < 20_000


def test_a_long_curve_stays_a_small_picture(tunebook_home: Path) -> None:
    points = [
        Point(step, 3.0 / (1 + step / 500) + (step * 7919 % 97) / 300, 1000.0 + step) for step in range(1, 20_001)
    ]
    known = training(12) | {"series": {"train/loss": points}, "step": 20_000, "max_steps": 20_000}
    bundle = static_bundle(facts(until("attempt", ("cancel_requested", {}), ("cancelled", {"why": ""})), **known))
    assert base64.b64decode(bundle["image/png"]).startswith(b"\x89PNG")
    assert len(json.dumps(bundle)) < 300_000
    assert (tunebook_home / "runs" / RUN / "curve.png").exists()


def test_a_run_without_a_point_has_no_picture(tunebook_home: Path) -> None:
    bundle = static_bundle(facts(until("created", ("failed", {"why": "x", "problem": None}))))
    assert set(bundle) == {"text/plain", "text/html"}
    assert not (tunebook_home / "runs" / RUN / "curve.png").exists()
