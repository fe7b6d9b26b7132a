"""Skipped tests: they are listed at the end, and fail under DEEPCODER_TEST_STRICT unless tests/skips.txt allows them.

A reason begins with the name of what the test needs: ``pytest.skip("pytorch: it is not installed")``.
"""

from __future__ import annotations

import os
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

_LIST = Path(__file__).resolve().parent.parent / "tests" / "skips.txt"


def _allowed() -> set[str]:
    lines = _LIST.read_text(encoding="utf-8").splitlines()
    return {line.split(": ")[0] for line in lines if line.strip() and not line.startswith("#")}


def _strict() -> bool:
    return os.environ.get("DEEPCODER_TEST_STRICT", "") not in {"", "0"}


def _reason(report: Any) -> str:
    found = report.longrepr
    text = found[2] if isinstance(found, tuple) else str(found)
    return text.removeprefix("Skipped: ")


def _refuse(report: Any) -> None:
    """Turn a skip into a failure, where it is one."""
    if not report.skipped or hasattr(report, "wasxfail"):
        return
    reason = _reason(report)
    log = os.environ.get("DEEPCODER_TEST_SKIPS")
    if log:
        with open(log, "a", encoding="utf-8") as lines:
            lines.write(f"SKIPPED {report.nodeid}: needs {reason}\n")
    if _strict() and reason.split(": ")[0] not in _allowed():
        report.outcome = "failed"
        report.longrepr = f"skipped, which DEEPCODER_TEST_STRICT forbids: {reason}\nhint: give this machine what it needs, "
        report.longrepr += "or list it in tests/skips.txt"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Refuse a test's skip."""
    report = yield
    _refuse(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """Refuse a module's skip."""
    report = yield
    _refuse(report)
    return report
