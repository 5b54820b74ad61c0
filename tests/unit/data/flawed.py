"""A generator of flawed data sets for each silent killer: which rows are flawed is known, and a clean twin goes with it.

`FLAWS[name](random)` makes them; the same seed makes the same rows. The twin is the same set before it was spoiled, so
a check that finds something in it is wrong, and so is one that finds other rows than the ones named.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from unit.data import flawed_labels as labels
from unit.data import flawed_rows as rows
from unit.data import flawed_text as text
from unit.data.made import Flawed

#: By the check's id. "K15 lengths" is another case of K15.
FLAWS: dict[str, Callable[[Random], Flawed]] = {
    "K01": labels.end_not_trained,
    "K03": labels.prompt_trained,
    "K04": labels.answers_beyond_the_limit,
    "K05": labels.answers_cut,
    "K06": labels.two_starts,
    "K07": rows.another_format,
    "K11": rows.held_out_and_trained,
    "K12": rows.benchmark_trained,
    "K13": rows.trained_twice,
    "K14": rows.turns_that_teach_something_else,
    "K15": rows.pairs_without_difference,
    "K15 prompts": rows.pairs_after_other_prompts,
    "K15 lengths": rows.chosen_always_longer,
    "K17": labels.template_trims,
    "K21": text.noise,
    "K21 language": text.other_languages,
    "K22": text.secrets,
    "K23": rows.too_few,
    "K23 dominated": labels.few_rows_dominate,
    "K24": rows.several_types,
    "K24 conversations": rows.conversations_as_text,
    "K24 scores": rows.scores_as_text,
    "K24 labels": rows.labels_as_text,
}
