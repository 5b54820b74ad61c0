"""Entry scripts: a few lines that depend on the tunebook wheel, so that no second copy of our code exists."""

from __future__ import annotations

from typing import Literal

Entry = Literal["validate", "probe", "prove", "evaluate", "export", "stages"]

_MODULES: dict[Entry, tuple[str, str]] = {
    "validate": ("tunebook.pipeline.data.job", "Inspect a data set: format, tokens as the trainer sees them, checks."),
    "probe": ("tunebook.pipeline.hardware.job", "Measure a few real training steps on this machine."),
    "prove": (
        "tunebook.pipeline.prove.job",
        "Run a training script in miniature: a tiny clone of its model, a few rows.",
    ),
    "evaluate": ("tunebook.pipeline.evaluation.job", "Score the base and the checkpoints on a benchmark."),
    "export": ("tunebook.pipeline.export.job", "Merge a checkpoint, convert it to GGUF, and let it answer."),
    "stages": ("tunebook.pipeline.all_stages", "Train, evaluate and export, one after the other."),
}

#: What a stage needs beside the package itself; an inspection may look for a benchmark's texts.
_EXTRAS: dict[Entry, str] = {"validate": "[benchmarks]", "export": "[export]"}


def entry_script(entry: Entry) -> str:
    """The script's text. It takes two paths: the configuration to read and the result to write, both JSON."""
    from tunebook.version import __version__

    module, purpose = _MODULES[entry]
    extra = _EXTRAS.get(entry, "")
    return f'''# /// script
# requires-python = ">=3.11"
# dependencies = ["tunebook{extra}=={__version__}"]
# ///
"""{purpose}

Usage: {entry}.py CONFIG.json RESULT.json
"""

import sys

from {module} import main
from tunebook.pipeline.job import run

if __name__ == "__main__":
    sys.exit(run(main))
'''
