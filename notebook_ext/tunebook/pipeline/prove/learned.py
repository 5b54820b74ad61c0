"""The checks of what was learned: a script that cannot teach a clone eight rows teaches nothing."""

from __future__ import annotations

from typing import Any

from tunebook.pipeline.prove.result import ProofCheck
from tunebook.pipeline.prove.sampled import TOOLS
from tunebook.pipeline.prove.script import Script
from tunebook.pipeline.prove.trial import Outcome

EXACT, RIGHT = 0.75, 0.875  # of the rows: answers by heart, and preferences
CONTROL = 0.25  # of the answers may stop by chance where no end was learned


def learned(script: Script, run: Outcome, control: Outcome | None, log: str) -> list[ProofCheck]:
    """The method's own checks, of a run at a rate at which the clone learns."""
    if script.method == "grpo":
        return [_varies(run)]
    if run.exit_code != 0:
        from tunebook.pipeline.prove.remedies import failure

        return [_check("overfits", False, f"learning failed: {failure(run, log)}")]
    if script.method == "sft":
        return _by_heart(run, control)
    return [_preferences(script, run)]


def _by_heart(run: Outcome, control: Outcome | None) -> list[ProofCheck]:
    losses = [float(one["loss"]) for one in run.logs if "loss" in one]
    if not losses:
        return [_check("overfits", False, "no loss was logged")]
    fall = f"loss {losses[0]:.2f} to {losses[-1]:.3f} in {run.steps} steps"
    fall += _ended(run)
    rows = run.answers
    if not rows:
        falls = losses[-1] < losses[0] / 2
        return [_check("overfits", falls, f"{fall}; the rows have no answer that could be asked for")]
    exact, stops = sum(one.exact for one in rows), sum(one.stopped for one in rows)
    wrong = next((one for one in rows if not one.exact), None)
    miss = f"; {wrong.said[:40]!r} in place of {wrong.wanted[:40]!r}" if wrong else ""
    good = losses[-1] < losses[0] / 2 and exact >= EXACT * len(rows)
    checks = [
        _check("overfits", good, f"{fall}; {exact} of {len(rows)} answers exact{miss}"),
        _check(
            "stops",
            stops == len(rows),
            f"{stops} of {len(rows)} answers stop at the end token"
            + ("" if stops == len(rows) else ": is it learned, and does the template end answers with it?"),
        ),
    ]
    if control is not None:
        theirs = sum(one.stopped for one in control.answers)
        few = bool(control.answers) and theirs <= CONTROL * len(control.answers)
        text = f"with no end token to learn {theirs} of {len(control.answers)} stop"
        if control.exit_code != 0:
            text = f"the control failed: {control.error or f'exit {control.exit_code}'}"
        checks.append(_check("stops-control", few, text + ("" if few else ", so stopping shows nothing")))
    return checks


def _preferences(script: Script, run: Outcome) -> ProofCheck:
    """Every batch holds all rows, so that the log's last line says how many of them come out right."""
    names = ("margin", "accuracy") if script.method == "reward" else ("rewards/margins", "rewards/accuracies")
    margins = _series(run.logs, names[0])
    if len(margins) < 2:
        return _check("overfits", False, f"no {names[0]} was logged")
    right = _series(run.logs, names[1])
    text = f"margin {margins[0]:.3f} to {margins[-1]:.3f} in {run.steps} steps{_ended(run)}"
    good = margins[-1] > max(0.0, margins[0])
    if right:
        text += f"; {right[-1]:.0%} of the pairs come out right, {right[0]:.0%} at first"
        good = good and right[-1] >= RIGHT
    return _check("overfits", good, text + ("" if good else ": the chosen answers are not set apart"))


def _ended(run: Outcome) -> str:
    if run.late:
        return " (out of time: where the machine is less busy it gets further)"
    return f" ({run.early})" if run.early else ""


def _varies(run: Outcome) -> ProofCheck:
    """A reward that is the same for every answer of a group teaches nothing."""
    constant = _series(run.logs, "frac_reward_zero_std")
    spread = _series(run.logs, "reward_std")
    if not constant:
        return _check("reward-varies", False, "no frac_reward_zero_std was logged")
    if TOOLS in run.overrides:
        told = (
            "a random clone calls no tool, so what the environment rewards is not seen here; its code ran without fault"
        )
        return _check("reward-varies", True, told)
    share, most = sum(constant) / len(constant), max(spread, default=0.0)
    if min(constant) < 1 and most > 0:
        return _check(
            "reward-varies", True, f"the reward differs within {1 - share:.0%} of the groups, by up to {most:.2g}"
        )
    means = _series(run.logs, "reward")
    if not means:  # TRL leaves out of its log what is no number
        return _check("reward-varies", False, "the reward is NaN or None for every answer: return a number")
    told = f"the reward is {means[-1]:g} for every answer of a group, right or wrong: nothing is learned"
    return _check("reward-varies", False, told)


def _series(logs: list[dict[str, Any]], name: str) -> list[float]:
    return [float(one[name]) for one in logs if name in one]


def _check(check: str, passed: bool, evidence: str) -> ProofCheck:
    return ProofCheck(id=check, passed=passed, evidence=evidence)
