"""What is scored for DPO, KTO, GRPO and reward models is what TRL's own trainers compute, whatever the order and batch."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest
from tiny import tiny_model

from tunebook.pipeline.benchmarks import Item, Pair
from tunebook.pipeline.data.encode import Encoder
from tunebook.pipeline.errors import CallError
from tunebook.pipeline.evaluation.compare import compare, sentence
from tunebook.pipeline.evaluation.config import EvaluationConfig
from tunebook.pipeline.evaluation.job import evaluate
from tunebook.pipeline.evaluation.losses import losses
from tunebook.pipeline.evaluation.models import Models, exact_score
from tunebook.pipeline.evaluation.pairs import log_probabilities, scores

BASE = {"name": "base", "path": None, "adapter": False, "step": 0}
FACTS = [
    ("Which planet is the largest?", "Jupiter is the largest.", "The Moon."),
    ("Name a colour.", "Red", "A colour is something that you can see with your eyes."),
    ("What does a cow drink?", "A grown cow drinks water; only its calves drink milk.", "Milk."),
    ("Is ice cold?", "Yes.", "No, it is not."),
    ("Two and two?", "4", "5"),
    ("Who wrote Faust?", "Goethe did, over sixty years.", "Nobody knows who wrote it, it is very old."),
]


def said(role: str, content: str) -> dict[str, str]:
    return {"role": role, "content": content}


TURNS = [
    {
        "prompt": [said("user", question)],
        "chosen": [said("assistant", chosen)],
        "rejected": [said("assistant", rejected)],
    }
    for question, chosen, rejected in FACTS
]
TEXTS = [
    {"chosen": f"{question} {chosen}", "rejected": f"{question} {rejected}"} for question, chosen, rejected in FACTS
]
LABELLED = [
    {"prompt": row["prompt"], "completion": row[side], "label": side == "chosen"}
    for row in TURNS
    for side in ("chosen", "rejected")
]


def items(rows: list[dict[str, Any]]) -> list[Item]:
    return [Item(str(number), row.get("prompt", ""), "", row) for number, row in enumerate(rows)]


@pytest.fixture(scope="module")
def tiny(model_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_model(model_folder, tmp_path_factory.mktemp("tiny"))


def loaded(folder: Path, *, scored: bool = False) -> Any:
    with Models(str(folder), None, lambda text: None, scored=scored).target(_target(BASE)) as found:
        return found


def _target(body: dict[str, Any]) -> Any:
    from tunebook.pipeline.evaluation.config import Target

    return Target.model_validate(body)


def trainer(
    kind: str, model: Any, rows: list[dict[str, Any]], folder: Path, tokenizer: Any, reference: Any = None
) -> Any:
    import trl
    from datasets import Dataset

    settings = {"output_dir": str(folder), "report_to": [], "use_cpu": True, "bf16": False, "disable_tqdm": True}
    more = {} if reference is None else {"ref_model": reference}
    return getattr(trl, f"{kind}Trainer")(
        model,
        args=getattr(trl, f"{kind}Config")(**settings, max_length=512, per_device_train_batch_size=2),
        train_dataset=Dataset.from_list(rows),
        processing_class=tokenizer,
        **more,
    )


def batch_of(trainer: Any) -> Any:
    return trainer.data_collator(list(trainer.train_dataset))


@pytest.mark.parametrize("rows", [TURNS, TEXTS], ids=["turns", "texts"])
def test_log_probabilities_of_a_pair_are_those_of_the_dpo_trainer(
    model_folder: Path, tiny: Path, tmp_path: Path, rows: list[dict[str, Any]]
) -> None:
    """Its sums, over the tokens that it counts."""
    model = loaded(model_folder)
    found = log_probabilities(model, items(rows), batch_size=5)
    dpo = trainer("DPO", model.model, rows, tmp_path, model.tokenizer, loaded(tiny).model)
    chosen, rejected = dpo.compute_ref_log_probs(model.model, batch_of(dpo))
    counts = [(len(row["chosen_ids"]), len(row["rejected_ids"])) for row in dpo.train_dataset]
    assert len(found) == len(counts) == len(rows)
    for pair, (one, other), left, right in zip(found, counts, chosen.tolist(), rejected.tolist(), strict=True):
        assert pair.chosen * one == pytest.approx(left, abs=1e-3)
        assert pair.rejected * other == pytest.approx(right, abs=1e-3)


def test_what_verdict_ranks_is_the_log_probability_of_the_kto_trainer(
    model_folder: Path, tiny: Path, tmp_path: Path
) -> None:
    model = loaded(model_folder)
    found = losses(model, items(LABELLED))
    kto = trainer("KTO", model.model, LABELLED, tmp_path, model.tokenizer, loaded(tiny).model)
    theirs = kto.compute_ref_log_probs(model.model, batch_of(kto))
    theirs = (theirs[0] if isinstance(theirs, tuple) else theirs).tolist()
    counts = [len(row["completion_ids"]) for row in kto.train_dataset]
    for loss, count, value in zip(found, counts, theirs, strict=True):
        assert -loss * count == pytest.approx(value, abs=1e-3)


def saved_reward_adapter(base: Path, folder: Path, seed: int = 1) -> Path:
    """A LoRA adapter of a reward model with a random score, as one of TRL's is saved."""
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForSequenceClassification

    torch.manual_seed(seed)
    model = AutoModelForSequenceClassification.from_pretrained(base, num_labels=1, dtype=torch.float32)
    lora = LoraConfig(r=4, target_modules="all-linear", task_type="SEQ_CLS")
    adapted = get_peft_model(model, lora)
    with torch.no_grad():
        for name, weight in adapted.named_parameters():
            if "lora_B" in name or "modules_to_save" in name:
                weight.normal_(std=0.3)
    adapted.save_pretrained(folder)
    return folder


@pytest.mark.parametrize("rows", [TURNS, TEXTS], ids=["turns", "texts"])
def test_scores_are_those_of_the_reward_trainer(tiny: Path, tmp_path: Path, rows: list[dict[str, Any]]) -> None:
    """Texts end with the end token, which is this tokenizer's padding too: the trainer reads the token before it."""
    import torch

    place = saved_reward_adapter(tiny, tmp_path / "checkpoint-1")
    models = Models(str(tiny), None, lambda text: None, scored=True)
    with models.target(_target({"name": "checkpoint-1", "path": str(place)})) as model, torch.inference_mode():
        found = scores(model, items(rows), batch_size=5)
        reward = trainer("Reward", model.model, rows, tmp_path, model.tokenizer)
        left, right = reward.model(**batch_of(reward)).logits.squeeze(-1).chunk(2)
    assert [pair.chosen for pair in found] == pytest.approx(left.tolist(), abs=1e-3)
    assert [pair.rejected for pair in found] == pytest.approx(right.tolist(), abs=1e-3)
    assert len({round(pair.chosen, 4) for pair in found}) == len(found)


def test_order_and_batch_size_change_nothing(tiny: Path) -> None:
    model, judge = loaded(tiny), loaded(tiny, scored=True)
    order = random.Random(0).sample(range(len(TURNS)), len(TURNS))
    for of, score in ((model, log_probabilities), (judge, scores)):
        for rows in (TURNS, TEXTS):
            found = score(of, items(rows))
            assert _numbers(score(of, items(rows), batch_size=1)) == pytest.approx(_numbers(found), abs=1e-5)
            moved = score(of, items([rows[place] for place in order]), batch_size=3)
            assert _numbers(moved) == pytest.approx(_numbers([found[place] for place in order]), abs=1e-5)


def _numbers(pairs: list[Pair]) -> list[float]:
    return [value for pair in pairs for value in (pair.chosen, pair.rejected)]


def test_answers_of_the_same_tokens_are_a_tie_in_any_batch(tiny: Path) -> None:
    same = {"prompt": "Is ice cold?", "chosen": " Yes.", "rejected": " Yes."}
    rows = items([{"prompt": "Two and two?", "chosen": " 4", "rejected": " It is five."}, same])
    for size in (1, 2, 3):
        for of, score in ((loaded(tiny), log_probabilities), (loaded(tiny, scored=True), scores)):
            tie = score(of, rows, batch_size=size)[1]
            assert tie.chosen == tie.rejected


def test_progress_counts_pairs_and_ends_with_all_of_them(tiny: Path) -> None:
    told: list[int] = []
    log_probabilities(loaded(tiny), items(TURNS), batch_size=5, progress=told.append)
    assert told == sorted(told)
    assert told[-1] == len(TURNS)


def config(model: Path, folder: Path, rows: list[Any], benchmark: str, *targets: Any, **more: Any) -> EvaluationConfig:
    place = folder / "held_out.jsonl"
    place.write_text("".join(json.dumps(row) + "\n" for row in rows))
    body = {"benchmark": benchmark, "model": str(model), "rows_file": str(place), "targets": list(targets), **more}
    return EvaluationConfig.model_validate(body)


def test_the_share_is_of_pairs_and_each_is_kept_with_what_it_got(tiny: Path, tmp_path: Path) -> None:
    table, kept = evaluate(config(tiny, tmp_path, TURNS, "preference", BASE))
    (row,) = table.rows
    found = log_probabilities(loaded(tiny), items(TURNS))
    assert [(one["chosen"], one["rejected"]) for one in kept["base"]] == [
        (pair.chosen, pair.rejected) for pair in found
    ]
    assert row.passed == sum(pair.chosen > pair.rejected for pair in found)
    assert row.total == len(TURNS)
    assert kept["base"][0]["expected"] == FACTS[0][1]


def test_verdict_is_a_share_with_an_interval_within_zero_and_one(tiny: Path, tmp_path: Path) -> None:
    table, kept = evaluate(config(tiny, tmp_path, LABELLED, "verdict", BASE))
    (row,) = table.rows
    assert (row.passed, row.total) == (None, None)
    assert 0 <= row.ci[0] <= row.score <= row.ci[1] <= 1
    assert len(kept["base"]) == len(LABELLED)
    told_apart = [{**row, "completion": [said("assistant", "4" if row["label"] else "5 " * 40)]} for row in LABELLED]
    sure, _ = evaluate(config(tiny, tmp_path, told_apart, "verdict", BASE))
    low, high = sure.rows[0].ci
    assert sure.rows[0].score in (0.0, 1.0)
    assert high - low == pytest.approx(0.459, abs=0.001), "6 of 6 counts, not certainty"


def test_a_base_without_a_trained_score_is_a_coin_and_its_checkpoints_are_asked(tiny: Path, tmp_path: Path) -> None:
    """Two checkpoints after each other, and the first again: what one leaves behind would change the next."""
    first = saved_reward_adapter(tiny, tmp_path / "checkpoint-1", seed=1)
    second = saved_reward_adapter(tiny, tmp_path / "checkpoint-2", seed=2)
    targets = [{"name": place.name, "path": str(place), "adapter": True} for place in (first, second)]
    again = {"name": "again-1", "path": str(first)}
    table, kept = evaluate(config(tiny, tmp_path, TURNS, "reward_accuracy", BASE, *targets, again))
    assert (table.rows[0].passed, table.rows[0].score, table.rows[0].ci) == (None, 0.5, (0.5, 0.5))
    assert [row.total for row in table.rows[1:]] == [len(TURNS)] * 3
    assert kept["again-1"] == kept["checkpoint-1"] != kept["checkpoint-2"]
    assert "guessing" in sentence(compare(table, kept))


def test_an_adapter_leaves_the_modules_behind_that_it_replaced(tiny: Path, tmp_path: Path) -> None:
    """PEFT's `unload` puts its own copy of a module in place of the model's."""
    import torch

    place = saved_reward_adapter(tiny, tmp_path / "checkpoint-1")
    models = Models(str(tiny), None, lambda text: None, scored=True)
    with models.target(_target(BASE)) as model:
        before = {name: weight.clone() for name, weight in model.model.state_dict().items()}
    with models.target(_target({"name": "checkpoint-1", "path": str(place)})) as adapted:
        assert not torch.equal(adapted.model.base_model.model.score.weight, before["score.weight"])
    with models.target(_target(BASE)) as model:
        after = model.model.state_dict()
    assert after.keys() == before.keys()
    assert all(torch.equal(after[name], before[name]) for name in before)


def test_a_whole_reward_model_is_asked_also_as_the_base(tiny: Path, tmp_path: Path) -> None:
    import torch
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    torch.manual_seed(0)
    whole = tmp_path / "checkpoint-3"
    AutoModelForSequenceClassification.from_pretrained(tiny, num_labels=1).save_pretrained(whole)
    AutoTokenizer.from_pretrained(tiny).save_pretrained(whole)
    table, _ = evaluate(config(whole, tmp_path, TURNS, "reward_accuracy", BASE))
    assert table.rows[0].total == len(TURNS)
    two = tmp_path / "two"
    AutoModelForSequenceClassification.from_pretrained(tiny, num_labels=2).save_pretrained(two)
    AutoTokenizer.from_pretrained(tiny).save_pretrained(two)
    with pytest.raises(CallError, match="name a reward model with one score"):
        evaluate(config(two, tmp_path, TURNS, "reward_accuracy", BASE))
    with pytest.raises(CallError, match="other has no trained score: name a reward model"):
        evaluate(config(tiny, tmp_path, TURNS, "reward_accuracy", {"name": "other", "path": str(tiny)}))


def test_a_base_with_an_adapter_of_a_language_model_is_a_coin_too(tiny: Path, tmp_path: Path) -> None:
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM

    place = tmp_path / "before"
    lora = LoraConfig(r=2, target_modules=["q_proj"], task_type="CAUSAL_LM")
    get_peft_model(AutoModelForCausalLM.from_pretrained(tiny), lora).save_pretrained(place)
    start = {"name": "base", "path": str(place), "adapter": True, "step": 0}
    table, _ = evaluate(config(tiny, tmp_path, TURNS, "reward_accuracy", start))
    assert (table.rows[0].passed, table.rows[0].score) == (None, 0.5)


def test_close_scores_are_told_apart_in_16_bit(tiny: Path) -> None:
    """Of 400 close scores 60 were equal to another one when the last step too was in 16 bit."""
    import torch
    from transformers import AutoModelForSequenceClassification

    torch.manual_seed(0)
    model = AutoModelForSequenceClassification.from_pretrained(tiny, num_labels=1, dtype=torch.bfloat16).eval()
    exact_score(model)
    model.config.pad_token_id = 2
    with torch.inference_mode():
        found = model(input_ids=torch.randint(3, 40000, (400, 6))).logits.flatten()
    assert found.dtype == torch.float32
    assert len(set(found.tolist())) > 390
    assert len(set(found.bfloat16().tolist())) < 350


def test_rewards_score_greedy_answers_of_the_given_length(tiny: Path, tmp_path: Path) -> None:
    source = """
def tokens(completions, completion_ids, level, **_):
    assert all(one[0]["role"] == "assistant" for one in completions)
    return [len(ids) * scale for ids, scale in zip(completion_ids, level)]
REWARDS = [tokens]
"""
    rows = [{"prompt": row["prompt"], "level": number} for number, row in enumerate(TURNS)]
    told = config(tiny, tmp_path, rows, "mean_reward", BASE, rewards=source, max_new_tokens=3)
    table, kept = evaluate(told)
    assert [one["value"] for one in kept["base"]] == [0, 3, 6, 9, 12, 15], "a random model does not end by itself"
    assert (table.rows[0].passed, table.rows[0].score) == (None, 7.5)
    assert all(one["completion"] for one in kept["base"])
    alone = evaluate(told.model_copy(update={"batch_size": 1}))[1]
    assert alone["base"] == kept["base"]


def test_a_run_hands_its_rewards_and_its_start_to_its_evaluation() -> None:
    from tunebook.pipeline.plan import Plan
    from tunebook.pipeline.plan.model import ModelFacts
    from tunebook.pipeline.rewards import RewardCode
    from tunebook.pipeline.scripts import TrainSettings
    from tunebook.pipeline.stages import asked_with, start_of

    def plan(method: str, rewards: Any) -> Plan:
        settings = TrainSettings.model_construct(method=method, rewards=rewards, max_completion_length=64)  # type: ignore[arg-type]
        return Plan.model_construct(settings=settings)

    code = RewardCode(source="REWARDS = [len]", requirements={}, names=["len"], weights=[1.0])
    assert asked_with(plan("grpo", code)) == {
        "rewards": "REWARDS = [len]",
        "max_new_tokens": 64,
    }
    assert asked_with(plan("dpo", None)) == {}
    facts = ModelFacts(path="m", revision=None, fingerprint="f", title="m", max_positions=None)
    assert start_of(facts) == {"path": None, "adapter": False}
    went_on = facts.model_copy(update={"adapter": "/runs/a/checkpoint-9"})
    assert start_of(went_on) == {"path": "/runs/a/checkpoint-9", "adapter": True}


def test_a_model_that_gives_no_number_is_told_of_and_not_compared(model_folder: Path, tmp_path: Path) -> None:
    from tunebook.pipeline.errors import WorkFailed

    broken = tiny_model(model_folder, tmp_path / "broken", broken=True)
    for benchmark, rows in (("preference", TURNS), ("verdict", LABELLED)):
        with pytest.raises(WorkFailed, match=r"base has no finite .* on row 0"):
            evaluate(config(broken, tmp_path, rows, benchmark, BASE))


def test_conversations_need_a_chat_template(model_folder: Path, tmp_path: Path) -> None:
    bare = tiny_model(model_folder, tmp_path / "bare")
    (bare / "chat_template.jinja").unlink(missing_ok=True)
    told = json.loads((bare / "tokenizer_config.json").read_text())
    told.pop("chat_template", None)
    (bare / "tokenizer_config.json").write_text(json.dumps(told))
    for benchmark, rows in (("preference", TURNS), ("verdict", LABELLED), ("reward_accuracy", TURNS)):
        target = BASE if benchmark != "reward_accuracy" else {**BASE, "path": str(_with_score(bare, tmp_path))}
        with pytest.raises(CallError, match="has no chat template"):
            evaluate(config(bare, tmp_path, rows, benchmark, target))


def _with_score(base: Path, folder: Path) -> Path:
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    whole = folder / "scored"
    AutoModelForSequenceClassification.from_pretrained(base, num_labels=1).save_pretrained(whole)
    AutoTokenizer.from_pretrained(base).save_pretrained(whole)
    return whole


def test_a_pair_begins_where_the_first_of_its_answers_does(tiny: Path) -> None:
    """Tokens that merge with the prompt in one answer are counted in both, as the trainer does."""
    rows = [{"prompt": "The answer is 1", "chosen": "2", "rejected": " or more"}]
    (pair,) = Encoder(loaded(tiny).tokenizer, method="dpo").encode(rows)
    assert len({one.trained.index(True) for one in pair}) == 1
