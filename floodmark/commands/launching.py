"""Makes the launcher for the options of a verb."""

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
    """A launcher for the requested backend with a budget, by default Budget().

    With ``outlive``, targets keep running after this process ends. Raises UsageError or TargetError.
    """
    granted = budget or Budget()
    allotment = allot(granted.cpus, granted.memory)
    backend, reason = choose(options.backend, lambda text: console.print(text, highlight=False), outlive=outlive)
    return BackendLauncher(backend=backend, why=reason, allotment=allotment)
