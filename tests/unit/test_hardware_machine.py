"""What this machine is: cores and memory as a container sees them, GPUs as the driver tells them."""

from __future__ import annotations

import math
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tunebook.pipeline.hardware.machine import (
    Gpu,
    Machine,
    cpu_model,
    cpu_quota,
    memory_limit,
    parse_gpus,
    this_machine,
)

GIB = 2**30


def tree(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


def machine(**changes: object) -> Machine:
    facts = {
        "cpu": "AMD EPYC",
        "cores": 2,
        "usable_cores": 2.0,
        "memory_gib": 24.0,
        "available_gib": 20.0,
        "free_disk_gib": 50.0,
        "gpus": [],
    }
    return Machine.model_validate(facts | changes)


def test_version_2_limits_count_from_the_innermost_group_to_the_outermost(tmp_path: Path) -> None:
    root = tree(
        tmp_path,
        {
            "memory.max": "max\n",
            "box/memory.max": f"{4 * GIB}\n",
            "box/memory.current": f"{3 * GIB}\n",
            "box/memory.stat": f"anon 1\ninactive_file {GIB}\n",
            "box/job/memory.max": f"{8 * GIB}\n",
            "box/job/memory.current": f"{1 * GIB}\n",
            "box/cpu.max": "150000 100000\n",
            "box/job/cpu.max": "max 100000\n",
        },
    )
    assert memory_limit("0::/box/job\n", root) == (4 * GIB, 2 * GIB)
    assert cpu_quota("0::/box/job\n", root) == 1.5


def test_version_1_limits_are_read_beside_its_largest_page_that_means_none(tmp_path: Path) -> None:
    root = tree(
        tmp_path,
        {
            "memory/memory.limit_in_bytes": "9223372036854771712\n",
            "memory/docker/memory.limit_in_bytes": f"{2 * GIB}\n",
            "memory/docker/memory.usage_in_bytes": f"{GIB}\n",
            "memory/docker/memory.stat": f"total_inactive_file {GIB // 2}\n",
            "cpu,cpuacct/docker/cpu.cfs_quota_us": "50000\n",
            "cpu,cpuacct/docker/cpu.cfs_period_us": "100000\n",
            "cpu,cpuacct/cpu.cfs_quota_us": "-1\n",
            "cpu,cpuacct/cpu.cfs_period_us": "100000\n",
        },
    )
    membership = "4:memory:/docker\n2:cpu,cpuacct:/docker\n0::/\n"
    assert memory_limit(membership, root) == (2 * GIB, 1.5 * GIB)
    assert cpu_quota(membership, root) == 0.5


@pytest.mark.parametrize("membership", ["", "0::/\n", "nonsense", "4:memory:/gone\n0::/../..\n"])
def test_without_groups_nothing_is_limited(membership: str, tmp_path: Path) -> None:
    assert memory_limit(membership, tmp_path) == (math.inf, math.inf)
    assert cpu_quota(membership, tmp_path) == math.inf


@given(text=st.text(max_size=200))
def test_no_text_breaks_the_readers(text: str) -> None:
    assert memory_limit(text, Path("/nowhere")) == (math.inf, math.inf)
    assert all(gpu.memory_gib < math.inf for gpu in parse_gpus(text))
    assert cpu_model(text) == cpu_model(text).strip()


def test_the_processors_name_is_its_model() -> None:
    assert cpu_model("processor\t: 0\nmodel\t\t: 1\nmodel name\t: AMD  EPYC 7B13\n") == "AMD EPYC 7B13"
    assert cpu_model("processor : 0\nBogoMIPS : 50\n") == ""


def test_gpus_are_read_from_the_drivers_lines() -> None:
    lines = (
        "NVIDIA GeForce RTX 4080, 16376, 15800, 8.9\nTesla K80, 11441, 11000, [N/A]\nGPU is lost, [N/A], [N/A], 7.0\n"
    )
    found = parse_gpus(lines)
    assert [(gpu.name, gpu.compute_capability) for gpu in found] == [
        ("NVIDIA GeForce RTX 4080", "8.9"),
        ("Tesla K80", ""),
    ]
    assert [gpu.capability for gpu in found] == [(8, 9), None]
    assert found[0].memory_gib == pytest.approx(16376 / 1024, abs=0.01)


def test_the_id_is_of_the_hardware_and_not_of_the_moment() -> None:
    card = Gpu(name="A10G", memory_gib=22.5, free_gib=20, compute_capability="8.6")
    assert machine().id == machine(available_gib=1.0, free_disk_gib=1.0).id
    assert machine(gpus=[card]).id == machine(gpus=[card.model_copy(update={"free_gib": 1})]).id
    different = [machine(), machine(cpu="other"), machine(cores=4), machine(memory_gib=48), machine(gpus=[card])]
    assert len({one.id for one in different}) == len(different)


def test_this_machine_is_told_as_it_is() -> None:
    here = this_machine()
    assert 0 < here.available_gib <= here.memory_gib <= psutil.virtual_memory().total / GIB + 0.01
    assert 0 < here.usable_cores <= (psutil.cpu_count() or 1)
    assert here.id == this_machine().id
    assert here.cpu in here.sentence()


def test_looking_at_the_machine_imports_nothing_heavy() -> None:
    code = (
        "import sys; from tunebook.pipeline.hardware import job, local, machine, measure; machine.this_machine(); "
        "print([name for name in ('torch', 'transformers', 'datasets', 'trl', 'peft') if name in sys.modules])"
    )
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "[]"
