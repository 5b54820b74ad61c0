"""Runs as the panels meet them, made from real journal events: no state here was written by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tunebook.pipeline.data.report import (
    Check,
    Column,
    DataReport,
    Finding,
    Inspection,
    MethodFit,
    Preview,
    PreviewRow,
    TokenCounts,
    TokenSpan,
)
from tunebook.pipeline.evaluation.scores import ComparedCheckpoint, Comparison, VsBase
from tunebook.pipeline.hardware.options import Band, Memory, Option
from tunebook.pipeline.instruction import read
from tunebook.pipeline.journal import fold
from tunebook.pipeline.journal.store import Event
from tunebook.pipeline.plan.model import Chosen, Decision, ModelFacts, Plan
from tunebook.pipeline.watch import Point, Progress
from tunebook.widgets.facts import Facts, seconds_of_preparation

RUN = "kinds-1123-abcdef"
PLAN = "a" * 64
INSTRUCTION = "Fine-tune HuggingFaceTB/SmolLM2-135M-Instruct on data/kinds\nmax_steps: 12"
HOSTILE = '</script><img src=x onerror="alert(1)">\x1b[31m\u202e$(rm -rf ~) {{x}} ' + "long " * 2000

#: Events of a run that succeeds, in order; tests cut them where they need to.
STORY: list[tuple[str, dict[str, Any]]] = [
    ("created", {"instruction": INSTRUCTION, "spec": read(INSTRUCTION).spec, "spec_hash": "s", "auto_confirm": False}),
    ("preparing", {"stage": "data", "job": "/nowhere", "text": "Reading data/kinds"}),
    ("preparing", {"stage": "plan", "job": "/nowhere", "text": "Measuring a few real steps on this machine"}),
    ("planned", {"plan_id": PLAN, "max_usd": 0.0}),
    ("confirmed", {"plan_id": PLAN, "max_usd": 0.0, "by": "notebook"}),
    ("stage", {"stage": "train"}),
    ("submitting", {"n": 1, "stage": "train", "backend": "local", "timeout_s": 600}),
    ("attempt", {"n": 1, "stage": "train", "state": "running", "job_id": "j"}),
    ("attempt", {"n": 1, "stage": "train", "state": "succeeded", "usd": 0.0}),
    ("stage_done", {"stage": "train", "seconds": 30.0}),
    ("stage", {"stage": "evaluate"}),
    ("stage_done", {"stage": "evaluate", "seconds": 12.0}),
    ("stage", {"stage": "export"}),
    ("stage_done", {"stage": "export", "seconds": 9.0}),
    ("succeeded", {}),
]


def until(kind: str, *more: tuple[str, dict[str, Any]], stage: str | None = None, max_usd: float = 0.0) -> list[Event]:
    """The story up to and with the first event of this kind (and stage), then `more`; two seconds an event."""
    told: list[tuple[str, dict[str, Any]]] = []
    for name, data in STORY:
        told.append((name, data | ({"max_usd": max_usd} if "max_usd" in data else {})))
        if name == kind and stage in (None, data.get("stage")):
            break
    else:
        raise AssertionError(f"{kind} is not in the story")
    return [
        Event(seq=at, run_id=RUN, time=1000.0 + 2 * at, kind=name, data=data)
        for at, (name, data) in enumerate([*told, *more], 1)
    ]


def facts(events: list[Event], **known: Any) -> Facts:
    """Facts of a run with these events."""
    run = fold(events)
    known.setdefault("plan", plan() if run.plan_id else None)
    known.setdefault("inspection", known["plan"].inspection if known["plan"] else None)
    known.setdefault("reading", read(run.instruction))
    known.setdefault("now", events[-1].time + 1)
    known.setdefault("prepared", seconds_of_preparation(events, run, known["now"]))
    return Facts(run=run, **known)


def training(steps: int = 6, of: int = 12) -> dict[str, Any]:
    """What is known while it trains: losses of every step, one held-out loss at the last."""
    points = [Point(step, 3.0 - 0.1 * step, 1010.0 + step) for step in range(1, steps + 1)]
    return {
        "series": {"train/loss": points, "eval/loss": [Point(steps, 2.9, 1010.0 + steps)]},
        "step": steps,
        "max_steps": of,
        "eta_s": float(of - steps),
        "progress": Progress(),
    }


def score(target: str, step: int, passed: int, total: int = 16) -> dict[str, Any]:
    """The event of one scored target, as the evaluation's job says it."""
    row = {"target": target, "passed": passed, "total": total, "score": passed / total, "ci": [0.0, 1.0]}
    return {"event": "score", "row": row, "step": step, "metric": "exact match", "higher_is_better": True}


def inspection(text: str = "What kind of thing is this? a bird", rows: int = 3) -> Inspection:
    spans = [TokenSpan(text=word, role="masked") for word in text.split(" ")[:400]] + [
        TokenSpan(text="animal", role="trained")
    ]
    return Inspection(
        report=DataReport(
            dataset="data/kinds",
            rows=80,
            columns=[Column(name="prompt", type="list of {role, content}", nulls=0)],
            format="prompt and completion, conversational",
            methods={"sft": MethodFit(status="ready", why="prompt and completion")},
            recommended="sft",
            tokens=TokenCounts(p50=40, p99=60, max=64, total=3000),
            checks=[Check(id="K13", status="found", why="2 rows")],
            findings=[
                Finding(
                    id="K13",
                    severity="warning",
                    rows=2,
                    share=0.02,
                    examples=[1, 2],
                    message="2 rows appear twice",
                    remedy="keep the first of each",
                )
            ],
        ),
        preview=Preview(
            rows=[
                PreviewRow(index=at, raw={"prompt": text}, tokens=spans, trained=1, masked=len(spans) - 1, cut=0)
                for at in range(rows)
            ],
            max_length=64,
            histogram={"edges": [0, 32, 64], "counts": [20, 44]},
        ),
        fingerprint="f",
        train_rows=64,
        eval_rows=16,
        answer_kind="short",
    )


def plan(*, usd: float = 0.0, **changes: Any) -> Plan:
    option = Option(
        backend="local",
        flavor="this machine",
        tuning="lora",
        fits=True,
        memory=Memory(low=1.9, high=2.3, available=20.0, kind="RAM", source="measured on this machine"),
        hours=Band(p50=0.01, p90=0.02),
        usd=Band(p50=usd, p90=usd),
        max_usd=usd,
        why="",
    )
    values: dict[str, Any] = {
        "plan_id": PLAN,
        "spec": {
            "model": "/models/SmolLM2-135M-Instruct",
            "dataset": "data/kinds",
            "method": "sft",
            "tuning": "lora",
            "max_steps": 12,
            "learning_rate": 2e-4,
        },
        "method": "sft",
        "why": "prompt and completion",
        "stages": ["train", "evaluate", "export"],
        "options": [option],
        "chosen": Chosen(backend="local", flavor="this machine", tuning="lora"),
        "max_usd": usd,
        "timeout_s": 600,
        "questions": [],
        "said": {"dataset": "data/kinds"},
        "decisions": [Decision(field="learning_rate", value=2e-4, why="the usual rate for LoRA")],
        "sentence": "LoRA on this machine.",
        "consent": "It runs on this machine and costs nothing.",
        "model": ModelFacts(
            path="/models/SmolLM2-135M-Instruct",
            revision=None,
            fingerprint="m",
            title="SmolLM2-135M-Instruct",
            max_positions=8192,
        ),
        "inspection": inspection(),
        "settings": None,
        "script": "print('train')",
        "benchmark": "exact_match",
        "total_steps": 12,
    }
    return Plan(**(values | changes))


def export(folder: Path) -> dict[str, Any]:
    """What a run's export.json holds, with a file that is there."""
    file = folder / "model-Q4_K_M.gguf"
    file.write_bytes(b"GGUF")
    certificate = {"passed": True, "token_ids_equal": True, "top1_agreement": 0.972, "mean_kl": 0.01}
    gguf = {"file": str(file), "quant": "Q4_K_M", "bytes": 105_454_432, "sha256": "ab" * 32, "certificate": certificate}
    return {
        "export": {"merged": str(folder / "merged"), "gguf": [gguf], "pushed": None},
        "answer": {
            "file": str(file),
            "prompt": "What kind of thing is this? a bird",
            "expected": "animal",
            "answer": "animal",
            "tokens_per_second": 171.0,
        },
        "seconds": 9.0,
    }


COMPARISON = Comparison(
    benchmark="exact_match",
    metric="exact match",
    higher_is_better=True,
    rows=[
        ComparedCheckpoint(checkpoint="base", step=0, passed=1, total=16, score=1 / 16, ci=(0.0, 0.3), vs_base=None),
        ComparedCheckpoint(
            checkpoint="checkpoint-6",
            step=6,
            passed=9,
            total=16,
            score=9 / 16,
            ci=(0.3, 0.8),
            vs_base=VsBase(delta=8, p=0.01),
        ),
        ComparedCheckpoint(
            checkpoint="checkpoint-12",
            step=12,
            passed=10,
            total=16,
            score=10 / 16,
            ci=(0.4, 0.8),
            vs_base=VsBase(delta=9, p=0.004),
        ),
    ],
    best="checkpoint-6",
    separable=True,
)
