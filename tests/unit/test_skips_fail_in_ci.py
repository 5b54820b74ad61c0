"""A green CI means that every test ran: a skipped one fails it, and only there."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest_plugins = ["pytester"]

CONFTEST = Path(__file__).resolve().parents[1] / "conftest.py"
SKIPPED = "import pytest\ndef test_runs(): pass\n@pytest.mark.skip(reason='no browser')\ndef test_not(): assert 0\n"
EXPECTED = "import pytest\ndef test_runs(): pass\n@pytest.mark.xfail\ndef test_not(): assert 0\n"
MODULE = "import pytest\npytest.importorskip('no_such_module')\ndef test_not(): assert 0\n"
RUNS = "def test_runs(): pass\n"


@pytest.mark.parametrize(
    ("source", "ci", "status"),
    [
        (SKIPPED, "true", pytest.ExitCode.TESTS_FAILED),
        (EXPECTED, "true", pytest.ExitCode.TESTS_FAILED),
        (SKIPPED, "", pytest.ExitCode.OK),
        (RUNS, "true", pytest.ExitCode.OK),
    ],
)
def test_a_skip_fails_only_in_ci(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, source: str, ci: str, status: pytest.ExitCode
) -> None:
    monkeypatch.setenv("CI", ci)
    pytester.makeconftest(CONFTEST.read_text())
    pytester.makepyfile(source)
    result = pytester.runpytest_subprocess()
    assert result.ret == status
    if status:
        result.stdout.fnmatch_lines(["1 skipped or expected to fail: with CI=true that is a failure."])


def test_a_module_that_is_skipped_as_a_whole_counts_too(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CI", "true")
    pytester.makeconftest(CONFTEST.read_text())
    pytester.makepyfile(test_other=RUNS, test_missing=MODULE)
    assert pytester.runpytest_subprocess().ret == pytest.ExitCode.TESTS_FAILED
