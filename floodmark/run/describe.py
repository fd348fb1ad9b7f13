"""The record of a run as far as it is known before it starts."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime

from floodmark.hostile import workload as hostile
from floodmark.plan.host_limits import binding_of
from floodmark.plan.planned_run import PlannedRun
from floodmark.plan.scenario import DEFAULT_MAX_USERS
from floodmark.results.provenance import app_hash, config_hash, host_record, software
from floodmark.results.record import (
    EXTERNAL,
    AppFolder,
    Cores,
    LimitRecord,
    MemoryRecord,
    RunRecord,
    ScenarioRecord,
    TargetRecord,
)
from floodmark.search.settings import QUICK
from floodmark.targets.app_copy import app_hash as own_app_hash
from floodmark.targets.launcher import Launcher


def describe(planned: PlannedRun, run_id: str, launcher: Launcher) -> RunRecord:
    """The record of a run that has not started. Its status is ``interrupted`` until the run has ended."""
    scenario = scenario_record(planned)
    quick = planned.search.effort == QUICK
    app = planned.target.app if planned.target is not None else None
    allotment, versions = launcher.allotment, software()
    return RunRecord(
        run_id=run_id,
        started=now(),
        scenario=scenario,
        quick=quick,
        config_hash=config_hash({"scenario": scenario.table, "quick": quick, "backend": launcher.name}),
        seed=planned.seed,
        repeat=planned.repeat,
        backend=launcher.name,
        backend_reason=launcher.why,
        target=_target(planned),
        cores=Cores(
            target=allotment.target_cpus, generator=allotment.generator_cpus, shared_cores=int(allotment.shared)
        ),
        memory=MemoryRecord(budget_bytes=allotment.memory),
        app_hash=app_hash() if app is None else own_app_hash(app),
        app=None if app is None else AppFolder(dir=str(app.dir), home=str(planned.scenario.home.resolve())),
        floodmark=versions.floodmark,
        python=versions.python,
        python_build=versions.python_build,
        packages=versions.packages,
        host=host_record(),
        limits_binding=tuple(
            LimitRecord(limit=binding.limit, allowed=binding.allowed, wanted=binding.wanted, text=binding.text)
            for binding in binding_of(planned, launcher.name)
        ),
    )


def scenario_record(planned: PlannedRun) -> ScenarioRecord:
    """The scenario as in force, with all settings of the server and ``max_users``."""
    scenario = planned.scenario
    return ScenarioRecord(
        name=scenario.name,
        target=scenario.target,
        workload=scenario.workload,
        server=dict(planned.target.settings) if planned.target is not None else dict(scenario.server),
        budget=scenario.budget,
        load=scenario.load,
        search=dataclasses.replace(scenario.search, max_users=scenario.search.max_users or DEFAULT_MAX_USERS),
        slo=scenario.slo,
        app=scenario.app if planned.target is not None and planned.target.app is not None else None,
        packages=scenario.packages,
        hostile=hostile.asked_for() if scenario.workload == hostile.WORKLOAD else None,
    )


def _target(planned: PlannedRun) -> TargetRecord:
    target = planned.target
    if target is None:
        return TargetRecord(server=EXTERNAL, title="a server that was already running")
    return TargetRecord(
        server=target.server.name,
        title=target.server.title,
        declared=dict(target.settings),
        nominal_slots=target.nominal_slots,
        processes=target.server.expected_processes(target.settings),
        connection_cap=target.server.connection_cap(target.settings),
        url=target.base_url,
    )


def now() -> str:
    """The current time, ISO 8601 UTC."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")
