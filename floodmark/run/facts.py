"""What is known of a run before it starts: the first form of run.json."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime
from typing import Any

from floodmark.hostile import workload as hostile
from floodmark.plan.host_limits import as_facts, binding_of
from floodmark.plan.planned_run import PlannedRun
from floodmark.plan.scenario import DEFAULT_MAX_USERS
from floodmark.results.provenance import app_hash, config_hash, host_facts, software_facts
from floodmark.search.settings import QUICK
from floodmark.targets.app_copy import app_hash as own_hash
from floodmark.targets.target import Allotment


def describe(planned: PlannedRun, backend: str, why: str, allotment: Allotment) -> dict[str, Any]:
    """Facts of a run that has not begun. Its status is ``interrupted`` until it is known better."""
    scenario = dataclasses.asdict(planned.scenario)
    home = scenario.pop("home")
    own = planned.target.app if planned.target is not None else None
    if own is None:
        del scenario["app"]
    if planned.target is not None:
        scenario["server"] = dict(planned.target.settings)
    scenario["search"]["max_users"] = planned.scenario.search.max_users or DEFAULT_MAX_USERS
    if planned.scenario.workload == hostile.WORKLOAD:
        scenario["hostile"] = hostile.asked_for()
    config = {"scenario": scenario, "quick": planned.search.effort is QUICK, "backend": backend}
    return {
        "status": "interrupted",
        "started": datetime.now(UTC).isoformat(timespec="milliseconds"),
        "scenario": scenario,
        "quick": planned.search.effort is QUICK,
        "config_hash": config_hash(config),
        "seed": planned.seed,
        "repeat": planned.repeat,
        "backend": backend,
        "backend_reason": why,
        "target": _target(planned),
        "cores": {
            "target": list(allotment.target_cpus),
            "generator": list(allotment.generator_cpus),
            "shared_cores": int(allotment.shared),
        },
        "memory": {"budget_bytes": allotment.memory, "enforced": False},
        "app_hash": app_hash() if own is None else own_hash(own),
        **({} if own is None else {"app": {"dir": str(own.dir), "home": str(home.resolve())}}),
        **software_facts(),
        "host": host_facts(),
        "limits_binding": as_facts(binding_of(planned, backend)),
    }


def _target(planned: PlannedRun) -> dict[str, Any]:
    target = planned.target
    return {
        "server": target.server.name if target else "external",
        "title": target.server.title if target else "a server that was up already",
        "version": None,
        "declared": dict(target.settings) if target else {},
        "effective": {},
        "nominal_slots": target.nominal_slots if target else None,
        "processes": target.server.expected_processes(target.settings) if target else None,
        "connection_cap": target.server.connection_cap(target.settings) if target else None,
        "url": target.base_url if target else None,
    }
