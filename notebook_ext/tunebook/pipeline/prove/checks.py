"""What the runs in miniature show: one check each, with the evidence in a sentence."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

from tunebook.pipeline.prove.labels import tokens
from tunebook.pipeline.prove.learned import learned
from tunebook.pipeline.prove.remedies import failure
from tunebook.pipeline.prove.result import ProofCheck
from tunebook.pipeline.prove.rewards import rewards_tried
from tunebook.pipeline.prove.runs import Runs
from tunebook.pipeline.prove.script import Script
from tunebook.pipeline.prove.trial import Outcome

DIVERGED = 3
SAME_LOSS = 1e-4
SHOWN = 3  # names of tensors


def judged(script: Script, runs: Runs) -> list[ProofCheck]:
    """All checks of a script's method, in the order in which they are worth reading."""
    run = runs.found["run"]
    ran = run.exit_code == 0 and run.trained
    first = [_runs(runs)]
    if not ran:
        return first
    seen = run if script.method == "grpo" else runs.found.get("learn")
    return [
        *first,
        tokens(script, run),
        *(learned(script, seen, runs.found.get("control"), runs.log("learn")) if seen else []),
        *(rewards_tried(script.path, run.rows) if script.method == "grpo" else []),
        _moves(runs),
        _frozen(runs),
        _checkpoint(runs),
        _metrics(runs),
        *([_signal(found, runs)] if (found := runs.found.get("signal")) else []),
    ]


def _runs(runs: Runs) -> ProofCheck:
    run = runs.found["run"]
    times = ", ".join(f"{name} {seconds:g} s" for name, seconds in runs.seconds.items())
    told = f"{runs.clone}; {'; '.join(run.overrides)}" if run.overrides else runs.clone
    if run.exit_code == 0 and run.trained:
        return _check("runs", True, f"{run.steps} steps, exit 0 ({times}); in miniature: {told}")
    if run.exit_code == 0:
        return _check("runs", False, "it ended with exit 0 and trained nothing: call trainer.train() in main()")
    return _check("runs", False, failure(run, runs.log("run")))


def _moves(runs: Runs) -> ProofCheck:
    run = runs.found["run"]
    dead = [*run.stopped_adapters, *run.still]
    if dead or not run.trainable:
        total = run.trainable + len(run.stopped_adapters)
        why = "not trained" if run.stopped_adapters else "the same after as before"
        rate = "is the learning rate 0, or are they left out of the forward pass?"
        return _check("moves", False, f"{len(dead)} of {total} tensors are {why} ({_names(dead)}): {rate}")
    return _check("moves", True, f"all {run.trainable} trainable tensors moved in {run.steps} steps")


def _frozen(runs: Runs) -> ProofCheck:
    run = runs.found["run"]
    if run.changed:
        return _check("frozen", False, f"{len(run.changed)} frozen tensors changed: {_names(run.changed)}")
    if not run.frozen:
        return _check("frozen", True, "no tensor is frozen: every weight is trained")
    return _check("frozen", True, f"all {run.frozen} frozen tensors are the same bit for bit")


def _checkpoint(runs: Runs) -> ProofCheck:
    """Written whole, a half one passed over, and the run that goes on from the middle ends like the one that did not."""
    run, resumed = runs.found["run"], runs.found.get("resume")
    output = runs.output("run")
    made = sorted(path.name for path in output.glob("checkpoint-*"))
    lacking = [name for name in made if not whole(output / name)]
    if not made or lacking:
        problem = (
            f"{_names(lacking)} is not whole: whole.json is missing or tells other sizes" if made else "none is kept"
        )
        return _check("checkpoint", False, f"{problem}; let the script write whole.json last")
    if resumed is None:
        return _check("checkpoint", True, f"{', '.join(made)} whole; going on from one was not tried")
    if resumed.exit_code != 0:
        why = failure(resumed, runs.log("resume"))
        return _check("checkpoint", False, f"started again beside a half-written checkpoint it failed: {why}")
    wanted = made[0]
    if not resumed.resumed_from or Path(resumed.resumed_from).name != wanted:
        went = Path(resumed.resumed_from).name if resumed.resumed_from else "nothing"
        half = ", which is half written," if went == made[-1] else ""
        return _check("checkpoint", False, f"it went on from {went}{half} in place of {wanted}, the newest whole one")
    before, after = _losses(run.logs), _losses(resumed.logs)
    common = [step for step in after if step in before and step > int(wanted.split("-")[1])]
    if not common:
        return _check("checkpoint", False, f"it went on from {wanted} and trained no further step")
    worst = max(common, key=lambda step: abs(after[step] - before[step]))
    off = abs(after[worst] - before[worst])
    told = f"step {worst}: loss {after[worst]:.5f} resumed, {before[worst]:.5f} uninterrupted"
    if not off <= SAME_LOSS * max(1.0, abs(before[worst])):
        return _check("checkpoint", False, f"resumed from {wanted} it goes another way: {told}")
    return _check("checkpoint", True, f"{', '.join(made)} whole; a half-written one passed over; {told}")


def whole(folder: Path) -> bool:
    """Whether whole.json is there and tells the size of every file of weights."""
    try:
        sizes = json.loads((folder / "whole.json").read_text())
        names = {str(file.relative_to(folder)) for file in folder.rglob("*.safetensors")}
        return bool(names) and names <= set(sizes) and all((folder / n).stat().st_size == s for n, s in sizes.items())
    except (OSError, ValueError, AttributeError):
        return False


def _metrics(runs: Runs) -> ProofCheck:
    """The log's lines are whole and finite, and a loss that is no number stops the run with its own exit code."""
    events = runs.events("run")
    values = [event.get("values") or {} for event in events if event.get("event") == "metrics"]
    steps = [one for one in values if "loss" in one]
    if not steps:
        return _check("metrics", False, "no line of metrics with a loss was written to TUNEBOOK_METRICS")
    if any(event.get("event") == "torn" for event in events):
        return _check("metrics", False, "a line of the log is torn: write each with one os.write")
    for name in ("loss", "grad_norm"):
        bad = [number for number, one in enumerate(steps) if not _finite(one.get(name))]
        if bad:
            return _check("metrics", False, f"{name} is {steps[bad[0]].get(name)} in {len(bad)} of {len(steps)} lines")
    told = f"loss {steps[0]['loss']:.3f} to {steps[-1]['loss']:.3f}, grad_norm {steps[-1]['grad_norm']:.3g}"
    broken = runs.found.get("nan")
    if broken is None:
        return _check("metrics", True, f"{len(steps)} lines, all finite ({told})")
    if (code := broken.exit_code) != DIVERGED:
        steps_on = f"went on to step {broken.steps} and " if broken.steps > 2 else ""
        text = f"with a loss that is no number it {steps_on}ended with exit {code} in place of {DIVERGED}"
        return _check("metrics", False, f"{text}: stop where loss or grad_norm is not finite")
    return _check("metrics", True, f"{len(steps)} lines, all finite ({told}); a NaN at step 2 ended it with exit 3")


def _signal(found: Outcome, runs: Runs) -> ProofCheck:
    output = runs.output("signal")
    saved = sorted(path.name for path in output.glob("checkpoint-*") if whole(path))
    code = found.exit_code
    if code is not None and code < 0:
        return _check("signal", False, "SIGTERM ended it at once, and step 2 was lost: handle it, save, then end")
    if found.steps > 3:
        return _check("signal", False, f"it went on to step {found.steps} after a SIGTERM at step 2: stop and save")
    if not saved:
        return _check("signal", False, f"after SIGTERM it ended with exit {code} and left no whole checkpoint")
    return _check("signal", True, f"SIGTERM at step 2: {saved[-1]} whole, then exit {code}")


def _losses(logs: list[dict[str, Any]]) -> dict[int, float]:
    return {int(one["step"]): float(one["loss"]) for one in logs if "loss" in one and "step" in one}


def _finite(value: Any) -> bool:
    return isinstance(value, int | float) and math.isfinite(value)


def _names(names: list[str]) -> str:
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more


def _check(check: str, passed: bool, evidence: str) -> ProofCheck:
    return ProofCheck(id=check, passed=passed, evidence=evidence)
