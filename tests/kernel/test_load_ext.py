"""`%load_ext tunebook` registers the magics and nothing else."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from kernel.kernel import kernel

#: What a person who only loads the extension must not wait for.
HEAVY = [
    "torch", "transformers", "datasets", "trl", "peft", "trackio", "plotly", "huggingface_hub", "anywidget", "ipywidgets",
    "pandas", "pyarrow", "matplotlib", "numpy", "pydantic", "scipy",
    "tunebook.pipeline.spec", "tunebook.commands", "tunebook.widgets", "tunebook.functions",
]  # fmt: skip


def test_loading_imports_nothing_that_takes_time(tmp_path: Path) -> None:
    code = (
        "import sys, json\nbefore = set(sys.modules)\n%load_ext tunebook\n"
        "print(json.dumps(sorted(set(sys.modules) - before)))"
    )
    with kernel(tmp_path, load=False) as one:
        new = json.loads(one.run(code).stdout)
    assert [name for name in HEAVY if name in new] == []
    # A fixed small number, whatever they are: each module costs a millisecond or more.
    assert len([name for name in new if name.startswith("tunebook")]) <= 6, new


def test_loading_twice_registers_once_and_unloading_takes_all_away(tmp_path: Path) -> None:
    state = (
        "ip = get_ipython()\n"
        "print([(kind, 'finetune' in ip.magics_manager.magics[kind]) for kind in ('line', 'cell')],"
        " [m.__name__ for m in ip.Completer.custom_matchers])"
    )
    with kernel(tmp_path) as one:
        one.run("%load_ext tunebook\n%reload_ext tunebook")
        loaded = one.run(state).stdout
        one.run("%unload_ext tunebook")
        unloaded = one.run(state).stdout
        again = one.run("%load_ext tunebook\n%finetune runs")
    assert loaded.strip() == "[('line', True), ('cell', True)] ['complete_finetune']"
    assert unloaded.strip() == "[('line', False), ('cell', False)] []"
    assert not again.failed


@pytest.mark.parametrize(
    ("code", "wanted"), [("%%finetune --", "--max-steps"), ("%%finetune --tuning ", "lora"), ("%finetune sh", "show")]
)
def test_tab_completes_through_the_kernel(tmp_path: Path, code: str, wanted: str) -> None:
    with kernel(tmp_path) as one:
        reply = one.client.complete(code, len(code), reply=True, timeout=30)["content"]
    assert wanted in reply["matches"]
    assert code[: reply["cursor_start"]] + wanted + code[reply["cursor_end"] :] == code.rsplit(" ", 1)[0] + " " + wanted
