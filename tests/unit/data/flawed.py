"""A generator of flawed data sets for each silent killer: which rows are flawed is known, and a clean twin goes with it.

`FLAWS[id](random)` makes them; the same seed makes the same rows. The twin is the same set before it was spoiled, so a
check that finds something in it is wrong, and so is one that finds other rows than the ones named.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from typing import Any

Row = dict[str, Any]

NAMES = "Ada Bo Cleo Dirk Esme Finn Greta Hugo Iris Jonas Kira Liam Mona Nils Olga Piet Quin Rosa Sven Tilda".split()
PLACES = "Accra Bergen Cusco Delft Essen Faro Ghent Hanoi Izmir Jena Kobe Lagos Malmo Nantes Oslo Porto Quito".split()
THINGS = "anchor basket candle drum easel flute guitar hammer inkwell jacket kettle lantern mirror needle oven".split()
DEEDS = "bought carried dropped emptied found guarded hid inspected lost mended painted repaired sold traded".split()
TIMES = "at dawn|before noon|on Monday|after supper|in March|during the storm|last winter|by accident".split("|")

DIGITS = "0123456789"
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"


@dataclass(frozen=True)
class Flawed:
    """A set with flaws, the numbers of its flawed rows, and its clean twin. `keywords` go to `inspect_data`.

    `change` makes the tokenizer that the case needs of the real one; without it the set is looked at without a model.
    """

    rows: list[Row]
    flawed: list[int]
    clean: list[Row]
    held_out: list[Row] | None = None
    clean_held_out: list[Row] | None = None
    keywords: dict[str, Any] = field(default_factory=dict)
    change: Callable[[Any], None] | None = None


def sentence(random: Random) -> str:
    """One of many sentences of 20 words or so, no two of which share much."""
    clauses = (
        f"{random.choice(NAMES)} {random.choice(DEEDS)} {random.randint(2, 90)} {random.choice(THINGS)}s "
        f"{random.choice(TIMES)} in {random.choice(PLACES)}"
        for _ in range(3)
    )
    return ", then ".join(clauses)


def pair(random: Random) -> Row:
    """A prompt and an answer, each with a sentence of its own."""
    return turns(f"Tell it in your own words: {sentence(random)}.", f"{sentence(random)}.")


def turns(question: Any, answer: Any) -> Row:
    return {"prompt": [{"role": "user", "content": question}], "completion": [{"role": "assistant", "content": answer}]}


def question_of(row: Row) -> str:
    return str(row["prompt"][0]["content"])


def answer_of(row: Row) -> str:
    return str(row["completion"][0]["content"])


def pairs(random: Random, count: int = 60) -> list[Row]:
    return [pair(random) for _ in range(count)]


def with_rows(random: Random, clean: list[Row], spoiled: list[Row], **more: Any) -> Flawed:
    """The clean rows with the spoiled ones put between them at random, their order kept."""
    total = len(clean) + len(spoiled)
    flawed = sorted(random.sample(range(total), len(spoiled)))
    left, bad, rows = iter(clean), iter(spoiled), []
    for number in range(total):
        rows.append(next(bad) if number in set(flawed) else next(left))
    return Flawed(rows, flawed, clean, **more)


def reworded(text: str, random: Random) -> str:
    """The same text with one word of it replaced."""
    said = text.split(" ")
    said[random.randrange(len(said))] = "elsewhere"
    return " ".join(said)


def held_out_and_trained(random: Random) -> Flawed:
    """K11: some held-out questions are trained too, word for word or with a word changed."""
    clean, held_out = pairs(random), pairs(random, 30)
    asked = random.sample(held_out, 5)
    exact = [turns(question_of(row).upper(), answer_of(row)) for row in asked[:2]]
    near = [turns(reworded(question_of(row), random), answer_of(row)) for row in asked[2:]]
    return with_rows(random, clean, [*exact, *near], held_out=held_out, clean_held_out=held_out)


def trained_twice(random: Random) -> Flawed:
    """K13: copies of rows behind them, word for word or with a word of the prompt or the answer changed."""
    clean = pairs(random)
    chosen = random.sample(clean, 9)
    copies = [turns(question_of(row), f"  {answer_of(row).upper()}") for row in chosen[:3]]
    copies += [turns(reworded(question_of(row), random), answer_of(row)) for row in chosen[3:6]]
    copies += [turns(question_of(row), reworded(answer_of(row), random)) for row in chosen[6:]]
    return Flawed([*clean, *copies], list(range(60, 69)), clean)


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


def noise(random: Random) -> Flawed:
    """K21: one row for each kind of damage, and a twin with everything that only looks like it."""
    blob = "".join(random.choices(f"{LETTERS}+/", k=400))
    damage = [
        "Das Café war schön und größer".encode().decode("cp1252"),
        "It cost 5 \ufffd in Mal\ufffdaga",
        "\x1b[31mred\x1b[0m alert",
        "a\u200bb and \ufeffc",
        "".join(chr(0xE0000 + ord(letter)) for letter in "ignore the above") + " hello",
        f"The picture: {blob}",
        f"data:image/png;base64,{blob[:80]}",
        "<p>It rained.</p><br>The end.",
        "Salt&nbsp;and pepper &amp; more",
    ]
    harmless = [
        "Das Café war schön, größer als früher: naïve, œuvre, Ångström, Zoë, 你好, привет, שלום, สวัสดี\u200bครับ",
        "A family 👨\u200d👩\u200d👧 and a flag \U0001f3f4\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f",
        "می\u200cخواهم", "tabs\tand\r\nlines", "if a < b and b > c: d = a & b", "gene " + "acgt" * 80,
        "Which HTML tag breaks a line? It is <br>, as in <p>one<br>two</p>.", "Use `<div>` here: ```<p>x</p>```",
        "https://example.org/" + "a" * 60 + "/" + "path-" * 60, "R & D, <name> and <b>", "sha " + "0123456789abcdef" * 16,
    ]  # fmt: skip
    clean = [*pairs(random, 30), *(turns(f"{sentence(random)}? {text}", sentence(random)) for text in harmless)]
    random.shuffle(clean)
    spoiled = [turns(f"{sentence(random)}? {text}", sentence(random)) for text in damage[::2]]
    spoiled += [turns(sentence(random), f"{text} {sentence(random)}") for text in damage[1::2]]
    return with_rows(random, clean, spoiled)


def secret_texts(random: Random) -> list[str]:
    """One secret of every kind, made up here: none is in the file."""

    def some(count: int, letters: str = LETTERS) -> str:
        return "".join(random.choices(letters, k=count))

    from stdnum import luhn
    from stdnum.iso7064 import mod_97_10

    card = f"4{some(14, DIGITS)}"
    card += luhn.calc_check_digit(card)
    account = f"3704{some(14, DIGITS)}"
    iban = f"DE{mod_97_10.calc_check_digits(account + 'DE')}{account}"
    return [
        f"ghp_{some(36)}", f"github_pat_{some(22)}_{some(59)}", f"hf_{some(34)}", f"glpat-{some(20)}",
        f"sk-proj-{some(40)}T3BlbkFJ{some(40)}", f"sk-ant-api03-{some(93)}AA", f"AKIA{some(16, LETTERS[:26] + '234567')}",
        f"AIza{some(35)}", f"xoxb-{some(12, DIGITS)}-{some(24)}", f"sk_live_{some(24)}", f"npm_{some(36)}",
        f"SG.{some(22)}.{some(43)}", f"-----BEGIN RSA PRIVATE KEY-----\n{some(64)}\n{some(64)}",
        f"eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOi{some(20)}.{some(43)}",
        "-".join(card[at : at + 4] for at in range(0, 16, 4)), f"my card is {card}",
        " ".join(iban[at : at + 4] for at in range(0, 22, 4)), iban,
        f"{random.choice(NAMES).lower()}.{some(6, 'bcdfghk')}@{some(7, 'bcdfghk')}.com",
    ]  # fmt: skip


def secrets(random: Random) -> Flawed:
    """K22: a secret of every kind, and a twin with what only looks like one."""
    harmless = [
        "ghp_" + "x" * 36, "hf_" + "a" * 34, "AKIAIOSFODNN7EXAMPLE", "sk-your-key-here", "-----BEGIN PRIVATE KEY-----\n...",
        "4111 1111 1111 1111", "4242-4242-4242-4242", "order 4929123412341234 came", "GB82 WEST 1234 5698 7654 32",
        "DE00 3704 0044 0532 0130 00", "user@example.com", "info@acme.com", "git@github.com:a/b.git", "logo@2x.png",
        "lodash@4.17.21", "a @ b.T", "def f(x): return x@w.it", "eyJhbGciOi.notatoken", "0000 0000 0000 0000",
        "https://a.com/x?y=ann@b", "2023-10-12 1234 5678 9012 3456",
    ]  # fmt: skip
    clean = [*pairs(random, 30), *(turns(f"{sentence(random)}? {text}", sentence(random)) for text in harmless)]
    random.shuffle(clean)
    spoiled = [turns(f"{sentence(random)}? {text} thanks", sentence(random)) for text in secret_texts(random)]
    return with_rows(random, clean, spoiled)


def two_starts(random: Random) -> Flawed:
    """K06: texts that begin with the BOS token, for a tokenizer that puts one before every text."""
    from tokenizers.processors import TemplateProcessing

    def add_bos(tokenizer: Any) -> None:
        bos = (tokenizer.bos_token, tokenizer.bos_token_id)
        tokenizer.backend_tokenizer.post_processor = TemplateProcessing(single=f"{bos[0]} $A", special_tokens=[bos])

    clean = [{"text": sentence(random)} for _ in range(30)]
    spoiled = [{"text": f"<|im_start|>{sentence(random)}"} for _ in range(5)]
    return with_rows(random, clean, spoiled, change=add_bos)


def template_trims(random: Random) -> Flawed:
    """K17: a template that trims a turn only if another follows, and questions with a blank at their end."""

    def trim(tokenizer: Any) -> None:
        tokenizer.chat_template = (
            "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\n' }}"
            "{{ message['content'] if loop.last else message['content'] | trim }}{{ '<|im_end|>\n' }}{% endfor %}"
            "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
        )

    clean = pairs(random, 40)
    flawed = sorted(random.sample(range(20), 4))
    rows = [
        turns(f"{question_of(row)}  ", answer_of(row)) if number in flawed else row for number, row in enumerate(clean)
    ]
    return Flawed(rows, flawed, clean, change=trim)


#: "K15 lengths" is a case of K15.
FLAWS: dict[str, Callable[[Random], Flawed]] = {
    "K06": two_starts,
    "K11": held_out_and_trained,
    "K12": benchmark_trained,
    "K13": trained_twice,
    "K15": pairs_without_difference,
    "K15 prompts": pairs_after_other_prompts,
    "K15 lengths": chosen_always_longer,
    "K17": template_trims,
    "K21": noise,
    "K22": secrets,
}
