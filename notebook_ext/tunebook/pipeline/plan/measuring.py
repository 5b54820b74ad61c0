"""What this machine is measured with for a plan: a few real steps of this model, with batches shaped like this data."""

from __future__ import annotations

from itertools import accumulate

from tunebook.pipeline.data.report import Inspection
from tunebook.pipeline.hardware.attention import plain_on_a_cpu
from tunebook.pipeline.hardware.batches import interpolate
from tunebook.pipeline.hardware.machine import this_machine
from tunebook.pipeline.hardware.probe import ProbeConfig, ProbeResult, probe_key, read_probe, write_probe
from tunebook.pipeline.home import home
from tunebook.pipeline.plan.decide import decide, device_batch, held_out_share, training_rows
from tunebook.pipeline.plan.looking import Watched, work_for
from tunebook.pipeline.plan.model import Decision, ModelFacts
from tunebook.pipeline.spec import Spec

SAMPLED_LENGTHS = 256


def probe_for(
    spec: Spec, model: ModelFacts, inspection: Inspection, cut: Decision | None, watched: Watched | None = None
) -> ProbeResult:
    """A few real training steps of this model on this machine, with batches shaped like this data."""
    rows = training_rows(spec, inspection, held_out_share(spec, inspection))
    draft = decide(spec, inspection, model, "lora", "", cut)
    batch, accumulation = device_batch(draft.spec["batch_size"], spec.device_batch_size)
    lengths = sampled_lengths(inspection, rows)
    counts = inspection.report.tokens
    assert counts is not None
    method = draft.spec["method"]
    plain = not this_machine().gpus and plain_on_a_cpu(method, draft.spec["max_length"])
    more = {"cpu_bf16": this_machine().cpu_bf16, "plain_attention": plain}
    if method == "grpo":
        more |= {name: draft.spec[name] for name in ("num_generations", "max_completion_length")}
    asked = ProbeConfig(
        method=method,
        model=model.path,
        model_revision=model.revision,
        batch_size=batch,
        accumulation=accumulation,
        lengths=lengths,
        longest=counts.max,
        max_length=draft.spec["max_length"],
        trained_share=trained_share(inspection),
        lora_rank=draft.spec.get("lora_rank", 16),
        **more,
    )

    def key(tunings: list[str]) -> str:
        return probe_key(
            model.fingerprint,
            batch_size=batch,
            accumulation=accumulation,
            longest=min(counts.max, draft.spec["max_length"]),
            mean_length=sum(lengths) / len(lengths),
            lora_rank=asked.lora_rank,
            tunings=tunings,
            machine_id=this_machine().id,
            arguments={"method": method, **more},
        )

    folder = home() / "probes"
    known = read_probe(folder, key(asked.tunings))  # all of them may have been measured for an earlier plan
    if known is None and spec.tuning in asked.tunings:
        # Steps of a tuning that nobody wants are time that nobody wants to wait for.
        others = [name for name in asked.tunings if name != spec.tuning]
        asked = asked.model_copy(update={"tunings": [spec.tuning], "sized": others})
        known = read_probe(folder, key(asked.tunings))
    if known is None:
        text = "Measuring a few real steps on this machine"
        body = work_for("probe", asked.model_dump(mode="json"), text, "plan", "the measurement", watched)
        known = ProbeResult.model_validate(body)
        write_probe(folder, key(asked.tunings), known)
    return known


def evaluation_seconds(probe: ProbeResult, answers: int) -> float:
    """A forecast of the evaluation: each answer costs about one forward pass over its row, and the libraries' start."""
    measured = next((one for one in probe.tunings if one.heldout_row_seconds), None)
    if measured is None:
        return 0.0
    return (measured.start_seconds or 0.0) + answers * (measured.heldout_row_seconds or 0.0)


#: Seconds a million weights take from a checkpoint to a certified Q4_K_M file: 0.15 were seen on 2 cores with 135M.
EXPORT_SECONDS_A_MILLION = 0.15


def export_seconds(probe: ProbeResult) -> float:
    """A forecast of the export, by the model's size."""
    measured = next((one for one in probe.tunings if one.parameters), None)
    if measured is None:
        return 0.0
    return (measured.start_seconds or 0.0) + (measured.parameters or 0) / 1e6 * EXPORT_SECONDS_A_MILLION


def sampled_lengths(inspection: Inspection, rows: int) -> list[int]:
    """Token lengths spread like the data's: at most SAMPLED_LENGTHS of them, the shortest first.

    The inspection knows how many rows are at most so long: at the edges of its histogram's bins, and at limits that lie
    where the rows do, which tells the short ones apart where a few are very long.
    """
    preview, counts = inspection.preview, inspection.report.tokens
    assert counts is not None
    histogram = preview.histogram if preview else None
    total = sum(histogram["counts"]) if histogram else 0
    if preview is None or not histogram or not total:
        return [counts.p50]
    edges = histogram["edges"]
    within = dict(zip((edge - 1 for edge in edges[1:]), accumulate(histogram["counts"]), strict=True))
    within |= {effect.max_length: max(0, total - effect.cut) for effect in preview.lengths}
    known = [(edges[0] - 1, 0), *sorted((length, number) for length, number in within.items() if length >= edges[0])]
    points = [(number / total, float(min(length, counts.max))) for length, number in known]
    sample = max(1, min(rows, SAMPLED_LENGTHS))
    return [max(1, round(interpolate(points, (number + 0.5) / sample))) for number in range(sample)]


def trained_share(inspection: Inspection) -> float:
    """The share of a row's tokens that the loss counts, from the page of rows that was looked at."""
    rows = inspection.preview.rows if inspection.preview else []
    trained, seen = sum(row.trained for row in rows), sum(row.trained + row.masked for row in rows)
    return trained / seen if seen else 1.0
