"""Comparisons name the right checkpoint, and their sentence says no more than the numbers do."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tunebook.pipeline.errors import WorkFailed
from tunebook.pipeline.evaluation.compare import compare, sentence, step_of
from tunebook.pipeline.evaluation.scores import Comparison, Score, ScoreTable
from tunebook.pipeline.evaluation.statistics import mean_interval, proportion_interval

Results = dict[str, list[bool]]


def counted(results: Results) -> Comparison:
    """The comparison of targets by what each solved, item by item."""
    rows = [
        Score(
            target=name,
            passed=sum(solved),
            total=len(solved),
            score=sum(solved) / len(solved),
            ci=proportion_interval(sum(solved), len(solved)),
        )
        for name, solved in results.items()
    ]
    table = ScoreTable(benchmark="exact_match", metric="exact match", higher_is_better=True, sandbox=None, rows=rows)
    items = {
        name: [{"id": str(number), "passed": one} for number, one in enumerate(solved)]
        for name, solved in results.items()
    }
    return compare(table, items)


def measured(losses: dict[str, list[float]]) -> Comparison:
    rows = [
        Score(target=name, passed=None, total=None, score=float(np.mean(values)), ci=mean_interval(values))
        for name, values in losses.items()
    ]
    table = ScoreTable(benchmark="heldout_loss", metric="loss", higher_is_better=False, sandbox=None, rows=rows)
    items = {
        name: [{"id": str(number), "value": value} for number, value in enumerate(values)]
        for name, values in losses.items()
    }
    return compare(table, items)


def solved(*blocks: tuple[int, bool]) -> list[bool]:
    return [passed for count, passed in blocks for _ in range(count)]


def first(count: int, total: int = 100) -> list[bool]:
    """The first `count` items solved, so that two such targets differ in nothing but the number."""
    return solved((count, True), (total - count, False))


def test_the_sketch_reads_as_drawn() -> None:
    result = counted(
        {
            "base": first(44),
            "checkpoint-80": solved((30, True), (14, False), (25, True), (31, False)),  # 55: 25 gained, 14 lost
            "checkpoint-160": solved((36, True), (8, False), (25, True), (31, False)),  # 61: 25 gained, 8 lost
            "checkpoint-240": solved((37, True), (7, False), (26, True), (30, False)),  # 63: 26 gained, 7 lost
        }
    )
    assert (result.best, result.separable, result.alike) == ("checkpoint-160", True, ["checkpoint-240"])
    assert [row.vs_base.delta for row in result.rows if row.vs_base] == [11, 17, 19]
    assert result.rows[0].vs_base is None
    assert sentence(result) == (
        "Step 160 is better than the base: 61 of 100 against 44 (paired p = 0.005). "
        "Steps 160 and 240 can't be told apart."
    )


def test_two_that_cannot_be_told_apart_are_named_together() -> None:
    result = counted({"base": first(44), "checkpoint-160": first(61), "checkpoint-240": first(63)})
    assert sentence(result) == (
        "Step 160 is better than the base: 61 of 100 against 44 (paired p < 0.001). "
        "Steps 160 and 240 can't be told apart."
    )


def test_a_later_checkpoint_that_is_really_better_is_the_best() -> None:
    result = counted({"base": first(1, 200), "checkpoint-20": first(60, 200), "checkpoint-40": first(150, 200)})
    assert (result.best, result.separable, result.alike) == ("checkpoint-40", True, [])
    assert sentence(result) == "Step 40 is better than the base: 150 of 200 against 1 (paired p < 0.001)."


def test_a_later_checkpoint_that_is_worse_is_not_called_alike() -> None:
    result = counted({"base": first(10), "checkpoint-20": first(70), "checkpoint-40": first(30)})
    assert sentence(result) == "Step 20 is better than the base: 70 of 100 against 10 (paired p < 0.001)."


def test_a_small_gain_is_called_luck() -> None:
    result = counted({"base": first(44), "checkpoint-20": first(46)})
    assert (result.best, result.separable) == ("checkpoint-20", False)
    assert sentence(result) == (
        "Step 20 scores a little better than the base: 46 of 100 against 44. "
        "That can't be told from luck (paired p = 0.50)."
    )


def test_one_lucky_try_of_many_is_called_luck() -> None:
    result = counted(
        {"base": first(44), "checkpoint-20": first(50), **{f"checkpoint-{step}": first(44) for step in (40, 60, 80)}}
    )
    assert result.separable is False
    assert result.rows[1].vs_base is not None
    assert result.rows[1].vs_base.p == 2 / 2**6
    assert "which is not enough after 4 tries" in sentence(result)


def test_no_difference_is_said_plainly() -> None:
    result = counted({"base": first(44), "checkpoint-20": first(44), "checkpoint-40": first(44)})
    assert (result.best, result.separable) == ("base", False)
    assert sentence(result) == "No difference: the base and every checkpoint score 44 of 100."
    assert sentence(counted({"base": first(0), "checkpoint-20": first(0)})) == (
        "No difference: the base and Step 20 score 0 of 100."
    )


def test_a_training_that_harmed_is_said_plainly() -> None:
    result = counted({"base": first(44), "checkpoint-20": first(43), "checkpoint-40": first(20)})
    assert (result.best, result.separable) == ("base", False)
    assert sentence(result) == (
        "No checkpoint is better than the base, which scores 44 of 100. Step 40 is worse: 20 of 100 (paired p < 0.001)."
    )
    slightly = counted({"base": first(44), "checkpoint-20": first(43)})
    assert (
        sentence(slightly)
        == "No checkpoint is better than the base: 43 of 100 at step 20 against 44 (paired p = 1.00)."
    )


def test_too_few_items_are_said_plainly() -> None:
    result = counted({"base": first(0, 5), "checkpoint-20": first(5, 5)})
    assert result.separable is False
    assert sentence(result) == (
        "Step 20 scores a little better than the base: 5 of 5 against 0. 5 held-out rows are too few to tell."
    )
    assert counted({"base": first(0, 6), "checkpoint-20": first(6, 6)}).separable


def test_what_is_missing_is_said_plainly() -> None:
    assert sentence(counted({"base": first(4)})) == "No checkpoint is scored yet; the base has 4 of 100."
    alone = counted({"checkpoint-20": first(40), "checkpoint-40": first(41)})
    assert sentence(alone) == (
        "Step 20 scores 40 of 100; there is no base to compare with. Steps 20 and 40 can't be told apart."
    )
    assert all(row.vs_base is None for row in alone.rows)


def test_a_loss_is_better_when_lower() -> None:
    rng = np.random.default_rng(0)
    level = rng.lognormal(size=80)
    result = measured(
        {
            "base": (level + 1).tolist(),
            "checkpoint-20": (level + rng.normal(0, 0.1, 80)).tolist(),
            "checkpoint-40": (level + 0.5).tolist(),
        }
    )
    assert (result.best, result.separable, result.alike) == ("checkpoint-20", True, [])
    against = result.rows[1].vs_base
    assert against is not None
    assert against.delta == pytest.approx(result.rows[1].score - result.rows[0].score)
    assert against.delta < 0
    words = f"Step 20 is better than the base: {result.rows[1].score:.3g} against {result.rows[0].score:.3g}"
    assert sentence(result) == f"{words} (paired p < 0.001)."


def test_rows_come_in_the_order_of_steps_with_the_base_first() -> None:
    names = ["checkpoint-100", "checkpoint-20", "base"]
    result = counted({name: first(10) for name in names})
    assert [(row.checkpoint, row.step) for row in result.rows] == [
        ("base", 0),
        ("checkpoint-20", 20),
        ("checkpoint-100", 100),
    ]
    assert step_of("output/checkpoint-7") == 7


def test_targets_scored_on_other_items_are_refused() -> None:
    with pytest.raises(WorkFailed, match="checkpoint-20 was not scored on the same items as base"):
        counted({"base": first(4, 10), "checkpoint-20": first(4, 11)})


def test_pairing_goes_by_id_and_not_by_order() -> None:
    table = ScoreTable(
        benchmark="b",
        metric="m",
        higher_is_better=True,
        sandbox=None,
        rows=[Score(target=name, passed=1, total=2, score=0.5, ci=(0, 1)) for name in ("base", "checkpoint-1")],
    )
    one = [{"id": "x", "passed": True}, {"id": "y", "passed": False}]
    result = compare(table, {"base": one, "checkpoint-1": one[::-1]})
    assert result.rows[1].vs_base is not None
    assert result.rows[1].vs_base.p == 1.0


def simulated(rng: np.random.Generator, shares: dict[str, float], n: int = 200) -> Comparison:
    """Items differ in how hard they are; each target solves those below its skill, with some luck of its own."""
    hardness = rng.random(n)
    noise = {name: rng.normal(0, 0.1, n) for name in shares}
    return counted({name: (hardness + noise[name] < share).tolist() for name, share in shares.items()})


def test_the_best_is_nearly_always_one_of_the_truly_best() -> None:
    rng = np.random.default_rng(0)
    shares = {"base": 0.05, "checkpoint-20": 0.4, "checkpoint-40": 0.75, "checkpoint-60": 0.76, "checkpoint-80": 0.76}
    found = [simulated(rng, shares).best for _ in range(200)]
    truly = {"checkpoint-40", "checkpoint-60", "checkpoint-80"}
    assert sum(best in truly for best in found) >= 196
    assert sum(best == "checkpoint-40" for best in found) >= 180, "the earliest of equals"


def test_of_checkpoints_that_learned_nothing_hardly_one_in_twenty_runs_claims_a_gain() -> None:
    rng = np.random.default_rng(1)
    shares = {"base": 0.4, **{f"checkpoint-{step}": 0.4 for step in range(20, 120, 20)}}
    assert sum(simulated(rng, shares, 100).separable for _ in range(300)) <= 300 * 0.05 + 11


@settings(deadline=None, max_examples=60)
@given(st.integers(1, 30).flatmap(lambda n: st.lists(st.lists(st.booleans(), min_size=n, max_size=n), max_size=5)))
def test_every_comparison_is_coherent_and_has_a_sentence(runs: list[list[bool]]) -> None:
    base = [False] * len(runs[0]) if runs else [True]
    results: Results = {"base": base, **{f"checkpoint-{number}": run for number, run in enumerate(runs, start=1)}}
    result = counted(results)
    scores = {row.checkpoint: row.score for row in result.rows}
    assert result.best in scores
    if result.best == "base":
        assert not result.separable
        assert max(scores.values()) == scores["base"]
    else:
        assert scores[result.best] > scores["base"]
    if result.separable:
        best = next(row for row in result.rows if row.checkpoint == result.best)
        assert best.vs_base is not None
        assert best.vs_base.p is not None
        assert best.vs_base.p < 0.05
    assert result.best not in result.alike
    assert ("is better than the base" in sentence(result)) == result.separable
    assert Comparison.model_validate_json(result.model_dump_json()) == result
    reverse = dict(reversed(results.items()))
    assert counted(reverse) == result


def against_guessing(total: int, right: dict[str, int]) -> Comparison:
    """A reward model's checkpoints: the base, whose score is not trained, is worth half of each pair by definition."""
    rows = [Score(target="base", passed=None, total=None, score=0.5, ci=(0.5, 0.5))]
    items: dict[str, list[dict[str, object]]] = {"base": [{"id": str(one), "value": 0.5} for one in range(total)]}
    for name, count in right.items():
        ci = proportion_interval(count, total)
        rows.append(Score(target=name, passed=count, total=total, score=count / total, ci=ci))
        items[name] = [{"id": str(one), "passed": one < count} for one in range(total)]
    table = ScoreTable(benchmark="reward_accuracy", metric="m", higher_is_better=True, sandbox=None, rows=rows)
    return compare(table, items)


def test_a_base_that_knows_nothing_is_guessing() -> None:
    result = against_guessing(100, {"checkpoint-20": 55, "checkpoint-40": 71})
    assert (result.best, result.separable) == ("checkpoint-40", True)
    assert sentence(result) == "Step 40 is better than guessing: 71 of 100 against 50 (paired p < 0.001)."
    assert [row.vs_base.delta for row in result.rows if row.vs_base] == [5, 21]
    (one,) = [row for row in against_guessing(15, {"checkpoint-20": 9}).rows if row.vs_base]
    assert one.vs_base is not None
    assert one.vs_base.delta == 1.5


def test_against_guessing_the_p_is_that_of_the_sign_test() -> None:
    from scipy.stats import binomtest

    for total, right in ((12, 10), (60, 38)):
        row = against_guessing(total, {"checkpoint-20": right}).rows[1]
        assert row.vs_base is not None
        assert row.vs_base.p == pytest.approx(binomtest(right, total).pvalue, abs=0.01)


def test_guessing_is_spoken_of_in_every_outcome() -> None:
    assert sentence(against_guessing(100, {"checkpoint-20": 55})).startswith(
        "Step 20 scores a little better than guessing: 55 of 100 against 50. That can't be told from luck (paired p = 0.3"
    )
    assert sentence(against_guessing(101, {"checkpoint-20": 49})).startswith(
        "No checkpoint is better than guessing: 49 of 101 at step 20 against 50.5 (paired p = 0.8"
    )
    assert sentence(against_guessing(100, {"checkpoint-20": 20})) == (
        "No checkpoint is better than guessing, which scores 50 of 100. Step 20 is worse: 20 of 100 (paired p < 0.001)."
    )
    assert sentence(against_guessing(100, {"checkpoint-20": 50})) == (
        "No difference: guessing and Step 20 score 50 of 100."
    )
    assert sentence(against_guessing(4, {"checkpoint-20": 4})).endswith("4 held-out rows are too few to tell.")
