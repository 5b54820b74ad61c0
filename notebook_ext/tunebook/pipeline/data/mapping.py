"""The Python function that makes TRL's columns of a row, written out: the training script carries it as it stands.

`to_trl(row)` gets one row as `datasets` reads it and returns a new one with only the columns that TRL looks at. A row
that lacks what its format needs (a conversation without an answer) makes it raise; the checks name such rows.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Sequence
from typing import Any, Literal

from tunebook.pipeline.data.layout import OPTIONAL, TESTS, Layout

Target = Literal["messages", "completion", "plain completion", "text", "preference", "answer", "verdict", "prompt"]
ToTrl = Callable[[dict[str, Any]], dict[str, Any]]

#: Columns that TRL reads beside the format's own; they are passed on.
CARRIED = ("tools", "chat_template_kwargs")

#: Columns that rewards look at beside tests.
REWARDED = (
    *("choices", "options", "schema", "pattern", "entry_point"),
    *("test_imports", "test_setup_code", "input_output"),
)

#: ShareGPT's names for who speaks, in the words of chat templates.
ROLES = {
    "human": "user",
    "gpt": "assistant",
    "chatgpt": "assistant",
    "bot": "assistant",
    "model": "assistant",
    "observation": "tool",
}
_ROLES = "ROLES = {\n" + "".join(f'    "{said}": "{role}",\n' for said, role in ROLES.items()) + "}\n"

_WITH_SYSTEM = '''\
SYSTEM_PROMPT = {prompt!r}


def with_system(turns):
    """The turns behind the system prompt, unless they begin with their own."""
    return turns if turns[0]["role"] == "system" else [{{"role": "system", "content": SYSTEM_PROMPT}}, *turns]
'''

WITH_OPTIONS = '''\
def options_of(options):
    """(letter, text) of each option of a list of texts, of {"label": [...], "text": [...]}, or of {"A": text, ...}."""
    if not isinstance(options, dict):
        return list(zip("ABCDEFGHIJKLMNOPQRSTUVWXYZ", options))
    pairs = zip(options["label"], options["text"]) if isinstance(options.get("text"), list) else options.items()
    return [(letter, text) for letter, text in pairs if text is not None]


def with_options(question, options):
    """The question, and below it the options, each behind its letter."""
    return question + "\\n\\n" + "\\n".join(f"{letter}. {text}" for letter, text in options_of(options))


def option_named(answer, options):
    """The letter of the option that an answer names: by its letter, its text, or its place from 0."""
    def plain(value):
        return str(value).strip().removesuffix(".0")  # a csv with gaps makes fractions of whole numbers

    listed, said = options_of(options), plain(answer)
    for part in (0, 1):
        for option in listed:
            if plain(option[part]) == said:
                return option[0]
    if said.isdigit() and int(said) < len(listed):
        return listed[int(said)][0]
    raise ValueError(f"none of its options is called {said!r}")
'''


def code_for(
    layouts: Sequence[Layout],
    target: Target,
    *,
    system_prompt: str | None = None,
    carried: Collection[str] = (),
    strings: Collection[str] = (),
) -> str:
    """The source of `to_trl` for rows of these layouts. `strings` are the columns that hold text and nothing else."""
    head: list[str] = []
    if any(layout.format == "ShareGPT conversations" for layout in layouts):
        head.append(_ROLES)
    if any("options" in layout.columns for layout in layouts):
        head.append(WITH_OPTIONS)
    if system_prompt:
        head.append(_WITH_SYSTEM.format(prompt=system_prompt))
    passed = [*CARRIED, *((*TESTS, *REWARDED) if target in ("answer", "prompt") else ())]
    make = _Body(target, bool(system_prompt), [name for name in passed if name in carried], set(strings))
    if len(layouts) == 1:
        return "\n\n".join([*head, _function("to_trl", _doc(layouts[0], target), make.lines(layouts[0]))])

    functions: list[str] = []
    cases: list[str] = []
    specific_first = sorted(layouts, key=lambda layout: -len(layout.parts))
    for number, layout in enumerate(specific_first, start=1):
        name = f"from_{re.sub('[^a-z]+', '_', layout.format.lower())}_{number}"
        functions.append(_function(name, _doc(layout, target), make.lines(layout)))
        cases += [f"if {_test(layout)}:", f"    return {name}(row)"]
    cases.append('raise ValueError("the row has none of the formats that were found when the data was inspected")')
    functions.append(_function("to_trl", "The row by whichever of the formats it has.", cases))
    return "\n\n".join([*head, *functions])


def compiled(code: str) -> ToTrl:
    """The function `to_trl` of a mapping's code."""
    names: dict[str, Any] = {}
    exec(compile(code, "to_trl", "exec"), names)  # our own text: columns enter it only as quoted literals
    function: ToTrl = names["to_trl"]
    return function


def targets_of(layout: Layout, target: Target) -> dict[str, str]:
    """Which column goes where: {"instruction": "prompt", "output": "completion"}."""
    if target == "messages":
        return dict.fromkeys(layout.columns.values(), "messages")
    if target == "text":
        return {layout.columns.get("text") or layout.columns["chosen"]: "text"}
    if layout.format in ("messages", "ShareGPT conversations"):
        return {layout.columns["turns"]: "prompt and completion"}
    last = "answer" if target == "answer" else "completion"
    names = {"output": last, "answer": last, "completion": last, "chosen": last, "label": "label"}
    if target == "preference":
        names = {"chosen": "chosen", "rejected": "rejected"}
    used = {part: column for part, column in layout.parts if target == "preference" or part != "rejected"}
    result = {column: names.get(part, "prompt") for part, column in used.items()}
    if layout.format == "preference" and "prompt" not in layout.columns and target != "preference":
        result["chosen"] = "prompt and completion"
    return result


class _Body:
    """Writes the lines of one function."""

    def __init__(self, target: Target, system: bool, carried: list[str], strings: set[str]) -> None:
        self.target, self.system, self.carried, self.strings = target, system, carried, strings

    def lines(self, layout: Layout) -> list[str]:
        if layout.format in ("messages", "ShareGPT conversations"):
            return self._of_turns(layout)
        if layout.format in ("Alpaca", "question and answer"):
            return self._of_pair(layout)
        if layout.format == "preference":
            return self._of_preference(layout)
        if layout.format == "text":
            return [self._returned(text=f"row[{layout.columns['text']!r}]")]
        return self._of_completion(layout)

    def _of_turns(self, layout: Layout) -> list[str]:
        column = layout.columns["turns"]
        turns = f"row[{column!r}]"
        if layout.format == "ShareGPT conversations":
            said = '{"role": ROLES.get(turn["from"], turn["from"]), "content": turn["value"]}'
            turns = f"[{said} for turn in {turns}]"
        lines = [f"turns = {self._with_system(turns)}"]
        if self.target == "messages":
            return [*lines, self._returned(messages="turns")]
        return [
            *lines,
            'last = max(number for number, turn in enumerate(turns) if turn["role"] == "assistant")',
            self._split("turns[:last]", "[turns[last]]", 'turns[last]["content"]'),
        ]

    def _of_pair(self, layout: Layout) -> list[str]:
        parts = layout.columns
        lines = [f"question = row[{parts.get('instruction') or parts['question']!r}]"]
        if "input" in parts:
            lines += [f"if row[{parts['input']!r}]:", f'    question += "\\n\\n" + row[{parts["input"]!r}]']
        if "context" in parts:
            lines += [
                f"if row[{parts['context']!r}]:",
                f'    question = row[{parts["context"]!r}] + "\\n\\n" + question',
            ]
        answer = self._text(parts.get("output") or parts["answer"])
        if "options" in parts:
            options = f"row[{parts['options']!r}]"
            lines += [f"if {options}:", f"    question = with_options(question, {options})"]
            answer = f"(option_named(row[{parts['answer']!r}], {options}) if {options} else {answer})"
        if self.target == "plain completion":
            return [*lines, self._returned(prompt='question + "\\n"', completion=answer)]
        if "system" in parts:
            said = f"row[{parts['system']!r}]"
            lines.append(f'system = [{{"role": "system", "content": {said}}}] if {said} else []')
            prompt = self._with_system('[*system, {"role": "user", "content": question}]')
        else:
            prompt = self._with_system('[{"role": "user", "content": question}]')
        return [*lines, self._split(prompt, f'[{{"role": "assistant", "content": {answer}}}]', answer)]

    def _of_completion(self, layout: Layout) -> list[str]:
        prompt, completion = f"row[{layout.columns['prompt']!r}]", "row['completion']"
        if self.target == "prompt":  # the other columns go to the reward functions
            return [f'return {{**row, "prompt": {self._with_system(prompt)}}}']
        if self.target == "verdict":
            return [self._returned(prompt=self._with_system(prompt), completion=completion, label='row["label"]')]
        if not layout.conversational and (self.system or self.target == "completion"):
            prompt = f'[{{"role": "user", "content": {prompt}}}]'
            turns = '[{"role": "assistant", "content": row["completion"]}]'
            return [self._split(self._with_system(prompt), turns, 'row["completion"]')]
        answer = "row['completion'][-1]['content']" if layout.conversational else completion
        return [self._split(self._with_system(prompt), completion, answer)]

    def _of_preference(self, layout: Layout) -> list[str]:
        prompt = layout.columns.get("prompt")
        if self.target == "preference":
            pair = {"chosen": 'row["chosen"]', "rejected": 'row["rejected"]'}
            if prompt:
                return [self._returned(prompt=self._with_system(f"row[{prompt!r}]"), **pair)]
            return [self._returned(**{name: self._with_system(value) for name, value in pair.items()})]
        if prompt:
            return [self._split(self._with_system(f"row[{prompt!r}]"), 'row["chosen"]', 'row["chosen"]')]
        if not layout.conversational:
            return [self._returned(text='row["chosen"]')]
        turns = self._with_system('row["chosen"]')
        return [
            f"turns = {turns}",
            self._split("turns[:-1]", "turns[-1:]", 'turns[-1]["content"]'),
        ]

    def _split(self, prompt: str, completion: str, answer: str) -> str:
        if self.target == "answer":
            return self._returned(prompt=prompt, answer=answer)
        return self._returned(prompt=prompt, completion=completion)

    def _with_system(self, turns: str) -> str:
        return f"with_system({turns})" if self.system else turns

    def _text(self, column: str) -> str:
        return f"row[{column!r}]" if column in self.strings else f"str(row[{column!r}])"

    def _returned(self, **columns: str) -> str:
        pairs = [f'"{name}": {value}' for name, value in columns.items()]
        pairs += [f'"{name}": row["{name}"]' for name in self.carried]
        return f"return {{{', '.join(pairs)}}}"


def _function(name: str, doc: str, lines: list[str]) -> str:
    return "\n".join([f"def {name}(row):", f'    """{doc}"""', *(f"    {line}" for line in lines)]) + "\n"


def _doc(layout: Layout, target: Target) -> str:
    if target == "messages":
        return "The conversation, with the names that the chat template knows."
    if target == "text":
        return "The text to continue."
    if target == "preference":
        return "A prompt, the answer that was preferred and the one that was not."
    if target == "answer":
        return "The prompt, and the answer that a reward compares with."
    if target == "verdict":
        return "The prompt, the completion, and whether it is wanted."
    if target == "prompt":
        return "The row as it is, with the system prompt before the turns of its prompt."
    if layout.format in ("messages", "ShareGPT conversations"):
        return "The last answer is the completion; the turns before it are the prompt."
    return "The prompt and the completion that is to be learned."


def _test(layout: Layout) -> str:
    """Whether a row of a mixture has this layout, as Python: the parts it cannot do without are there."""
    if layout.format in ("messages", "ShareGPT conversations"):
        column = layout.columns["turns"]
        key = "role" if layout.format == "messages" else "from"
        return f"row.get({column!r}) and row[{column!r}][0].get({key!r})"
    kind = "list" if layout.conversational else "str"
    tests = [
        f"isinstance(row.get({column!r}), {kind})"
        if part not in ("output", "answer", "label")
        else f"row.get({column!r}) is not None"
        for part, column in layout.parts
        if part not in OPTIONAL
    ]
    return " and ".join(tests)
