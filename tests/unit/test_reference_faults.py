"""What the reference skill gets wrong, one by one, and what is made here of the same data, models and jobs."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from rented import NOW, on, options
from scripts import METHODS, script
from shapes import qwen

from examples.method_data import method_data
from tunebook.pipeline.data.inspection import inspect_data
from tunebook.pipeline.data.mapping import compiled
from tunebook.pipeline.data.report import Inspection
from tunebook.pipeline.evaluation.statistics import mcnemar, proportion_interval
from tunebook.pipeline.hardware.catalogue import SNAPSHOT
from tunebook.pipeline.hardware.memory import make_ask
from tunebook.pipeline.hardware.oracle import oracle

GSM8K = {"question": "Two and three more, how many?", "answer": "2 + 3 = <<2+3=5>>5\n#### 5"}
SHAREGPT = {"conversations": [{"from": "human", "value": "Hello?"}, {"from": "gpt", "value": "Hello!"}]}
PAIR = [{"role": "user", "content": "Is 4 even?"}]


def inspected(folder: Path, *rows: dict[str, Any], method: str | None = None) -> Inspection:
    path = folder / "rows.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return inspect_data(str(path), method=method)


def many(row: dict[str, Any]) -> list[dict[str, Any]]:
    return [row | {"n": number} for number in range(30)]


def test_rows_beyond_the_fifth_are_read(tmp_path: Path) -> None:
    rows = many({"prompt": "Say hello", "completion": "Hello!"})
    rows[20] = {"prompt": "Say hello", "completion": "", "n": 20}
    found = inspected(tmp_path, *rows).report.findings
    assert [20] in [one.examples for one in found]


def test_the_mapping_of_prompt_and_response_is_python(tmp_path: Path) -> None:
    fit = inspected(tmp_path, *many({"prompt": "Say hello", "response": "Hello!"})).report.methods["sft"]
    assert fit.status == "mapping" and fit.code
    row = compiled(fit.code)({"prompt": "Say hello", "response": "Hello!"})
    assert row["completion"] in ("Hello!", [{"role": "assistant", "content": "Hello!"}])


def test_chosen_and_rejected_without_a_prompt_are_ready_for_dpo(tmp_path: Path) -> None:
    answers = {name: [*PAIR, {"role": "assistant", "content": name}] for name in ("chosen", "rejected")}
    report = inspected(tmp_path, *[answers] * 30).report
    assert report.methods["dpo"].status == "ready" and report.recommended == "dpo"


def test_the_answers_of_gsm8k_reach_the_reward(tmp_path: Path) -> None:
    fit = inspected(tmp_path, *many(GSM8K), method="grpo").report.methods["grpo"]
    assert fit.status == "mapping" and fit.code
    assert compiled(fit.code)(GSM8K)["answer"] == GSM8K["answer"]


def test_sharegpt_conversations_are_seen(tmp_path: Path) -> None:
    fit = inspected(tmp_path, *many(SHAREGPT)).report.methods["sft"]
    assert fit.status == "mapping" and fit.code
    assert compiled(fit.code)(SHAREGPT)["messages"][-1] == {"role": "assistant", "content": "Hello!"}


@pytest.mark.parametrize(("size", "billions"), [("0.5B", 0.49), ("1.5B", 1.54), ("7B", 7.6)])
def test_a_model_is_as_large_as_its_config_says_and_not_as_its_name(tmp_path: Path, size: str, billions: float) -> None:
    folder = Path(qwen(tmp_path, size)).rename(tmp_path / "Qwen3-70B-of-4B-1.7B")
    found = oracle.estimate(make_ask(model=str(folder), seq=128, tuning="lora"))
    assert (found.parameters - found.trainable) / 1e9 == pytest.approx(billions, rel=0.02)


def test_prices_are_those_of_the_list() -> None:
    shipped = {one["name"]: one for one in json.loads(SNAPSHOT.read_text())["hardware"]}
    hourly = {"t4-small": 0.40, "l4x1": 0.80, "a10g-large": 1.50, "a100-large": 2.50, "h200": 5.00}
    for name, usd in hourly.items():
        assert shipped[name]["unitCostUSD"] * 60 == pytest.approx(usd, rel=0.01), name


@pytest.mark.parametrize("method", METHODS)
def test_no_time_limit_is_zero_or_in_a_unit_that_is_not_known(method: str, kinds: Path, tmp_path: Path) -> None:
    text = script(method, "acme/model", method_data(method, kinds, tmp_path))
    assert re.findall(r'^# timeout = "(.*)"$', text, re.MULTILINE) == ["3600s"]
    assert all(one.timeout_s is None or one.timeout_s >= 900 for one in options("0.5b", now=NOW))


@pytest.mark.parametrize("method", METHODS)
def test_every_argument_is_known_to_the_trl_that_is_pinned(
    method: str, kinds: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`warmup_ratio` is gone, and a GRPO trainer needs rewards: the script's own arguments are given to TRL's classes."""
    import trl

    monkeypatch.setenv("TRACKIO_DIR", str(tmp_path))
    text = script(method, "acme/model", method_data(method, kinds, tmp_path / "data"))
    assert "warmup_ratio" not in text
    names: dict[str, Any] = {"__name__": "train"}
    exec(compile(text, "train.py", "exec"), names)
    seen: dict[str, Any] = {}
    name = next(one for one in names if one.endswith("Trainer") and one != "make_trainer")
    names[name] = names["ByLength"] = names["InSameOrder"] = lambda **given: seen.update(given)
    names["tokenizer"] = lambda: None
    names["make_trainer"](
        [{"label": True}, {"label": False}] if method != "kto" else Rows(),
        None,
        names["common_arguments"](tmp_path, False),
    )
    assert isinstance(seen["args"], getattr(trl, name.replace("Trainer", "Config")))
    assert (method == "grpo") == bool(seen.get("reward_funcs"))


class Rows(list):  # type: ignore[type-arg]
    """As much of a Dataset as the KTO script asks for before its trainer."""

    column_names = ("prompt", "completion", "label")

    def __getitem__(self, name: Any) -> Any:
        return [True, False]

    def __len__(self) -> int:
        return 2

    def shuffle(self, seed: int) -> Rows:
        assert seed == 42
        return self


def test_twenty_eight_gigabytes_do_not_fit_twenty_four() -> None:
    """Full float32 weights of 7B are 28 GiB alone; whatever is said to fit has the memory that it is said to need."""
    found = options("7b")
    assert not on(found, "a10g-large", "full").fits or on(found, "a10g-large", "full").unstarted
    for one in found:
        assert not one.fits or (one.memory and one.memory.high <= one.memory.available)


def test_a_t4_is_not_asked_for_bf16(kinds: Path, tmp_path: Path) -> None:
    """`torch.cuda.is_bf16_supported()` says yes there, by emulation; the script goes by compute capability."""
    text = script("sft", "acme/model", method_data("sft", kinds, tmp_path))
    assert "is_bf16_supported" not in text
    assert "torch.cuda.get_device_capability()[0] >= 8" in text
    assert on(options("0.5b"), "t4-small", "lora").picked.precision == "fp16"  # type: ignore[union-attr]


def test_the_headline_of_the_blog_is_not_separable() -> None:
    """HumanEval 0.306 to 0.342: 50 and 56 of 164 problems. Even if none was lost, p is above 0.03; usual losses are."""
    (_, high), (low, _) = proportion_interval(50, 164), proportion_interval(56, 164)
    assert low < high, "the intervals overlap"
    assert mcnemar(gained=14, lost=8) > 0.2
