"""Benchmarks are found by name, read their rows carefully, and score as their words say."""

from __future__ import annotations

import json
import sys
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tunebook.pipeline.benchmarks import Context, Item, benchmark_names, get_benchmark
from tunebook.pipeline.errors import CallError

EXACT = get_benchmark("exact_match")


def rows_file(folder: Path, *rows: object) -> Path:
    path = folder / "held_out.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def turns(question: str, answer: str) -> dict[str, object]:
    return {
        "prompt": [{"role": "user", "content": question}],
        "completion": [{"role": "assistant", "content": answer}],
    }


def test_the_built_in_benchmarks_are_listed_and_no_other_is_promised() -> None:
    assert benchmark_names()[:2] == ["exact_match", "heldout_loss"]
    assert "humaneval" not in benchmark_names()


def test_an_unknown_name_lists_what_is_there() -> None:
    with pytest.raises(CallError, match=r"benchmark 'humanevl' is not known: choose one of exact_match, heldout_loss"):
        get_benchmark("humanevl")


@pytest.mark.parametrize(
    ("expected", "completion", "passed"),
    [
        ("animal", "animal", True),
        ("animal", " animal\n", True),
        ("New York", "New \t York", True),
        ("Zoë", unicodedata.normalize("NFD", "Zoë"), True),
        ("animal", "<think>\n\n</think>\n\nanimal", True),
        ("animal", "Animal", False),
        ("animal", "animal.", False),
        ("animal", "animal plant", False),
        ("animal", "", False),
        ("animal", "<think> it is an animal", False),
        ("a b", "ab", False),
    ],
)
def test_exact_match_forgives_white_space_and_unicode_forms_and_nothing_else(
    expected: str, completion: str, passed: bool
) -> None:
    assert EXACT.score(Item("0", "?", expected), completion) is passed


@given(st.text(min_size=1), st.text())
def test_an_answer_matches_itself_in_any_unicode_form_and_never_with_words_behind_it(text: str, more: str) -> None:
    if "<think>" in text:
        return
    item = Item("0", "?", text)
    assert EXACT.score(item, unicodedata.normalize("NFD", text))
    assert EXACT.score(item, f"  {text}\n")
    assert not EXACT.score(item, f"{text} and {more}")


def test_items_keep_the_order_of_the_file_and_carry_their_row(tmp_path: Path) -> None:
    path = rows_file(tmp_path, turns("a?", "A"), {"prompt": "b? ", "completion": "B", "id": "the-b"})
    items = EXACT.items(Context(rows_file=path))
    assert [(item.id, item.expected) for item in items] == [("0", "A"), ("the-b", "B")]
    assert items[1].prompt == "b? "
    assert items[0].row == turns("a?", "A")


def test_ids_that_repeat_are_replaced_by_row_numbers(tmp_path: Path) -> None:
    path = rows_file(tmp_path, {**turns("a?", "A"), "id": 7}, {**turns("b?", "B"), "id": 7})
    assert [item.id for item in EXACT.items(Context(rows_file=path))] == ["0", "1"]


def test_a_limit_takes_the_same_random_rows_for_the_same_seed(tmp_path: Path) -> None:
    path = rows_file(tmp_path, *[turns(f"{number}?", str(number)) for number in range(100)])

    def ids(limit: int, seed: int) -> list[str]:
        return [item.id for item in EXACT.items(Context(rows_file=path, limit=limit, seed=seed))]

    assert ids(10, 1) == ids(10, 1) != ids(10, 2)
    assert ids(10, 1) != [str(number) for number in range(10)], "the first rows of a sorted file are all of one kind"
    assert ids(10, 1) == sorted(ids(10, 1), key=int)
    assert len(set(ids(10, 1))) == 10
    assert ids(500, 1) == [str(number) for number in range(100)]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("", "has no rows"),
        ('{"prompt": "a", "completion": "b"}\nnot json\n', "line 2"),
        ("[1, 2]\n", "line 1"),
        ('{"text": "no answer to check"}\n', "row 0 has not"),
        ('{"prompt": "a", "completion": [{"role": "assistant"}]}\n', "row 0 has not"),
    ],
)
def test_bad_rows_are_named(tmp_path: Path, content: str, says: str) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text(content)
    with pytest.raises(CallError, match=says):
        EXACT.items(Context(rows_file=path))


def test_missing_rows_and_wrong_limits_are_named(tmp_path: Path) -> None:
    with pytest.raises(CallError, match="rows_file is missing"):
        EXACT.items(Context())
    with pytest.raises(CallError, match=r"nowhere\.jsonl cannot be read"):
        EXACT.items(Context(rows_file=tmp_path / "nowhere.jsonl"))
    path = rows_file(tmp_path, turns("a?", "A"))
    with pytest.raises(CallError, match="limit is 0"):
        EXACT.items(Context(rows_file=path, limit=0))


def test_heldout_loss_takes_rows_of_every_format(tmp_path: Path) -> None:
    loss = get_benchmark("heldout_loss")
    path = rows_file(tmp_path, {"text": "plain"})
    assert [item.row for item in loss.items(Context(rows_file=path))] == [{"text": "plain"}]
    assert (loss.higher_is_better, loss.is_count, loss.asks) == (False, False, "loss")
    assert loss.score(Item("0", "", ""), 1.5) == 1.5


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A place on the path where a test can install a package by writing its files."""
    monkeypatch.syspath_prepend(str(tmp_path))
    return tmp_path


def install(place: Path, package: str, source: str, entry: str) -> None:
    (place / f"{package}.py").write_text(source)
    about = place / f"{package}-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text(f"[tunebook.benchmarks]\n{entry}\n")
    sys.modules.pop(package, None)


def test_an_installed_package_brings_its_own_benchmark(installed: Path) -> None:
    source = """
from tunebook.pipeline.benchmarks.exact_match import ExactMatch
class Loud(ExactMatch):
    name = "loud"
    def score(self, item, output): return output == item.expected.upper()
"""
    install(installed, "loud_benchmark", source, "loud = loud_benchmark:Loud")
    assert "loud" in benchmark_names()
    assert get_benchmark("loud").score(Item("0", "?", "yes"), "YES") is True


def test_a_package_cannot_replace_a_built_in_benchmark(installed: Path) -> None:
    install(installed, "sly_benchmark", "def __getattr__(name): raise SystemExit", "exact_match = sly_benchmark:Sly")
    assert type(get_benchmark("exact_match")).__module__ == "tunebook.pipeline.benchmarks.exact_match"


def test_a_broken_package_is_named_and_harms_no_other(installed: Path) -> None:
    install(installed, "broken_benchmark", "raise RuntimeError('no luck')", "broken = broken_benchmark:Broken")
    install(installed, "half_benchmark", "class Half: name = 'half'", "half = half_benchmark:Half")
    assert get_benchmark("exact_match").name == "exact_match"
    with pytest.raises(CallError, match=r"'broken' could not be loaded from broken_benchmark:Broken \(no luck\)"):
        get_benchmark("broken")
    with pytest.raises(CallError, match="half_benchmark:Half has no metric"):
        get_benchmark("half")


def test_two_packages_with_one_name_are_both_named(installed: Path) -> None:
    install(installed, "first_benchmark", "", "twin = first_benchmark:Twin")
    install(installed, "second_benchmark", "", "twin = second_benchmark:Twin")
    with pytest.raises(CallError, match="first_benchmark:Twin and second_benchmark:Twin"):
        get_benchmark("twin")
