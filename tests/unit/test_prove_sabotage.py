"""A proof in miniature catches a script that looks fine and is not: each was spoiled in one place."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from proving import Prover, check, data, failed, script, settings, warm_prover

from tunebook.pipeline.data.source import Source

TRAIN = "    trainer.train(resume_from_checkpoint"
FREEZE = """\
    for name, one in trainer.model.named_parameters():
        if {condition}:
            one.requires_grad_(False)
"""
STEP_END = "    def on_step_end(self, args, state, control, {}**kwargs):\n"
TOUCH = "        next(one for one in model.parameters() if not one.requires_grad).data.mul_(1.01)\n"
SHUFFLE = """\
    places = torch.utils.data.SubsetRandomSampler(range(len(trainer.train_dataset)))
    trainer._get_train_sampler = lambda *rows: places
"""
NO_END = "    if found.eos_token_id is None:"
END = "    return found\n\n\nclass Journal"

#: The check that has to fail, a part of its evidence, the runs that it needs, and what was changed in the script.
SPOILED = {
    "the prompt is learned too": (
        "tokens", "the prompt is learned too", (), ("**DATA_SETTINGS,", "completion_only_loss=False,"),
    ),
    "the template ends no answer": (
        "tokens", "no end token is learned", (),
        (END, '    found.chat_template = found.chat_template.replace("<|im_end|>", "")\n' + END),
    ),
    "half of the adapter is frozen": (
        "moves", "lora_B", (), (TRAIN, FREEZE.format(condition='"lora_B" in name') + TRAIN),
    ),
    "the learning rate is 0": ("moves", "the learning rate", (), ("LEARNING_RATE = 0.0005", "LEARNING_RATE = 0.0")),
    "frozen weights change": (
        "frozen", "frozen tensors changed", (),
        (STEP_END.format(""), STEP_END.format("model=None, ") + TOUCH),
    ),
    "a checkpoint does not say that it is whole": (
        "checkpoint", "is not whole", (), ('(folder / "whole.json").write_text(', "str("),
    ),
    "a half-written checkpoint is taken": (
        "checkpoint", "half written", ("resume",), ("size == size", "size >= 0"),
    ),
    "rows are in another order after the first epoch": (
        "checkpoint", "goes another way", ("resume",), (TRAIN, SHUFFLE + TRAIN), {"max_steps": 40},
    ),
    "a loss that is no number goes on": (
        "metrics", "in place of 3", ("nan",), ("        if broken:\n", "        if False:\n"),
    ),
    "SIGTERM is not heard": (
        "signal", "went on to step 6", ("signal",), ("self.terminated = True", "self.terminated = False"),
    ),
    "SIGTERM ends it at once": (
        "signal", "at once", ("signal",), ("signal.signal(signal.SIGTERM, self.terminate)", "pass"),
    ),
}  # fmt: skip

SLOW = (
    "rows are in another order after the first epoch",
    "frozen weights change",
    "a half-written checkpoint is taken",
    "SIGTERM ends it at once",
)


@pytest.fixture(scope="module")
def prover() -> Iterator[Prover]:
    with warm_prover() as made:
        yield made


@pytest.fixture(scope="module")
def rows(kinds: Path, tmp_path_factory: pytest.TempPathFactory) -> Source:
    source: Source = data(kinds, tmp_path_factory.mktemp("rows") / "kinds", "sft")
    return source


@pytest.mark.parametrize("what", [pytest.param(one, marks=pytest.mark.slow) if one in SLOW else one for one in SPOILED])
def test_what_was_spoiled_fails_its_own_check_and_no_other(
    what: str, prover: Prover, rows: Source, model_folder: Path, tmp_path: Path
) -> None:
    name, evidence, runs, change, *more = SPOILED[what]
    spoiled = script(tmp_path / "train.py", settings(model_folder, rows, **(more[0] if more else {})), change)
    proof = prover.prove(spoiled, "run", *runs)
    assert failed(proof) == [name], proof
    assert evidence in check(proof, name).evidence
    assert not proof.passed


@pytest.mark.parametrize(
    ("change", "evidence"),
    [
        (('target_modules="all-linear"', 'target_modules=["q_projection"]'), "the adapter's targets are not in the model"),
        ((END, "    found.chat_template = None\n" + END), "has no chat template"),
        ((NO_END, "    found.eos_token = None\n" + NO_END), "no end token"),
        (("    return train_rows, eval_rows", "    return train_rows, eval_rows.select([])"), "no row is held out"),
        ((TRAIN, "    print(trainer.modle)\n" + TRAIN), "AttributeError: 'ByLength' object has no attribute 'modle'"),
        ((TRAIN, FREEZE.format(condition="True") + TRAIN), "every weight is frozen"),
    ],
)  # fmt: skip
def test_a_script_that_fails_says_what_mends_it_in_one_line(
    change: tuple[str, str], evidence: str, prover: Prover, rows: Source, model_folder: Path, tmp_path: Path
) -> None:
    proof = prover.prove(script(tmp_path / "train.py", settings(model_folder, rows), change), "run")
    assert failed(proof) == ["runs"]
    assert evidence in check(proof, "runs").evidence
    assert "\n" not in check(proof, "runs").evidence
