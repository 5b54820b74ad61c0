"""The wheel that travels with a rented job: made from what is at work here, installable, the same each time."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tunebook.pipeline.backends.hf_jobs.wheel import wheel


def test_it_installs_and_brings_the_jobs(tmp_path: Path) -> None:
    made = wheel(tmp_path / "kept")
    assert wheel(tmp_path / "kept") == made, "made once"
    assert wheel(tmp_path / "other").read_bytes() == made.read_bytes(), "the same files give the same bytes"
    site = tmp_path / "site"
    pip = [
        sys.executable,
        "-m",
        "pip",
        "install",
        "--quiet",
        "--no-deps",
        "--no-index",
        "--target",
        str(site),
        str(made),
    ]
    subprocess.run(pip, check=True, capture_output=True)
    code = "import tunebook.pipeline.all_stages as it; print(it.__file__)"
    # -I: neither the working tree nor the environment; what is installed beside it stands for what uv would bring.
    places = [str(site), *(path for path in sys.path if path.endswith("site-packages"))]
    command = f"import sys; sys.path[:0] = {places!r}; {code}"
    done = subprocess.run([sys.executable, "-I", "-S", "-c", command], capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(str(site))
    assert not list((site / "tunebook" / "widgets").glob("static/*")), "a job shows no panels"
