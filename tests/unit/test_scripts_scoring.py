"""On a CPU the script has TRL compute the vocabulary's probabilities for the tokens that are learned, and for no others."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
import trl.trainer.utils
from scripts import script
from transformers import LlamaConfig, LlamaForCausalLM

from examples.method_data import method_data
from tunebook.pipeline.hardware import probe_trainer

IDS = torch.arange(24).reshape(2, 12)


@pytest.fixture
def scored(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many positions TRL scores, call by call. What a test sets in TRL is put back."""
    monkeypatch.setattr(trl.trainer.utils, "_use_triton", trl.trainer.utils._use_triton)
    own, found = trl.trainer.utils._ChunkedLogProbFunction, list[int]()

    class Counting:
        @staticmethod
        def apply(hidden: torch.Tensor, *more: Any) -> Any:
            found.append(len(hidden))
            return own.apply(hidden, *more)

    monkeypatch.setattr(trl.trainer.utils, "_ChunkedLogProbFunction", Counting)
    return found


def same(ours: Any, theirs: Any) -> None:
    for name in ("log_probs", "entropy", "is_top1"):
        torch.testing.assert_close(getattr(ours, name).float(), getattr(theirs, name).float())


def switch(folder: Path, kinds: Path) -> Any:
    names: dict[str, Any] = {"__name__": "train", "__file__": "train.py"}
    text = script("sft", "acme/model", method_data("sft", kinds, folder / "data"), cpu=True)
    exec(compile(text, "train.py", "exec"), names)
    return names["score_only_what_is_learned"]


@pytest.mark.parametrize("learned", [3, 0])
def test_the_same_probabilities_and_gradients_from_fewer_positions(
    learned: int, scored: list[int], tmp_path: Path, kinds: Path
) -> None:
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=50, hidden_size=16, intermediate_size=16, num_hidden_layers=1, num_attention_heads=2
    )
    model = LlamaForCausalLM(config)
    trl.trainer.utils.add_fused_lm_head(model, outputs=("log_probs", "entropy", "is_top1"))
    labels = torch.where(torch.arange(12) >= 12 - learned, IDS, -100)

    def step() -> tuple[Any, torch.Tensor]:
        model.zero_grad()
        found = model(input_ids=IDS, labels=labels, fused_lm_head=True)
        found.log_probs.sum().backward()
        return found, model.model.embed_tokens.weight.grad.clone()

    every, their_gradient = step()
    switch(tmp_path, kinds)()
    at_once, our_gradient = step()
    assert scored == [22]  # by TRL: what is learned is few enough to keep
    same(at_once, every)
    torch.testing.assert_close(our_gradient, their_gradient)


def test_many_learned_tokens_are_scored_by_trl_in_its_chunks(scored: list[int], tmp_path: Path, kinds: Path) -> None:
    torch.manual_seed(0)
    learned, words = 40, 2**19
    hidden, weight = torch.randn(learned, 2), torch.randn(words, 2)
    given = (weight, None, torch.arange(learned), 0.7, 8192, None, 1.0, ("log_probs", "entropy", "is_top1"))
    few = trl.trainer.utils._ChunkedLogProbFunction.apply(hidden[:3], weight, None, given[2][:3], *given[3:])
    scored.clear()
    switch(tmp_path, kinds)()
    ours = trl.trainer.utils._ChunkedLogProbFunction
    for at_once, chunked in zip(ours.apply(hidden[:3], weight, None, given[2][:3], *given[3:]), few, strict=True):
        assert (at_once is None) == (chunked is None)
        if at_once is not None:
            torch.testing.assert_close(at_once.float(), chunked.float(), rtol=1e-5, atol=1e-5)  # sums of 524,288
    assert not scored
    ours.apply(hidden, *given)
    assert scored == [learned]


@pytest.mark.usefixtures("scored")
def test_the_probe_times_what_the_script_does() -> None:
    probe_trainer.score_only_what_is_learned()
    assert trl.trainer.utils._use_triton(torch.device("cpu"))
