"""What all tests share: a home of their own, no network, the real small model, the browser; and no skips in CI."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
MODEL = "SmolLM2-135M-Instruct"

# Set before anything imports the libraries that read them. Processes that the tests start inherit them.
os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"
os.environ["TOKENIZERS_PARALLELISM"] = "false"
os.environ["JUPYTER_PLATFORM_DIRS"] = "1"
os.environ.setdefault("OMP_NUM_THREADS", str(os.cpu_count() or 1))


@pytest.fixture(scope="session", autouse=True)
def _own_caches(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """The person's caches of data sets and of tracked runs stay as they are."""
    with pytest.MonkeyPatch.context() as patch:
        caches = tmp_path_factory.mktemp("caches")
        patch.setenv("HF_HOME", str(caches / "huggingface"))
        patch.setenv("TRACKIO_DIR", str(caches / "trackio"))
        yield


@pytest.fixture(autouse=True)
def tunebook_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty TUNEBOOK_HOME for each test. It is made by whoever first writes to it."""
    home = tmp_path / "tunebook-home"
    monkeypatch.setenv("TUNEBOOK_HOME", str(home))
    return home


@pytest.fixture(scope="session")
def model_folder() -> Path:
    """A real pretrained chat model of 135 million parameters as an ordinary checkpoint folder. Not to be written to."""
    sys.path.insert(0, str(ROOT / "examples"))
    try:
        from prepare_model import prepare
    finally:
        sys.path.pop(0)
    return Path(prepare(ROOT / ".cache" / "models" / MODEL))


@pytest.fixture(scope="session")
def kinds() -> Path:
    """The demo's data, a folder: train.jsonl and test.jsonl, chat rows with checkable answers. Not to be written to."""
    return ROOT / "examples" / "data" / "kinds"


@pytest.fixture(scope="session")
def chromium() -> str:
    """The path of the browser that `make` found; CHROMIUM names another."""
    noted = ROOT / ".cache" / "chromium"
    path = os.environ.get("CHROMIUM") or (noted.read_text().strip() if noted.is_file() else "")
    assert path, "no browser is known: run `make setup`, or set CHROMIUM=/path/to/chromium"
    return path


def _unrun(reporter: pytest.TerminalReporter | None) -> int:
    return sum(len(reporter.stats.get(kind, [])) for kind in ("skipped", "xfailed", "xpassed")) if reporter else 0


def _reporter(config: pytest.Config) -> pytest.TerminalReporter | None:
    found = config.pluginmanager.get_plugin("terminalreporter")
    return found if isinstance(found, pytest.TerminalReporter) else None


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """In CI everything is installed by the project itself, so a test that did not run is a fault of the project."""
    if os.environ.get("CI") == "true" and exitstatus == pytest.ExitCode.OK and _unrun(_reporter(session.config)):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    unrun = _unrun(_reporter(config))
    if os.environ.get("CI") == "true" and unrun:
        terminalreporter.section("skipped in CI", red=True, bold=True)
        terminalreporter.line(f"{unrun} skipped or expected to fail: with CI=true that is a failure.", red=True)
