"""The Python halves of the panels. Nothing is imported before it is used: `%load_ext tunebook` stays cheap."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tunebook.widgets.checkpoint_table import CheckpointTable
    from tunebook.widgets.dataset_inspector import DatasetInspector
    from tunebook.widgets.finetune_panel import FinetunePanel
    from tunebook.widgets.hardware_picker import HardwarePicker
    from tunebook.widgets.run_monitor import RunMonitor

__all__ = ["CheckpointTable", "DatasetInspector", "FinetunePanel", "HardwarePicker", "RunMonitor"]

_MODULES = {
    "CheckpointTable": "checkpoint_table",
    "DatasetInspector": "dataset_inspector",
    "FinetunePanel": "finetune_panel",
    "HardwarePicker": "hardware_picker",
    "RunMonitor": "run_monitor",
}


def __getattr__(name: str) -> object:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
