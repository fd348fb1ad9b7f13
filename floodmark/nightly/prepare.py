"""Everything about a night that can be wrong before its first server is started."""

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
"""The run of each setup, by its name."""


def plan_setups(suite: Suite, *, bind: tuple[str, int], quick: bool, seed: int) -> Plans:
    """Resolve every setup, so that nothing is wrong at three in the morning. Raises UsageError."""
    return {setup.name: setup.planned(bind=bind, quick=quick, seed=seed) for setup in suite.setups}


def make_launcher(plans: Plans, backend_name: str, say: Callable[[str], None]) -> Launcher:
    """The backend with the budget that all setups share. Raises UsageError or TargetError."""
    budgets = {planned.scenario.budget for planned in plans.values()}
    if len(budgets) > 1:
        raise UsageError("the setups of a night must have one budget; set one with --set budget.cpus=N")
    (budget,) = budgets
    backend, why = choose(backend_name, say)
    if backend.name == "process":
        _must_be_installed(plans)
    return BackendLauncher(backend=backend, why=why, allotment=allot(budget.cpus, budget.memory))


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
            raise UsageError(f"setup {name}: {reason}; {target.server.mend}, or leave it out with --only")


def parse_gates(texts: Sequence[str], suite: Suite) -> dict[str, float]:
    """The least ceiling of each setup that has one, from ``SETUP=RPS``. Raises UsageError."""
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
    """In what this host differs from the one that a night was begun on."""
    here = host_record()
    return [
        f"{key}: {getattr(host, key)}, here {getattr(here, key)}"
        for key in HOST
        if getattr(host, key) != getattr(here, key)
    ]
