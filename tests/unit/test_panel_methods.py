"""How a run of each method reads: its curves, its figures, its sentences, its name."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import pytest
from panel_facts import facts, plan, score, training, until

from tunebook.pipeline.report import draw_curve
from tunebook.pipeline.watch import Point
from tunebook.pipeline.watch.live import Live, series_name
from tunebook.widgets.feed import PointLog
from tunebook.widgets.measures import MEASURES
from tunebook.widgets.snapshot import run_snapshot

LOGGED = {
    "dpo": {
        "train/rewards/accuracies": 0.78125,
        "eval/rewards/accuracies": 0.71875,
        "train/rewards/margins": 0.412,
        "eval/rewards/margins": 0.287,
    },
    "kto": {"train/rewards/margins": 0.2, "train/rewards/chosen": 0.15, "train/rewards/rejected": -0.05},
    "reward": {"train/accuracy": 0.9, "eval/accuracy": 0.8, "train/margin": 1.25, "eval/margin": 1.0},
    "grpo": {
        "train/reward": 0.487,
        "eval/reward": 0.436,
        "train/reward_std": 0.318,
        "train/frac_reward_zero_std": 0.375,
        "train/completions/mean_length": 212.4,
        "train/completions/clipped_ratio": 0.0469,
    },
}


def run_of(method: str, **more: Any) -> dict[str, Any]:
    known = training()
    known["series"] |= {name: [Point(6, value, 1016.0)] for name, value in LOGGED.get(method, {}).items()}
    spec = plan().spec | {"method": method}
    return run_snapshot(facts(until("attempt"), plan=plan(method=method, spec=spec), **(known | more)))


@pytest.mark.parametrize(
    ("method", "said"),
    [
        ("sft", "Step 6 of 12, loss 2.40, held out 2.90, about 6 s left."),
        ("dpo", "Step 6 of 12, accuracy 78.1 %, held out 71.9 %, about 6 s left."),
        ("kto", "Step 6 of 12, margin 0.200, about 6 s left."),  # no held-out loss beside a margin
        ("reward", "Step 6 of 12, accuracy 90 %, held out 80 %, about 6 s left."),
        ("grpo", "Step 6 of 12, mean reward 0.487, held out 0.436, about 6 s left."),
    ],
)
def test_the_sentence_says_what_tells_how_it_goes(method: str, said: str) -> None:
    assert run_of(method)["run"]["sentence"] == said


def test_the_main_curve_is_the_methods_own() -> None:
    drawn = {method: [one["train"] for one in run_of(method)["run"]["curves"]] for method in MEASURES}
    assert drawn == {
        "sft": ["train/loss"],
        "dpo": ["train/rewards/accuracies", "train/loss"],
        "kto": ["train/rewards/margins", "train/loss"],
        "reward": ["train/accuracy", "train/loss"],
        "grpo": ["train/reward"],
    }
    assert "loss says nothing" in run_of("grpo")["run"]["note"]
    assert run_of("sft")["run"]["note"] == ""


@pytest.mark.parametrize("method", sorted(MEASURES))
def test_the_figures_are_a_fixed_set_so_that_nothing_jumps(method: str) -> None:
    labels = [one["label"] for one in run_of(method)["run"]["facts"]]
    empty = run_of(method, series={}, step=None, max_steps=None, eta_s=None)["run"]["facts"]
    assert [one["label"] for one in empty] == labels
    assert {one["value"] for one in empty} == {"–"}
    assert len(labels) == len(set(labels))


def test_figures_of_preferences_and_of_sampled_answers() -> None:
    def figures(method: str) -> dict[str, str]:
        return {one["label"]: one["value"] for one in run_of(method)["run"]["facts"]}

    assert (figures("dpo")["reward margin"], figures("dpo")["held-out margin"]) == ("0.412", "0.287")
    assert figures("kto")["unwanted answers gained"] == "-0.05"
    assert figures("reward")["score margin"] == "1.25"
    grpo = figures("grpo")
    assert (grpo["rewards all equal"], grpo["answer length"]) == ("37.5 %", "212 tokens")
    assert grpo["answers cut off"] == "4.69 %"


@pytest.mark.parametrize(
    ("method", "tuning", "said"),
    [
        ("grpo", "lora", "on kinds, GRPO with LoRA"),
        ("reward", "lora", "on kinds, Reward model with LoRA"),
        ("kto", "full", "on kinds, KTO with full tuning"),
        ("dpo", "qlora", "on kinds, DPO with QLoRA"),
    ],
)
def test_the_subtitle_calls_the_method_as_people_do(method: str, tuning: str, said: str) -> None:
    spec = plan().spec | {"method": method, "tuning": tuning}
    assert run_snapshot(facts(until("planned"), plan=plan(method=method, spec=spec)))["subtitle"] == said


def test_a_checkpoint_of_grpo_has_no_held_out_loss_beside_its_score() -> None:
    spec = plan().spec | {"method": "grpo"}
    known = {**training(6), "checkpoints": [6], "scores": [score("checkpoint-6", 6, 3)]}
    evaluating = facts(until("stage", stage="evaluate"), plan=plan(method="grpo", spec=spec), **known)
    assert run_snapshot(evaluating)["compare"]["rows"][0]["heldout_loss"] is None


# Series


@pytest.mark.parametrize(
    ("logged", "name"),
    [
        ("loss", "train/loss"),
        ("eval_loss", "eval/loss"),
        ("eval_mean_token_accuracy", "eval/token_accuracy"),
        ("rewards/margins", "train/rewards/margins"),
        ("eval_rewards/accuracies", "eval/rewards/accuracies"),
        ("reward", "train/reward"),
        ("eval_completions/mean_length", "eval/completions/mean_length"),
        ("rewards/says_animal/mean", "train/rewards/says_animal/mean"),
        ("rewards/says_animal/std", None),
        ("train_loss", None),
        ("completions/max_length", None),
    ],
)
def test_what_trainers_log_is_followed_by_its_own_name(logged: str, name: str | None) -> None:
    assert series_name(logged) == name


def test_names_with_slashes_reach_the_browser_whole() -> None:
    live = Live("r")
    values = {"rewards/accuracies": 0.5, "eval_rewards/accuracies": None, "logps/chosen": -30.0}
    live._take({"event": "metrics", "step": 3, "time": 101.0, "values": values}, Path())
    message = PointLog().take(live, 100.0)
    assert message is not None
    assert [one["name"] for one in message.content["series"]] == ["train/rewards/accuracies", "eval/rewards/accuracies"]
    assert struct.unpack("<3d", message.buffers[0]) == (3.0, 0.5, 1.0)


def test_the_saved_curve_of_grpo_is_its_reward(tmp_path: Path) -> None:
    loss = {"train/loss": [Point(1, 1e-5, 0.0)]}
    assert draw_curve(loss, tmp_path / "loss.png")
    assert draw_curve(loss | {"train/reward": [Point(1, 0.4, 0.0), Point(2, 0.5, 1.0)]}, tmp_path / "reward.png")
    assert (tmp_path / "loss.png").read_bytes() != (tmp_path / "reward.png").read_bytes()
    assert not draw_curve({"train/reward": [Point(1, None, 0.0)]}, tmp_path / "none.png")
