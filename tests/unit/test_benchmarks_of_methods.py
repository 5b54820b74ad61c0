"""Benchmarks for preferences, verdicts and rewards: the rows they take, how they score, and what they refuse."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tunebook.pipeline.benchmarks import Answer, Benchmark, Context, Item, Pair, default_benchmark, get_benchmark
from tunebook.pipeline.benchmarks.reward_code import rewards_of
from tunebook.pipeline.errors import CallError
from tunebook.pipeline.evaluation.statistics import mean_interval, paired_permutation


def context(folder: Path, *rows: object, rewards: str | None = None) -> Context:
    path = folder / "held_out.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return Context(rows_file=path, rewards=rewards)


def said(role: str, content: str) -> dict[str, str]:
    return {"role": role, "content": content}


ASKED = [said("user", "Is ice cold?")]
EXPLICIT = {"prompt": ASKED, "chosen": [said("assistant", "Yes.")], "rejected": [said("assistant", "No.")]}
IMPLICIT = {"chosen": "Is ice cold? Yes.", "rejected": "Is ice cold? No."}


@pytest.mark.parametrize("method", ["sft", "dpo", "kto", "reward", "grpo"])
def test_each_method_has_a_benchmark_that_exists(method: str) -> None:
    assert get_benchmark(default_benchmark(method)).name == default_benchmark(method)


@pytest.mark.parametrize("name", ["preference", "reward_accuracy"])
def test_a_pair_is_passed_if_the_chosen_answer_is_liked_better_and_not_by_a_tie(tmp_path: Path, name: str) -> None:
    benchmark = get_benchmark(name)
    (item,) = benchmark.items(context(tmp_path, EXPLICIT))
    assert (item.prompt, item.expected, item.row) == (ASKED, "Yes.", EXPLICIT)
    assert benchmark.score(item, Pair(chosen=-1.0, rejected=-1.5)) is True
    assert benchmark.score(item, Pair(chosen=-1.5, rejected=-1.0)) is False
    assert benchmark.score(item, Pair(chosen=-1.0, rejected=-1.0)) is False
    assert [item.id for item in benchmark.items(context(tmp_path, IMPLICIT, IMPLICIT))] == ["0", "1"]


@pytest.mark.parametrize(
    ("name", "rows", "says"),
    [
        ("preference", [EXPLICIT, {"prompt": ASKED, "chosen": ASKED}], "has no 'rejected' in row 1: preference needs"),
        ("preference", [{"prompt": "a", "completion": "b"}], "prompt, chosen and rejected in every held-out row"),
        ("reward_accuracy", [{"text": "a"}], "has no 'chosen' in row 0: reward_accuracy needs chosen and rejected"),
        (
            "preference",
            [EXPLICIT, {"prompt": "a", "chosen": "b", "rejected": "c"}],
            "'prompt' of row 1 in another form",
        ),
        ("preference", [{"prompt": "a", "chosen": [1], "rejected": "c"}], "'chosen' of row 0 in another form"),
        ("verdict", [{"prompt": "a", "completion": "b"}], "has no 'label' in row 0: verdict needs"),
        ("verdict", [{"prompt": "a", "completion": "b", "label": "yes"}], "has no 'label' in row 0"),
        ("verdict", [{"prompt": "a", "label": True}], "has no 'completion' in row 0"),
        ("verdict", [{"prompt": "a", "completion": "b", "label": True}] * 3, "has 3 wanted and 0 unwanted answers"),
        ("mean_reward", [{"text": "a"}], "has no 'prompt' in row 0: mean_reward needs prompt"),
    ],
)
def test_rows_of_another_form_are_told_in_one_line(tmp_path: Path, name: str, rows: list[Any], says: str) -> None:
    with pytest.raises(CallError) as caught:
        get_benchmark(name).items(context(tmp_path, *rows, rewards="REWARDS = [len]"))
    assert caught.value.field == "rows_file"
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


# Verdict


def verdicts(labels: list[bool]) -> list[Item]:
    return [Item(str(number), "?", "", {"label": label}) for number, label in enumerate(labels)]


def values(labels: list[bool], likely: list[float]) -> list[float]:
    scores = get_benchmark("verdict").scores  # type: ignore[attr-defined]
    found: list[float] = scores(verdicts(labels), [-one for one in likely])
    return found


def area(labels: list[bool], likely: list[float]) -> float:
    """Over all combinations, one by one."""
    wanted = [one for one, label in zip(likely, labels, strict=True) if label]
    unwanted = [one for one, label in zip(likely, labels, strict=True) if not label]
    return float(np.mean([(a > b) + (a == b) / 2 for a in wanted for b in unwanted]))


LABELLED = st.lists(st.tuples(st.booleans(), st.integers(-5, 5).map(float)), min_size=4, max_size=20).filter(
    lambda rows: min(sum(label for label, _ in rows), sum(not label for label, _ in rows)) >= 2
)


@given(LABELLED, st.randoms())
def test_the_mean_of_the_rows_values_is_the_area_under_the_curve_in_any_order(
    rows: list[tuple[bool, float]], order: Any
) -> None:
    labels, likely = [label for label, _ in rows], [one for _, one in rows]
    found = values(labels, likely)
    assert np.mean(found) == pytest.approx(area(labels, likely))
    places = list(range(len(rows)))
    order.shuffle(places)
    moved = values([labels[place] for place in places], [likely[place] for place in places])
    assert moved == pytest.approx([found[place] for place in places])


@given(LABELLED.filter(lambda rows: min(sum(label for label, _ in rows), sum(not label for label, _ in rows)) >= 3))
def test_a_rows_value_is_what_the_area_would_lose_without_it(rows: list[tuple[bool, float]]) -> None:
    labels, likely = [label for label, _ in rows], [one for _, one in rows]
    whole = area(labels, likely)
    for place, value in enumerate(values(labels, likely)):
        without = area(labels[:place] + labels[place + 1 :], likely[:place] + likely[place + 1 :])
        assert value == pytest.approx(len(rows) * whole - (len(rows) - 1) * without)


@given(LABELLED, st.integers(-9, 9))
def test_it_says_nothing_that_a_model_finds_all_answers_more_likely(rows: list[tuple[bool, float]], more: int) -> None:
    labels, likely = [label for label, _ in rows], [one for _, one in rows]
    assert values(labels, [one + more for one in likely]) == values(labels, likely)


def test_its_interval_holds_the_true_area_as_often_as_it_promises() -> None:
    """Normal log-probabilities, a wanted answer 0.5 standard deviations higher: the true area is 0.638."""
    rng = np.random.default_rng(0)
    for wanted, unwanted in ((30, 30), (12, 60)):
        labels = [True] * wanted + [False] * unwanted
        held = 0
        for _ in range(150):
            likely = [*rng.normal(0.5, 1, wanted), *rng.normal(0, 1, unwanted)]
            low, high = mean_interval(values(labels, likely))
            held += low <= 0.6382 <= high
        assert held >= 150 * 0.95 - 9, (wanted, unwanted)


def test_two_targets_that_rank_equally_well_are_rarely_told_apart_and_better_ones_often() -> None:
    rng = np.random.default_rng(1)
    labels = [True] * 20 + [False] * 40
    false = told = 0
    for _ in range(100):
        base = rng.normal(0, 1, 60)
        same = base + 1.0 + rng.normal(0, 0.3, 60)  # everything is more likely, nothing is ranked better
        better = base + rng.normal(0, 0.3, 60) + np.repeat([0.3, -0.3], [20, 40])
        before = values(labels, list(base))
        false += paired_permutation(values(labels, list(same)), before) < 0.05
        told += paired_permutation(values(labels, list(better)), before) < 0.05
    assert false <= 5 + 7
    assert told >= 90


def test_pairs_are_two_verdicts_with_their_prompt_taken_out(tmp_path: Path) -> None:
    items = get_benchmark("verdict").items(context(tmp_path, IMPLICIT, IMPLICIT))
    assert [item.id for item in items] == ["0 chosen", "0 rejected", "1 chosen", "1 rejected"]
    assert items[1].row == {"prompt": "Is ice cold?", "completion": " No.", "label": False}


# Mean reward

SOURCE = """
from __future__ import annotations
from dataclasses import dataclass

@dataclass
class Wanted:
    text: str

def exact(prompts, completions, answer, **columns) -> list[float]:
    return [float(completion[0]["content"] == Wanted(one).text) for completion, one in zip(completions, answer)]

async def short(completions, completion_ids, **columns):
    return [None if len(ids) > 3 else 1.0 for ids in completion_ids]

REWARDS = [exact, short]
REWARD_WEIGHTS = [1.0, 0.5]
"""


def asked(question: str, answer: str) -> dict[str, Any]:
    return {"prompt": [said("user", question)], "answer": answer}


def ready(folder: Path, source: str, *rows: object) -> tuple[Benchmark, list[Item]]:
    benchmark = get_benchmark("mean_reward")
    return benchmark, benchmark.items(context(folder, *rows, rewards=source))


def test_rewards_are_called_as_trl_calls_them_and_summed_by_their_weights(tmp_path: Path) -> None:
    benchmark, items = ready(tmp_path, SOURCE, asked("1 + 1?", "2"), asked("1 + 2?", "3"), asked("2 + 2?", "4"))
    outputs = [Answer("2", [5, 2]), Answer("no", [7, 2]), Answer("4", [1, 2, 3, 4])]
    assert benchmark.scores(items, outputs) == [1.5, 0.5, 1.0]  # type: ignore[attr-defined]
    assert benchmark.score(items[0], outputs[0]) == 1.5
    assert (benchmark.is_count, benchmark.asks, items[2].expected) == (False, "answer", "4")


def test_text_prompts_get_text_completions(tmp_path: Path) -> None:
    source = """
def long(prompts, completions, **_):
    return [len(prompt) + len(completion) for prompt, completion in zip(prompts, completions)]
REWARDS = [long]
"""
    benchmark, items = ready(tmp_path, source, {"prompt": "ab"})
    assert benchmark.score(items[0], Answer("cde", [1])) == 5.0


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("def f(:", "rewards cannot be loaded (SyntaxError"),
        ("import nothing_like_this", "rewards cannot be loaded (ModuleNotFoundError: No module named"),
        ("x = 1", "rewards have no list of functions called REWARDS"),
        ("REWARDS = [len]\nREWARD_WEIGHTS = [1, 2]", "rewards are 1 functions with 2 REWARD_WEIGHTS"),
    ],
)
def test_a_source_that_cannot_be_used_is_told_before_anything_loads(tmp_path: Path, source: str, says: str) -> None:
    with pytest.raises(CallError) as caught:
        ready(tmp_path, source, asked("1?", "1"))
    assert str(caught.value).startswith(says)


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ("raise ValueError('no luck')", "rewards f failed (ValueError: no luck)"),
        ("return [1.0]", "rewards f returned 1 numbers for 2 answers"),
        ("return ['good', 'bad']", "rewards f failed (ValueError: could not convert"),
        ("return [float('inf'), 0]", "rewards f returned an infinite number"),
        ("return [1.0, None]", "rewards give no number for row 1"),
        ("return [1.0, float('nan')]", "rewards give no number for row 1"),
    ],
)
def test_a_function_that_fails_is_named_in_one_line(tmp_path: Path, body: str, says: str) -> None:
    benchmark, items = ready(tmp_path, f"def f(**_):\n    {body}\nREWARDS = [f]", asked("1?", "1"), asked("2?", "2"))
    with pytest.raises(CallError) as caught:
        benchmark.scores(items, [Answer("1", [1]), Answer("2", [2])])  # type: ignore[attr-defined]
    assert str(caught.value).startswith(says)
    assert "\n" not in str(caught.value)


def test_a_run_without_rewards_is_told_so(tmp_path: Path) -> None:
    with pytest.raises(CallError, match="rewards are missing: evaluate a run"):
        get_benchmark("mean_reward").items(context(tmp_path, asked("1?", "1")))


@settings(max_examples=30)
@given(st.lists(st.text(max_size=4), min_size=1, max_size=6))
def test_rewards_see_every_column_and_none_twice(texts: list[str]) -> None:
    source = """
def f(prompts, completions, level, **more):
    return [level if sorted(more) == ["log_extra", "log_metric", "trainer_state"] else None for level in level]
REWARDS = [f]
"""
    rows = [{"prompt": text, "completion": "old", "level": number} for number, text in enumerate(texts)]
    assert rewards_of(source).totals(rows, texts, None) == [float(number) for number in range(len(texts))]
