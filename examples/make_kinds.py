"""Make the demo's data set from WordNet's glosses: a definition in, the kind of thing it defines out.

Needs the noun file of WordNet 3.x (Debian: `apt-get install wordnet-base`) and nothing but the standard library. The
rows, their order and the split follow from the noun file and SEED alone, so a second run writes the same bytes.

    python make_kinds.py [--wordnet /usr/share/wordnet] [--out data/kinds]
"""

from __future__ import annotations

import argparse
import json
import random
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

SEED = 20
TRAIN_A_KIND, TEST_A_KIND = 150, 25

#: WordNet sorts its nouns into lexicographer files; these eight are kinds that a newcomer can tell apart.
KINDS = {
    "05": "animal",
    "20": "plant",
    "13": "food",
    "18": "person",
    "06": "object",
    "15": "place",
    "12": "feeling",
    "28": "time",
}

#: Short enough to train quickly on a CPU, long enough to say something.
WORDS = range(4, 17)

#: Definitions by a Latin name alone ("type genus of the Ceratopogonidae") say nothing that could be learned.
TAXONOMY = re.compile(r"\b(genus|genera|family|order|suborder|class|phylum|taxonomic|tribe)\b", re.IGNORECASE)


#: A demo is shown to anybody: no slurs, nothing sexual, no violence.
UNFIT = re.compile(
    r"\b(offensive|derogatory|disparaging|slur|contempt\w*|negro\w*|slave\w*|nazi\w*|terroris\w*|suicid\w*|murder\w*|kill\w*"
    r"|rap(e|ed|ist)|sex\w*|masochis\w*|sadis\w*|prostitut\w*|brothel|erotic\w*|genital\w*|penis|vagina\w*|lesbian|homosexual\w*)\b",
    re.IGNORECASE,
)


class Entry(NamedTuple):
    kind: str
    definition: str
    words: frozenset[str]  # the words that are defined, in lower case
    named: bool  # one particular thing, such as a city or a king, not a sort of thing


def entries(noun_file: Path) -> Iterator[Entry]:
    """Every synset of the eight kinds in `data.noun`. The format is wndb(5WN): fields, then ` | ` and the gloss."""
    for line in noun_file.read_text(encoding="utf-8").splitlines():
        if line.startswith("  ") or " | " not in line:  # the licence at the head of the file
            continue
        data, gloss = line.split(" | ", 1)
        _, lexicographer_file, _, word_count, *rest = data.split(" ")
        if lexicographer_file not in KINDS:
            continue
        lemmas = rest[: 2 * int(word_count, 16) : 2]  # word, sense, word, sense, ...
        words = {part.lower() for lemma in lemmas for part in re.findall(r"[A-Za-z]{3,}", lemma)}
        named = "@i" in rest  # instance hypernym: a pointer symbol, never a lemma
        yield Entry(KINDS[lexicographer_file], definition_of(gloss), frozenset(words), named)


def definition_of(gloss: str) -> str:
    """The gloss up to its first quoted example, in one line."""
    before_examples = re.split(r"[;:,]?\s*\"", gloss, maxsplit=1)[0]
    return " ".join(before_examples.split()).strip(" ;:,")


def normalised(text: str) -> str:
    """What two definitions are compared by: lower case, words only."""
    return " ".join(re.findall(r"[a-z0-9]+", text.lower()))


def usable(entry: Entry) -> bool:
    """Whether a person could answer from the definition, and would not be told the word."""
    told = normalised(entry.definition).split()
    return (
        len(told) in WORDS
        and entry.definition.isascii()
        and not (entry.kind == "person" and entry.named)  # dates of birth and death give them away
        and not TAXONOMY.search(entry.definition)
        and not UNFIT.search(entry.definition)
        and not any(word.startswith(tuple(entry.words)) for word in told)
    )


def chosen(noun_file: Path) -> tuple[list[Entry], list[Entry]]:
    """The rows for training and those held out, each shuffled over the kinds. No definition is in both, or there twice.

    Raises SystemExit if a kind has too few definitions, which means that the file is not WordNet's.
    """
    kinds_of: dict[str, set[str]] = {}
    candidates: dict[str, Entry] = {}
    for entry in entries(noun_file):
        key = normalised(entry.definition)
        kinds_of.setdefault(key, set()).add(entry.kind)
        if usable(entry):
            candidates.setdefault(key, entry)
    unambiguous = [entry for key, entry in candidates.items() if len(kinds_of[key]) == 1]

    dice = random.Random(SEED)
    train: list[Entry] = []
    test: list[Entry] = []
    for kind in KINDS.values():
        of_kind = [entry for entry in unambiguous if entry.kind == kind]
        wanted = TRAIN_A_KIND + TEST_A_KIND
        if len(of_kind) < wanted:
            raise SystemExit(
                f"{noun_file} has only {len(of_kind)} usable definitions of kind {kind}, {wanted} are needed"
            )
        drawn = dice.sample(of_kind, wanted)
        train += drawn[:TRAIN_A_KIND]
        test += drawn[TRAIN_A_KIND:]
    dice.shuffle(train)
    dice.shuffle(test)
    return train, test


def row(entry: Entry) -> dict[str, list[dict[str, str]]]:
    """One row in the conversational prompt and completion format that TRL reads."""
    return {
        "prompt": [{"role": "user", "content": f"What kind of thing is this? {entry.definition}"}],
        "completion": [{"role": "assistant", "content": entry.kind}],
    }


def write(noun_file: Path, out: Path) -> tuple[int, int]:
    """Write train.jsonl and test.jsonl into `out`; returns their row counts."""
    train, test = chosen(noun_file)
    out.mkdir(parents=True, exist_ok=True)
    for name, part in (("train", train), ("test", test)):
        lines = [json.dumps(row(entry), ensure_ascii=False) + "\n" for entry in part]
        (out / f"{name}.jsonl").write_bytes("".join(lines).encode())
    return len(train), len(test)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--wordnet", type=Path, default=Path("/usr/share/wordnet"), help="the folder with data.noun")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "data" / "kinds")
    options = parser.parse_args()
    noun_file = options.wordnet / "data.noun"
    if not noun_file.is_file():
        parser.error(f"{noun_file} is not there: apt-get install wordnet-base, or give --wordnet FOLDER")
    train, test = write(noun_file, options.out)
    print(f"{train:,} rows in {options.out / 'train.jsonl'}, {test} held out in {options.out / 'test.jsonl'}")


if __name__ == "__main__":
    main()
