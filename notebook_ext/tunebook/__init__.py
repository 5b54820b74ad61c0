"""tunebook: from one instruction to a published fine-tuned model, without leaving the notebook.

The public names are loaded when they are first used, so that importing tunebook costs nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tunebook.version import __version__

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

_PANELS = {
    "FinetunePanel": "finetune_panel",
    "DatasetInspector": "dataset_inspector",
    "HardwarePicker": "hardware_picker",
    "RunMonitor": "run_monitor",
    "CheckpointTable": "checkpoint_table",
}
_FUNCTIONS = (
    "read", "inspect", "memory", "plan", "script", "confirm", "run", "runs", "show", "logs", "metrics", "stop",
    "cancel", "resume", "attach", "evaluate", "compare", "report", "export", "budget", "clean", "doctor",
)  # fmt: skip

__all__ = ["__version__", *_FUNCTIONS, *_PANELS]


def __getattr__(name: str) -> Any:
    from importlib import import_module

    if name in _FUNCTIONS:
        return getattr(import_module("tunebook.functions"), name)
    if name in _PANELS:
        return getattr(import_module(f"tunebook.widgets.{_PANELS[name]}"), name)
    raise AttributeError(f"module 'tunebook' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*__all__, "load_ipython_extension", "unload_ipython_extension"])


def load_ipython_extension(shell: InteractiveShell) -> None:
    """`%load_ext tunebook`: registers the magics and their completion, and imports nothing else."""
    from tunebook.magics import load

    load(shell)


def unload_ipython_extension(shell: InteractiveShell) -> None:
    from tunebook.magics import unload

    unload(shell)
