"""What the length slider says is what cutting the rows one by one gives."""

from __future__ import annotations

from itertools import chain, pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from tunebook.pipeline.data.lengths import effects, filled, limits
from tunebook.pipeline.data.summary import Summary, stretches

ROWS = st.lists(st.lists(st.booleans(), min_size=1, max_size=60), min_size=1, max_size=40)


def summary_of(rows: list[list[bool]]) -> Summary:
    summary = Summary()
    for place, row in enumerate(rows):
        summary.position.append(place)
        summary.tokens.append(len(row))
        summary.trained.append(sum(row))
        for start, end in stretches(row):
            summary.owner.append(place)
            summary.start.append(start)
            summary.end.append(end)
    return summary


@given(st.lists(st.booleans()))
def test_stretches_are_the_trained_tokens_and_never_touch(row: list[bool]) -> None:
    found = stretches(row)
    assert list(chain.from_iterable(range(start, end) for start, end in found)) == [
        at for at, trained in enumerate(row) if trained
    ]
    assert all(left[1] < right[0] for left, right in pairwise(found))


@given(ROWS, st.none() | st.integers(8, 70))
def test_each_effect_is_what_cutting_the_rows_gives(rows: list[list[bool]], chosen: int | None) -> None:
    shown = effects(summary_of(rows), chosen)
    for effect in shown:
        kept = [row[: effect.max_length] for row in rows]
        dead = [any(row) and not any(left) for row, left in zip(rows, kept, strict=True)]
        assert effect.cut == sum(len(row) > effect.max_length for row in rows)
        assert effect.dead == sum(dead)
        assert effect.lost == sum(map(sum, rows)) - sum(map(sum, kept))
        assert effect.tokens == sum(len(left) for left, gone in zip(kept, dead, strict=True) if not gone)
        assert 0 < effect.filled <= 1
    last = shown[-1]
    assert (last.cut, last.dead, last.lost) == (0, 0, 0)
    assert [effect.max_length for effect in shown] == sorted({effect.max_length for effect in shown})
    if chosen and chosen < max(map(len, rows)):
        assert chosen in [effect.max_length for effect in shown]


@given(ROWS, st.integers(8, 70))
def test_no_stop_is_longer_than_the_model_reads(rows: list[list[bool]], most: int) -> None:
    shown = effects(summary_of(rows), most, most=most)
    assert all(effect.max_length <= most for effect in shown)
    longest = max(map(len, rows))
    assert shown[-1].cut == (sum(len(row) > most for row in rows) if longest > most else 0)
    assert longest <= most or shown[-1].max_length == most


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(1, 100), min_size=1, max_size=60), st.integers(100, 200))
def test_packed_rows_are_as_full_as_trl_packs_them(lengths: list[int], limit: int) -> None:
    from datasets import Dataset
    from trl.data_utils import pack_dataset

    rows = Dataset.from_dict({"input_ids": [[0] * length for length in lengths]})
    packed = pack_dataset(rows, limit, strategy="bfd")
    assert filled(lengths, limit) == sum(lengths) / (len(packed) * limit)


def test_a_million_rows_make_a_short_list() -> None:
    assert len(limits(range(20, 1_000_020))) <= 52
