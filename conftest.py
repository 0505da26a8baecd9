"""What every test runs under: profiles of Hypothesis, outside tables, no silent skip."""

from __future__ import annotations

import os
from collections.abc import Generator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# The same examples at every run, and none remembered in the work tree: what fails once fails again.
settings.register_profile(
    "ci", deadline=None, derandomize=True, database=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile("soak", settings.get_profile("ci"), derandomize=False, max_examples=2_000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))


@pytest.fixture
def test_data() -> Path:
    """The folder with outside tables and vectors that MUNIMENT_TEST_DATA names."""
    folder = os.environ.get("MUNIMENT_TEST_DATA")
    if not folder:
        pytest.skip("MUNIMENT_TEST_DATA names no folder with outside tables")
    return Path(folder)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Turn a skip into a failure where MUNIMENT_NO_SKIP is set: there everything needed is there."""
    report = yield
    if report.skipped and os.environ.get("MUNIMENT_NO_SKIP") and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"skipped, and MUNIMENT_NO_SKIP is set: {call.excinfo and call.excinfo.value}"
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """The same for a module that skips itself while it is collected."""
    report = yield
    if report.skipped and os.environ.get("MUNIMENT_NO_SKIP"):
        report.outcome = "failed"
        report.longrepr = f"{collector.nodeid} skipped itself, and MUNIMENT_NO_SKIP is set"
    return report
