"""What a plan settles, checked against the model: packing, LoRA targets, the learning rate. And K02, which TRL gets right."""

from __future__ import annotations

from pathlib import Path
from random import Random
from typing import Any

import datasets
import pytest
from hypothesis import given
from hypothesis import strategies as st
from unit.data.made import pairs

from tunebook.pipeline.data.checks import Examined, Settings, Skip, Verdict
from tunebook.pipeline.data.checks.ends import padding_does_not_mask_the_end
from tunebook.pipeline.data.checks.settings import (
    adapters_are_there_and_move,
    packed_rows_do_not_see_each_other,
    rate_and_precision_fit,
    with_plan,
)
from tunebook.pipeline.data.inspection import inspect_data
from tunebook.pipeline.data.layout import Layouts
from tunebook.pipeline.data.summary import Summary
from tunebook.widgets.views import data_view


def examined(model: Path | None = None, **more: Any) -> Examined:
    rows = [{"text": str(number)} for number in range(30)]
    return Examined(
        rows=rows,
        mapped=rows,
        numbers=range(30),
        held_out=None,
        columns=[],
        layouts=Layouts([], []),
        method="sft",
        model=str(model) if model else None,
        **more,
    )


def rated(tuning: str, rate: float) -> Verdict:
    return rate_and_precision_fit(examined(settings=Settings(tuning=tuning, learning_rate=rate)))


@pytest.mark.parametrize(
    ("tuning", "rate", "says"),
    [
        ("lora", 2e-5, "is 10 times lower than usual for LoRA, so hardly anything may be learned"),
        ("full", 2e-4, "is 10 times higher than usual for full tuning, so it may unlearn what it knew"),
        ("qlora", 0.05, "is 250 times higher than usual for QLoRA"),
    ],
)
def test_a_rate_that_belongs_to_another_tuning_is_found(tuning: str, rate: float, says: str) -> None:
    (finding,) = rated(tuning, rate).findings
    assert says in finding.message
    assert (finding.severity, finding.rows) == ("warning", 30)


@given(st.floats(0.15, 6))
def test_rates_near_the_usual_one_pass(times: float) -> None:
    assert not rated("lora", 2e-4 * times).findings
    assert not rated("full", 2e-5 * times).findings


def precise(**settings: Any) -> Verdict:
    return rate_and_precision_fit(examined(settings=Settings(**settings)))


def test_bf16_on_a_card_without_it_is_found() -> None:
    (finding,) = precise(bf16=True, card="Tesla T4", capability=(7, 5)).findings
    assert (finding.severity, finding.rows) == ("error", 30)
    assert finding.message == (
        "bf16 is asked for, and Tesla T4 has none: it has compute capability 7.5, and bf16 comes with 8.0"
    )
    (finding,) = precise(bf16=True, card="").findings
    assert finding.message == "bf16 is asked for, and there is no GPU that could train in it"
    rated = precise(bf16=True, card="Tesla T4", capability=[7, 5], tuning="lora", learning_rate=1.0)
    assert [finding.severity for finding in rated.findings] == ["error", "warning"]


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"card": ""}, "without a GPU it trains in float32"),
        (
            {"card": "Tesla T4", "capability": (7, 5)},
            "Tesla T4 has no bf16 (compute capability 7.5), and none is asked for",
        ),
        ({"bf16": True, "card": "NVIDIA L4", "capability": (8, 9)}, "NVIDIA L4 has bf16 (compute capability 8.9)"),
        ({"bf16": True, "capability": (10, 0)}, "the card has bf16 (compute capability 10.0)"),
        (
            {"card": "Some GPU", "tuning": "lora", "learning_rate": 2e-4},
            "a learning rate of 0.0002 is usual for LoRA; the compute capability of Some GPU is not known",
        ),
        (
            {"card": "", "tuning": "lora", "learning_rate": 2e-4},
            "without a GPU it trains in float32; a learning rate of 0.0002 is usual for LoRA",
        ),
    ],
)
def test_a_precision_that_the_card_has_passes(settings: dict[str, Any], says: str) -> None:
    verdict = precise(**settings)
    assert not verdict.findings
    assert verdict.why.startswith(says)


def test_what_a_plan_has_not_said_is_named() -> None:
    for check, what in (
        (packed_rows_do_not_see_each_other, "packed"),
        (adapters_are_there_and_move, "a model"),
        (rate_and_precision_fit, "a tuning and a learning rate"),
    ):
        with pytest.raises(Skip, match=what):
            check(examined())


def test_a_report_takes_the_rate_that_the_plan_has_settled() -> None:
    report = inspect_data(datasets.Dataset.from_list(pairs(Random(0)))).report
    assert {check.id: check.status for check in report.checks}["K10"] == "skipped"
    off = with_plan(report, "sft", Settings(tuning="lora", learning_rate=1e-6))
    assert [finding.id for finding in off.findings] == ["K10"]
    again = with_plan(off, "sft", Settings(tuning="lora", learning_rate=1e-4))
    assert ({check.id: check.status for check in again.checks}["K10"], again.findings) == ("passed", [])


def test_full_tuning_has_no_adapters_that_could_fail(tmp_path: Path) -> None:
    from transformers import MambaConfig

    MambaConfig().save_pretrained(tmp_path)
    verdict = adapters_are_there_and_move(examined(tmp_path))
    report = inspect_data(datasets.Dataset.from_list(pairs(Random(0)))).report
    report = report.model_copy(update={"findings": verdict.findings})
    assert [finding.id for finding in with_plan(report, "sft", Settings(tuning="lora")).findings] == ["K09"]
    assert with_plan(report, "sft", Settings(tuning="full", learning_rate=2e-5)).findings == []


def test_rows_stay_with_their_finding_when_a_plan_adds_one_before_it() -> None:
    rows = pairs(Random(0))
    inspection = inspect_data(datasets.Dataset.from_list([*rows, *rows[:5]]))
    assert [finding.id for finding in inspection.report.findings] == ["K13"]
    report = with_plan(inspection.report, "sft", Settings(tuning="lora", learning_rate=1e-6))
    assert [finding.id for finding in report.findings] == ["K10", "K13"]
    rate, twice = data_view(inspection.model_copy(update={"report": report}))["findings"]
    assert (rate["listed"], rate["key"] in inspection.rows_found) == (3, False)
    assert len(inspection.rows_found[twice["key"]]) == twice["listed"] == twice["rows"] > 3


def test_targets_that_match_no_module_are_found(model_folder: Path) -> None:
    def looked(targets: Any) -> Verdict:
        return adapters_are_there_and_move(examined(model_folder, settings=Settings(lora_targets=targets)))

    for right in ("all-linear", ["q_proj", "v_proj"], ["model.layers.0.self_attn.q_proj"], r".*\.mlp\.\w+_proj"):
        assert not looked(right).findings
    (some,) = looked(["q_proj", "w_pack"]).findings
    assert (some.severity, some.message) == (
        "warning",
        "1 of 2 LoRA targets match no module of the model: not found: w_pack",
    )
    (none,) = looked(["q_porj"]).findings
    assert (none.severity, none.remedy) == ("error", "did you mean q_proj? Else use all-linear")


def test_packed_neighbours_are_measured(model_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def looked(**settings: Any) -> Verdict:
        return packed_rows_do_not_see_each_other(examined(model_folder, settings=Settings(**settings)))

    assert looked(packing=False).why == "rows are not packed"
    assert "FlashAttention" in looked(packing=True, attention="flash_attention_2").why
    measured = looked(packing=True, attention="sdpa")
    assert (measured.why, measured.findings) == (
        "rows are packed; with sdpa attention a changed row changed no neighbour",
        [],
    )
    from transformers import LlamaForCausalLM

    forward = LlamaForCausalLM.forward

    def careless(self: Any, input_ids: Any, position_ids: Any, use_cache: bool) -> Any:
        del position_ids, use_cache  # as a model does that knows nothing of packing
        return forward(self, input_ids=input_ids)

    monkeypatch.setattr(LlamaForCausalLM, "forward", careless)
    (finding,) = looked(packing=True, attention="sdpa").findings
    assert finding.severity == "error"
    assert "see each other" in finding.message


def test_an_architecture_that_cannot_be_made_small_is_skipped(tmp_path: Path) -> None:
    with pytest.raises(Skip, match="a small clone of the model could not be made"):
        packed_rows_do_not_see_each_other(examined(tmp_path, settings=Settings(packing=True)))


def test_an_end_token_that_loses_its_label_in_a_padded_batch_is_found() -> None:
    """TRL's collator keeps it, so the batches are made up here: row 1 has lost the label of its end token."""
    summary = Summary()
    summary.position.extend([0, 1])
    batches = {0: [([5, 6, 2, 2], [-100, 6, 2, -100])], 1: [([5, 6, 2, 2], [-100, 6, -100, -100])]}
    verdict = padding_does_not_mask_the_end(examined(summary=summary, page=batches, ends=frozenset({2})))
    assert [finding.examples for finding in verdict.findings] == [[1]]
