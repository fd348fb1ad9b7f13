"""Starting the command line for real, and proving that it left nothing behind."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from target_apps.serve import ROOT
from testbed.processes import free_port, python_server, slot_server

__all__ = [
    "Command",
    "free_port",
    "only_run",
    "python_server",
    "slot_server",
    "wait_for",
    "words_of",
]

MARK = "FLOODMARK_TEST_MARK"


def wait_for(condition: Callable[[], bool], seconds: float, what: str) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"{what} did not happen within {seconds} s")
        time.sleep(0.05)


def words_of(process: psutil.Process) -> list[str]:
    """Its command line; none once it has ended, which it may do at any moment."""
    with contextlib.suppress(psutil.Error, OSError):
        return process.cmdline()
    return []


@dataclass
class Command:
    """``floodmark ...`` as a child whose whole offspring carries a mark in its environment. cwd: called from there.

    program: what is called instead. leads: a process group of its own, as what is typed into a terminal does.
    """

    words: list[str]
    environment: dict[str, str] = field(default_factory=dict)
    mark: str = field(default_factory=lambda: uuid.uuid4().hex)
    cwd: Path = ROOT
    program: tuple[str, ...] = (sys.executable, "-m", "floodmark")
    leads: bool = False

    def start(self) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [*self.program, *self.words],
            cwd=self.cwd,
            env={**os.environ, "PYTHONPATH": str(ROOT), **self.environment, MARK: self.mark},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            process_group=0 if self.leads else -1,
        )

    def run(self, seconds: float = 180) -> subprocess.CompletedProcess[str]:
        process = self.start()
        try:
            out, err = process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGTERM)
            out, err = process.communicate(timeout=60)
            raise AssertionError(f"floodmark {self.words} took longer than {seconds} s:\n{out}\n{err}") from None
        self.must_have_left_nothing()
        return subprocess.CompletedProcess(self.words, process.returncode, out, err)

    def offspring(self) -> list[psutil.Process]:
        """Every living process that this command started, directly or not."""
        found = []
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error, OSError):
                if process.environ().get(MARK) == self.mark and process.status() != psutil.STATUS_ZOMBIE:
                    found.append(process)
        return found

    def running(self, *words: str) -> list[psutil.Process]:
        """Those of its offspring whose command lines hold all of ``words``."""
        return [process for process in self.offspring() if set(words) <= set(words_of(process))]

    def must_have_left_nothing(self) -> None:
        left = [" ".join(words) for process in self.offspring() if (words := words_of(process))]
        assert left == []


def only_run(results: Path) -> Path:
    """The one run folder below ``results``."""
    (folder,) = (path for path in results.iterdir() if path.is_dir() and not path.name.startswith("."))
    return folder
