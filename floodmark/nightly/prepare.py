"""Checks a night before its first server starts: setups, backend, gates and host."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from floodmark.compare.inputs import HOST
from floodmark.errors import UsageError
from floodmark.nightly.suite import Suite
from floodmark.plan.planned_run import PlannedRun
from floodmark.results.provenance import host_record
from floodmark.results.record import HostRecord
from floodmark.targets import servers
from floodmark.targets.choose import choose
from floodmark.targets.cpus import allot
from floodmark.targets.launcher import BackendLauncher, Launcher

Plans = Mapping[str, PlannedRun]
"""The planned run of each setup, by its name."""


def plan_setups(suite: Suite, *, bind: tuple[str, int], quick: bool, seed: int) -> Plans:
    """Plan the run of every setup, so that mistakes show now and not at night. Raises UsageError."""
    return {setup.name: setup.planned(bind=bind, quick=quick, seed=seed) for setup in suite.setups}


def make_launcher(plans: Plans, backend_name: str, say: Callable[[str], None]) -> Launcher:
    """The launcher for the backend and the budget that all setups share. Raises UsageError or TargetError."""
    budgets = {planned.scenario.budget for planned in plans.values()}
    if len(budgets) > 1:
        raise UsageError("all setups of a night must have the same budget; set it with --set budget.cpus=N")
    (budget,) = budgets
    backend, reason = choose(backend_name, say)
    if backend.name == "process":
        _must_be_installed(plans)
    return BackendLauncher(backend=backend, why=reason, allotment=allot(budget.cpus, budget.memory))


def _must_be_installed(plans: Plans) -> None:
    for name, planned in plans.items():
        target = planned.target
        assert target is not None
        if target.packages:
            continue
        try:
            reason = servers.missing(target.server)
        except UsageError as error:
            reason = str(error)
        if reason is not None:
            raise UsageError(f"setup {name}: {reason}; {target.server.fix}, or leave it out with --only")


def parse_gates(texts: Sequence[str], suite: Suite) -> dict[str, float]:
    """Parse ``SETUP=RPS`` into the required ceiling of each setup. Raises UsageError."""
    names = [setup.name for setup in suite.setups]
    gates = {}
    for text in texts:
        name, equals, value = text.partition("=")
        try:
            gates[name] = float(value)
        except ValueError:
            equals = ""
        if not equals or name not in names:
            raise UsageError(f"--fail-under {text!r}: must be SETUP=RPS; setups: {', '.join(names)}")
    return gates


def other_host(host: HostRecord) -> list[str]:
    """How this host differs from the one on which a night was started, for people."""
    here = host_record()
    return [
        f"{key}: {getattr(host, key)}, here {getattr(here, key)}"
        for key in HOST
        if getattr(host, key) != getattr(here, key)
    ]
