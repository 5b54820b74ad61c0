"""Flaws of rows as such: of their format, their turns, their number, copies among them, pairs of answers."""

from __future__ import annotations

import json
from random import Random
from typing import Any

from unit.data.made import (
    DEEDS,
    THINGS,
    Flawed,
    Row,
    answer_of,
    pairs,
    question_of,
    reworded,
    sentence,
    turns,
    with_rows,
)


def another_format(random: Random) -> Flawed:
    """K07: plain text between rows of prompt and completion: no mapping can bring them together."""
    return with_rows(random, pairs(random), [{"text": sentence(random)} for _ in range(4)])


def held_out_and_trained(random: Random) -> Flawed:
    """K11: some held-out questions are trained too, word for word or with a word changed."""
    clean, held_out = pairs(random), pairs(random, 30)
    asked = random.sample(held_out, 5)
    exact = [turns(question_of(row).upper(), answer_of(row)) for row in asked[:2]]
    near = [turns(reworded(question_of(row), random), answer_of(row)) for row in asked[2:]]
    return with_rows(random, clean, [*exact, *near], held_out=held_out, clean_held_out=held_out)


def problem(random: Random) -> Row:
    """A row of code that is nobody's benchmark."""
    name = f"{random.choice(DEEDS)}_{random.choice(THINGS)}"
    steps = "\n".join(
        f"    {random.choice(THINGS)} = {random.choice(THINGS)} * {random.randint(2, 99)}" for _ in range(6)
    )
    question = f"Write {name}(x). {sentence(random)}.\n>>> {name}({random.randint(1, 9)})"
    return turns(question, f"from typing import List\n\ndef {name}(x: int) -> List[int]:\n{steps}\n    return [x]")


def benchmark_trained(random: Random) -> Flawed:
    """K12: a prompt in other letters, a solution within other text, a part of a prompt. All of HumanEval."""
    from tunebook.pipeline.benchmarks import benchmark_texts

    texts = [text for text in benchmark_texts("humaneval") if len(text.text.split()) > 40]
    prompts = [text.text for text in texts if text.part == "prompt"]
    solutions = [text.text for text in texts if text.part == "solution"]
    clean = [problem(random) for _ in range(50)]
    shouted, part = random.sample(prompts, 2)
    spoiled = [
        turns(shouted.upper(), sentence(random)),
        turns(sentence(random), f"Here you are:\n{random.choice(solutions)}\nHave fun."),
        turns(f"{sentence(random)}: {' '.join(part.split()[5:30])} {sentence(random)}", sentence(random)),
    ]
    return with_rows(random, clean, spoiled, keywords={"against": "humaneval"})


def trained_twice(random: Random) -> Flawed:
    """K13: copies of rows behind them, word for word or with a word of the prompt or the answer changed."""
    clean = pairs(random)
    chosen = random.sample(clean, 9)
    copies = [turns(question_of(row), f"  {answer_of(row).upper()}") for row in chosen[:3]]
    copies += [turns(reworded(question_of(row), random), answer_of(row)) for row in chosen[3:6]]
    copies += [turns(question_of(row), reworded(answer_of(row), random)) for row in chosen[6:]]
    return Flawed([*clean, *copies], list(range(60, 69)), clean)


def turns_that_teach_something_else(random: Random) -> Flawed:
    """K14: turns that are empty or missing, twice the same speaker, a system turn in the middle, an unknown role."""

    def talk(*said: tuple[str, str | None]) -> Row:
        return {"messages": [{"role": role, "content": content} for role, content in said]}

    def good() -> Row:
        first = [("system", "Be brief.")] if random.random() < 0.3 else []
        more = [("user", sentence(random)), ("assistant", sentence(random))] * random.randint(0, 1)
        return talk(*first, ("user", sentence(random)), ("assistant", sentence(random)), *more)

    spoiled = [
        talk(("user", sentence(random)), ("assistant", "")),
        talk(("user", sentence(random)), ("assistant", None)),
        talk(("user", sentence(random))),
        talk(("user", " "), ("assistant", sentence(random))),
        talk(("user", sentence(random)), ("assistant", sentence(random)), ("user", sentence(random))),
        talk(("user", sentence(random)), ("user", sentence(random)), ("assistant", sentence(random))),
        talk(("user", sentence(random)), ("system", "Be kind."), ("assistant", sentence(random))),
        talk(("assistant", sentence(random)), ("user", sentence(random)), ("assistant", sentence(random))),
        talk(("narrator", sentence(random)), ("assistant", sentence(random))),
    ]
    return with_rows(random, [good() for _ in range(40)], spoiled)


def preference(random: Random, longer: bool | None = None) -> Row:
    """A prompt with two answers; the chosen one is longer in half of them, or as `longer` says."""
    short, long = f"{sentence(random)}.", f"{sentence(random)}. {sentence(random)}."
    chosen, rejected = (long, short) if (random.random() < 0.5 if longer is None else longer) else (short, long)
    return {
        "prompt": f"Tell it in your own words: {sentence(random)}.",
        "chosen": chosen,
        "rejected": rejected,
        "score_chosen": round(random.uniform(6, 9), 1),
        "score_rejected": round(random.uniform(1, 5), 1),
    }


def pairs_without_difference(random: Random) -> Flawed:
    """K15: equal answers, scores that say the opposite, and two rows that contradict each other."""
    clean = [preference(random) for _ in range(60)]
    equal, swapped, one = (preference(random) for _ in range(3))
    equal["rejected"] = f" {equal['chosen']}\n"
    swapped |= {"score_chosen": 2.0, "score_rejected": 8.5}
    other = {**one, "chosen": one["rejected"], "rejected": one["chosen"]}
    return with_rows(random, clean, [equal, one, swapped, other])


def pairs_after_other_prompts(random: Random) -> Flawed:
    """K15: conversations whose chosen and rejected answers follow other questions."""

    def talk(question: str, answer: str) -> list[Row]:
        return [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]

    def both(chosen: str, rejected: str) -> Row:
        return {"chosen": talk(chosen, sentence(random)), "rejected": talk(rejected, sentence(random))}

    questions = [f"{sentence(random)}?" for _ in range(40)]
    spoiled = [both(f"{sentence(random)}?", f"{sentence(random)}?") for _ in range(3)]
    return with_rows(random, [both(question, question) for question in questions], spoiled)


def chosen_always_longer(random: Random) -> Flawed:
    """K15: nearly all chosen answers are the longer ones."""
    rows = [preference(random, longer=number % 15 != 0) for number in range(60)]
    return Flawed(rows, [n for n in range(60) if n % 15], [preference(random, longer=n % 2 == 0) for n in range(60)])


def too_few(random: Random) -> Flawed:
    """K23: so few rows that they are learned by heart."""
    return Flawed(pairs(random, 7), list(range(7)), pairs(random, 25))


def several_types(random: Random) -> Flawed:
    """K24: a column that is a number in most rows and text in some."""
    clean: list[Row] = [{**row, "score": random.randint(1, 9)} for row in pairs(random)]
    odd: list[dict[str, Any]] = [{**row, "score": "high"} for row in pairs(random, 3)]
    return with_rows(random, clean, odd)


def conversations_as_text(random: Random) -> Flawed:
    """K24: conversations as JSON, as Python and as numpy write them, between texts that have brackets too."""
    clean: list[Row] = [{"text": sentence(random)} for _ in range(40)]
    harmless = ('[{"name": "role", "size": 4}] is a list', "[{'content': 12}]", "[1, 2, 3]", '{"role": "admin"}')
    clean += [{"text": f"{text} {sentence(random)}"} for text in harmless]
    random.shuffle(clean)
    said = [{"role": "user", "content": sentence(random)}, {"role": "assistant", "content": sentence(random)}]
    numpy = f"[{{'content': '{sentence(random)}', 'role': 'user'}}\n {{'content': 'Yes.', 'role': 'assistant'}}]"
    from_value = json.dumps([{"from": "human", "value": sentence(random)}, {"from": "gpt", "value": "No."}], indent=1)
    spoiled = [{"text": text} for text in (json.dumps(said), str(said), numpy, from_value)]
    return with_rows(random, clean, spoiled)


def scores_as_text(random: Random) -> Flawed:
    """K24: scores of answers as text; in the twin they are numbers, and text answers and ids are numbers in letters."""

    def row(number: int, score: Any) -> Row:
        return {**turns(f"{sentence(random)}?", str(number % 7)), "id": str(number), "rating": score}

    rows = [row(number, f"{random.uniform(0, 5):.1f}") for number in range(40)]
    return Flawed(rows, list(range(40)), [row(number, random.randint(0, 5)) for number in range(40)])


def labels_as_text(random: Random) -> Flawed:
    """K24: whether an answer is good, in words that KTO does not read; the twin has true and false."""
    good = [random.random() < 0.6 for _ in range(40)]
    words = random.choice([("True", "False"), ("1", "0"), ("good", "bad"), (1, 0)])
    clean = [{**row, "label": is_good} for row, is_good in zip(pairs(random, 40), good, strict=True)]
    return Flawed([{**row, "label": words[not row["label"]]} for row in clean], list(range(40)), clean)
