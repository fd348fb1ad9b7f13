"""Searches that a restless host kept from a verdict: skipped, counted, and at most one in a whole test run.

A test run may be several sessions, as `make test` has them. They count together in the file that FLOODMARK_EXCUSES
names: each adds its own, and the one that finds too many fails.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import NoReturn

import pytest
from _pytest.terminal import TerminalReporter

VARIABLE = "FLOODMARK_EXCUSES"
RESTLESS = "restless host: "
MOST = 1


def excuse(figures: str) -> NoReturn:
    """End a test whose search came to no verdict, because of the host by the run's own figures."""
    pytest.skip(RESTLESS + figures)


class Excuses:
    """Counts them over the test run. Under xdist, where the workers' reports come together."""

    def __init__(self) -> None:
        self._here: list[str] = []
        self._all: list[str] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        why = report.longrepr[2] if report.skipped and isinstance(report.longrepr, tuple) else ""
        if RESTLESS in why:
            self._here.append(f"{report.nodeid}: {why.partition(RESTLESS)[2]}")

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        self._all = _added(self._here)
        if len(self._all) > MOST and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: TerminalReporter) -> None:
        if not self._all:
            return
        failed = len(self._all) > MOST
        terminalreporter.section("searches without a verdict on a restless host", red=failed, yellow=not failed)
        for line in self._all:
            terminalreporter.write_line(line)
        terminalreporter.write_line(
            f"{len(self._all)} in this test run; at most {MOST} is excused" + (": FAILED" if failed else "")
        )


def _added(lines: list[str]) -> list[str]:
    """These and what sessions before this one of the same test run wrote."""
    name = os.environ.get(VARIABLE)
    if not name:
        return lines
    path = Path(name)
    with path.open("a", encoding="utf-8") as file:
        file.writelines(f"{line}\n" for line in lines)
    return path.read_text(encoding="utf-8").splitlines()
