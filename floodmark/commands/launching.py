"""What brings the targets of a verb up, as its options say."""

from __future__ import annotations

import argparse

from rich.console import Console

from floodmark.results.record import Budget
from floodmark.targets.choose import choose
from floodmark.targets.cpus import allot
from floodmark.targets.launcher import BackendLauncher


def make_launcher(
    options: argparse.Namespace, console: Console, budget: Budget | None = None, *, outlive: bool = False
) -> BackendLauncher:
    """The backend that was asked for, with a budget or the default one. outlive: targets stay up when this ends.

    Raises UsageError or TargetError.
    """
    wanted = budget or Budget()
    allotment = allot(wanted.cpus, wanted.memory)
    backend, why = choose(options.backend, lambda text: console.print(text, highlight=False), outlive=outlive)
    return BackendLauncher(backend=backend, why=why, allotment=allotment)
