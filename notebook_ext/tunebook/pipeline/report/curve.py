"""The loss, or GRPO's mean reward, as a small PNG, for the report and for notebooks that are read without a kernel."""

from __future__ import annotations

from pathlib import Path

from tunebook.pipeline.watch import Point

TRAINING, HELD_OUT = "#0b6e99", "#c2500e"


def draw_curve(series: dict[str, list[Point]], path: Path) -> bool:
    """Draw training and held-out values against the step, 640 x 260 pixels. False, and no file, without a point."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    # The loss of GRPO says nothing of how it goes; only GRPO has a reward.
    what, title = ("reward", "mean reward") if series.get("train/reward") else ("loss", "loss")
    lines = [("training", f"train/{what}", TRAINING, "-", None), ("held out", f"eval/{what}", HELD_OUT, "--", "o")]
    drawn = {name: [point for point in series.get(name, []) if point.value is not None] for _, name, *_ in lines}
    if not any(drawn.values()):
        return False
    figure = Figure(figsize=(6.4, 2.6), dpi=100, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots()
    for label, name, colour, style, mark in lines:
        points = drawn[name]
        if points:
            steps, values = [point.step for point in points], [point.value or 0.0 for point in points]
            label = f"{label} {values[-1]:.3g}"
            axes.plot(steps, values, style, color=colour, marker=mark, markersize=4, linewidth=1.4, label=label)
    axes.set_xlabel("step")
    axes.set_ylabel(title)
    axes.grid(axis="y", color="#dddddd", linewidth=0.6)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    axes.legend(frameon=False)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, format="png", metadata={"Software": None})
    return True
