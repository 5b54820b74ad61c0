"""Any row as the trainer sees it, from a process of its own: the right row, ended with its panel, started again when killed."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from threading import Thread
from typing import Any

import psutil
import pytest
from processes import until

from tunebook.pipeline.data import lookout as module
from tunebook.pipeline.data.inspection import inspect_data
from tunebook.pipeline.data.lookout import LOADING, READING, Lookout
from tunebook.pipeline.data.report import Inspection
from tunebook.pipeline.data.source import locate
from tunebook.pipeline.data.table.cancel import Cancel, Cancelled
from tunebook.pipeline.errors import WorkFailed

ROWS = 40
BROKEN, REFUSED, DROPPED, LONG = 10, 20, 21, 22  # lines of the file, from 0


def turns(number: int) -> list[dict[str, str]]:
    return [
        {"role": "user", "content": f"What is {number} + 1? 🤖"},
        {"role": "assistant", "content": f"It is {number + 1}."},
    ]


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A jsonl with one line that cannot be read, and rows that the trainer does not like."""
    lines = [json.dumps({"messages": turns(number)}) for number in range(ROWS)]
    lines[BROKEN] = '{"messages": ['
    lines[REFUSED] = json.dumps({"messages": [{"role": "user", "content": "no answer"}]})
    lines[LONG] = json.dumps({"messages": [turns(1)[0], {"role": "assistant", "content": "word " * 3000}]})
    made = tmp_path_factory.mktemp("rows") / "rows.jsonl"
    made.write_text("\n".join(lines) + "\n")
    return made


@pytest.fixture(scope="module")
def inspection(path: Path, model_folder: Path) -> Inspection:
    return inspect_data(str(path), model=str(model_folder), max_length=100)


@pytest.fixture(scope="module")
def shared(path: Path, inspection: Inspection, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lookout]:
    """One for many tests, started in a folder of notebooks that has a `datasets` of its own, which must not get in its way."""
    folder = tmp_path_factory.mktemp("notebooks")
    (folder / "datasets.py").write_text("raise RuntimeError('the wrong one')")
    made = Lookout()
    assert inspection.lens
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        made.look(locate(str(path)), [0], inspection.lens, Cancel(), lambda why: None)
    yield made
    made.close()


@pytest.fixture
def own() -> Iterator[Lookout]:
    made = Lookout()
    yield made
    made.close()


@pytest.fixture
def look(shared: Lookout, path: Path, inspection: Inspection) -> Callable[..., list[dict[str, Any]]]:
    def looked(*rows: int, **changes: Any) -> list[dict[str, Any]]:
        assert inspection.lens
        lens = inspection.lens.model_copy(update=changes)
        return shared.look(locate(str(path)), rows, lens, Cancel(), lambda why: None)

    return looked


def children() -> list[psutil.Process]:
    found = []
    for one in psutil.Process().children():
        with suppress(psutil.ZombieProcess):  # about to be collected
            found += [one] if module.__name__ in " ".join(one.cmdline()) else []
    return found


def text(seen: dict[str, Any]) -> str:
    return "".join(span["text"] for span in seen["tokens"])


def test_a_row_is_what_the_report_calls_by_its_number_and_the_preview_shows(
    look: Callable[..., list[dict[str, Any]]], inspection: Inspection
) -> None:
    assert inspection.preview
    page = {row.index: row for row in inspection.preview.rows}
    (seen,) = look(12)
    assert "What is 13 + 1?" in text(seen)  # the broken line before it is no row
    assert seen == page[12].model_dump(mode="json") | {"raw": {}}
    (unseen,) = look(37)
    assert 37 not in page and "What is 38 + 1? 🤖" in text(unseen)
    assert (unseen["trained"], unseen["cut"]) == (page[12].trained, 0)
    # The robot is one span of several tokens, which is told, so that another limit counts right.
    assert unseen["joined"]
    listed = len(unseen["tokens"]) + sum(tokens - 1 for _, tokens in unseen["joined"])
    assert listed == sum(tokens for _, tokens in unseen["whole"])


def test_rows_near_it_come_with_it_and_one_that_cannot_be_read_costs_only_these(
    look: Callable[..., list[dict[str, Any]]],
) -> None:
    assert [seen["index"] for seen in look(30, 31, 29, 10**6, -3)] == [30, 31, 29]
    assert [seen["index"] for seen in look(18, REFUSED - 1)] == [18]


def test_a_long_row_is_cut_as_trl_does_and_knows_what_it_was(look: Callable[..., list[dict[str, Any]]]) -> None:
    (seen,) = look(LONG - 1)
    assert seen["trained"] + seen["masked"] == 100
    assert len(seen["tokens"]) + seen["hidden"] >= 3000 == pytest.approx(seen["cut"] + 100, abs=60)
    assert sum(tokens for _, tokens in seen["whole"]) == seen["cut"] + 100
    (same,) = look(LONG - 1, limit=None)
    assert (same["cut"], same["whole"]) == (0, seen["whole"])


def test_what_the_trainer_refuses_is_one_line(look: Callable[..., list[dict[str, Any]]]) -> None:
    with pytest.raises(WorkFailed, match=r"^The trainer cannot read this row \(.+\)\.$"):
        look(REFUSED - 1)
    with pytest.raises(WorkFailed, match=r"^Row 900 is none of the 39 that are trained on\.$"):
        look(900)


def test_a_row_with_nothing_to_train_has_no_tokens(look: Callable[..., list[dict[str, Any]]]) -> None:
    code = 'def to_trl(row):\n    return {"prompt": row["messages"][:1], "completion": row["messages"][1:]}\n'
    (seen,) = look(5, limit=8, code=code)
    assert (seen["trained"], seen["masked"]) == (0, 0)
    assert seen["cut"] == sum(tokens for _, tokens in seen["whole"])


def test_of_a_preference_pair_both_answers_are_seen(look: Callable[..., list[dict[str, Any]]]) -> None:
    pair = '{"prompt": row["messages"][:1], "chosen": row["messages"][1:], "rejected": [{"role": "assistant", "content": "No."}]}'
    (seen,) = look(5, method="dpo", code=f"def to_trl(row):\n    return {pair}\n")
    assert "It is 6." in text(seen) and "It is 6." not in text(seen["rejected"])
    assert text(seen["rejected"]).endswith("No.<|im_end|>\n")
    assert seen["trained"] > seen["rejected"]["trained"] > 0


def test_the_newest_question_ends_the_one_before_and_what_is_waited_for_is_said_to_both(
    own: Lookout, path: Path, inspection: Inspection
) -> None:
    assert inspection.lens
    source, told, cancel = locate(str(path)), dict[str, list[str]](), Cancel()
    ended: list[Cancelled] = []

    def first() -> None:
        try:
            own.look(source, [1], lens, cancel, told.setdefault("first", []).append)
        except Cancelled as error:
            ended.append(error)

    lens = inspection.lens
    thread = Thread(target=first)
    thread.start()
    until(lambda: bool(told.get("first")), "the process to say what it loads", 60)
    cancel.ask()
    thread.join(5)
    assert len(ended) == 1
    (seen,) = own.look(source, [2], lens, Cancel(), told.setdefault("second", []).append)
    assert seen["index"] == 2
    assert told["first"] == [READING]
    assert list(dict.fromkeys(told["second"])) == [READING, LOADING]


def test_a_killed_process_is_one_line_and_the_next_question_starts_another(
    own: Lookout, path: Path, inspection: Inspection
) -> None:
    assert inspection.lens

    ask = (locate(str(path)), [1], inspection.lens, Cancel())
    others = {one.pid for one in children()}

    def kill(_: str) -> None:
        for one in children():
            if one.pid not in others:
                one.kill()

    with pytest.raises(WorkFailed, match=r"^the process that labels rows was killed \(by hand, or because the memory"):
        own.look(*ask, kill)
    assert own.look(*ask, lambda why: None)[0]["index"] == 1


def test_killed_while_it_reads_it_leaves_nothing_but_what_the_next_one_takes_up(
    own: Lookout, inspection: Inspection, tmp_path: Path, tunebook_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert inspection.lens
    temporary, path = tmp_path / "tmp", tmp_path / "rows.jsonl"
    temporary.mkdir()
    monkeypatch.setenv("TMPDIR", str(temporary))
    row = json.dumps({"messages": turns(1)}) + "\n"
    path.write_text(row * 100_000 + "{\n" + row)
    others = {one.pid for one in children()}

    def kill_at(pattern: str) -> None:
        until(lambda: any([*temporary.glob("*"), *tunebook_home.glob(pattern)]), "the rows to be copied", 60)
        for one in children():
            if one.pid not in others:
                one.kill()

    ask = (locate(str(path)), [1], inspection.lens, Cancel())
    for pattern in ("mended/*/*/train/*/*.part", "mended/*/*/datasets/*"):
        killer = Thread(target=kill_at, args=(pattern,))
        killer.start()
        with pytest.raises(WorkFailed, match="was killed"):
            own.look(*ask, lambda why: None)
        killer.join()
    assert own.look(*ask, lambda why: None)[0]["index"] == 1
    assert list(temporary.glob("*")) == []
    assert [file.name for file in tunebook_home.glob("mended/*/*/train/*/*")] == ["rows.jsonl"]
    assert len(list(tunebook_home.glob("mended/**/*.arrow"))) == 1


def test_it_ends_when_nobody_asks_for_long_and_is_there_again_when_somebody_does(
    path: Path, inspection: Inspection
) -> None:
    assert inspection.lens
    before = {one.pid for one in children()}
    own, lens = Lookout(idle_s=0.5), inspection.lens
    try:
        own.look(locate(str(path)), [1], lens, Cancel(), lambda why: None)
        until(lambda: {one.pid for one in children()} <= before, "its end", 20)
        assert own.look(locate(str(path)), [3], lens, Cancel(), lambda why: None)[0]["index"] == 3
    finally:
        own.close()


def test_closed_it_leaves_no_process_whatever_it_was_doing(path: Path, inspection: Inspection) -> None:
    lens = inspection.lens
    assert lens
    before = {one.pid for one in children()}
    own, ended = Lookout(), list[Cancelled]()

    def ask() -> None:
        try:
            own.look(locate(str(path)), [1], lens, Cancel(), lambda why: own.close())
        except Cancelled as error:
            ended.append(error)

    thread = Thread(target=ask)
    thread.start()
    thread.join(60)
    assert {one.pid for one in children()} == before
    assert len(ended) == 1
    with pytest.raises(Cancelled):
        own.look(locate(str(path)), [1], lens, Cancel(), lambda why: None)
