"""``floodmark run``: find where targets saturate."""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.console import Console

from floodmark.commands import arguments, user_app
from floodmark.commands.launching import make_launcher
from floodmark.errors import FloodmarkError, ThresholdMissed, UsageError
from floodmark.plan.host_limits import binding_of
from floodmark.plan.planned_run import PlannedRun, plan_external
from floodmark.protocol.load_settings import Client
from floodmark.report import terminal
from floodmark.report.failure import show_error, show_warning
from floodmark.report.progress import TerminalProgress
from floodmark.report.tables import stdout
from floodmark.results.document import plain
from floodmark.results.repeats import STARTS, write_starts
from floodmark.results.run import read_run, read_summary
from floodmark.run.advice import verify_advice
from floodmark.run.conductor import Conditions, Finished, conduct
from floodmark.targets.cpus import allot
from floodmark.targets.external import RunningExternal
from floodmark.targets.launcher import ExternalLauncher, Launcher
from floodmark.verdict.enums import Model


def add_to(verbs: Any) -> None:
    parser = verbs.add_parser("run", help="find where targets saturate", description=__doc__)
    parser.add_argument("scenarios", nargs="*", metavar="SCENARIO", help="a name from scenarios/, or a TOML file")
    parser.add_argument("--url", help="measure a server that is already running instead")
    parser.add_argument("--pid", type=int, help="with --url: sample this process and its children")
    arguments.add_app(parser)
    arguments.add_target(parser)
    arguments.add_scenario(parser)
    arguments.add_results(parser)
    parser.add_argument(
        "--client", default=Client.STEP, choices=list(Client), help="user class that makes the load (default step)"
    )
    parser.add_argument("--generators", type=int, default=1, metavar="N", help="Locust processes (default 1)")
    parser.add_argument(
        "--fail-under", type=float, metavar="RPS", help="exit 5 if the whole interval of the ceiling is below RPS"
    )
    parser.add_argument(
        "--verify-advice", action="store_true", help="try the advice: one visit to a server with the changed setting"
    )
    parser.add_argument("--json", action="store_true", help="print a single JSON document on stdout")
    parser.set_defaults(execute=execute)


def execute(options: argparse.Namespace, console: Console) -> int:
    plans, conditions = prepare(options, console)
    if options.client != Client.STEP and any(planned.scenario.load.model is Model.OPEN for planned in plans):
        raise UsageError(f"--client {options.client}: only the step client can offer an open load")
    if options.client != Client.STEP and any(planned.scenario.load.close_delay_ms for planned in plans):
        raise UsageError(f"--client {options.client}: only the step client can close late (load.close_delay_ms)")
    finished: list[Finished] = []
    for number, planned in enumerate(plans, 1):
        progress = TerminalProgress(console)
        _announce(console, planned, number, plans, conditions)
        done = conduct(planned, conditions, progress)
        if options.verify_advice:
            verify_advice(done.folder, planned, conditions, progress)
        finished.append(done)
        if not options.json:
            terminal.show(stdout(), read_run(done.folder))
        if done.error is not None:
            show_error(console, done.error)
    starts = [row for row in write_starts(conditions.results) if row.series == conditions.series]
    if options.json:
        document: dict[str, object] = {"runs": [_document(done.folder) for done in finished]}
        if conditions.series is not None:
            document["starts"] = [dataclasses.asdict(row) for row in starts]
        print(json.dumps(document, indent=2))
    elif starts:
        terminal.show_starts(stdout(), starts, conditions.results / STARTS)
    return _exit_code(finished, options.fail_under)


def prepare(options: argparse.Namespace, console: Console) -> tuple[list[PlannedRun], Conditions]:
    """Plan the runs and check everything that can be checked before a start. Raises UsageError or TargetError."""
    arguments.at_least_one(options.repeat, "--repeat")
    arguments.at_least_one(options.generators, "--generators")
    if options.url:
        plans, launcher = _prepare_external(options)
    else:
        plans, launcher = _prepare_own(options, console)
    conditions = Conditions(
        launcher=launcher,
        results=options.results,
        generators=options.generators,
        client=Client(options.client),
        series=_series(options),
    )
    return plans, conditions


def _prepare_own(options: argparse.Namespace, console: Console) -> tuple[list[PlannedRun], Launcher]:
    if options.pid is not None:
        raise UsageError("--pid has an effect only with --url")
    plans = user_app.plans(options)
    if options.client != Client.STEP and any(planned.home is not None for planned in plans):
        raise UsageError(f"--client {options.client} has no effect with your own locustfile")
    budgets = {planned.scenario.budget for planned in plans}
    if len(budgets) > 1:
        raise UsageError(
            "these scenarios have different budgets; run them separately, or set the same with --set budget.cpus=N"
        )
    return plans, make_launcher(options, console, plans[0].scenario.budget)


def _prepare_external(options: argparse.Namespace) -> tuple[list[PlannedRun], Launcher]:
    user_app.forbid(options, "--url")
    if options.scenarios:
        raise UsageError("give scenarios or --url, not both")
    if options.verify_advice:
        raise UsageError("--verify-advice needs a server that floodmark starts; it has no effect with --url")
    if options.backend != "auto":
        raise UsageError("--backend has no effect with --url")
    running = RunningExternal(options.url, options.pid)
    plans = [
        plan_external(
            path=running.path,
            workload=options.workload,
            overrides=options.overrides,
            quick=options.quick,
            repeat=number,
            seed=options.seed,
        )
        for number in range(1, options.repeat + 1)
    ]
    budget = plans[0].scenario.budget
    return plans, ExternalLauncher(running=running, allotment=allot(budget.cpus, budget.memory))


def _announce(
    console: Console, planned: PlannedRun, number: int, plans: list[PlannedRun], conditions: Conditions
) -> None:
    left = sum(p.estimate_s for p in plans[number - 1 :])
    count = f"{number}/{len(plans)} " if len(plans) > 1 else ""
    launcher = conditions.launcher
    console.print(
        f"{count}[bold]{planned.scenario.name}[/bold] / {planned.scenario.workload}: backend {launcher.name} "
        f"({launcher.why}); about {left / 60:.0f} min" + (" in total" if len(plans) > 1 else ""),
        highlight=False,
    )
    for binding in binding_of(planned, conditions.launcher.name):
        show_warning(console, binding.text)


def _document(folder: Path) -> dict[str, object]:
    """A run for ``--json``."""
    run = read_run(folder)
    results = {
        row.metric: {
            "value": row.value,
            "lo": row.lo,
            "hi": row.hi,
            "lo_run": row.lo_run,
            "hi_run": row.hi_run,
            "unit": row.unit,
            "valid": row.valid,
            "reason": row.reason,
        }
        for row in run.results.values()
    }
    return {"run_id": run.run_id, "folder": str(folder), "facts": plain(run.record), "results": results}


def _series(options: argparse.Namespace) -> str | None:
    """A name for the repeats of this command; None without repeats."""
    return f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{os.getpid()}" if options.repeat > 1 else None


def _exit_code(finished: list[Finished], fail_under: float | None) -> int:
    errors: list[FloodmarkError] = [done.error for done in finished if done.error is not None]
    if errors:
        return errors[0].exit_code
    for done in finished:
        results = read_summary(done.folder).results
        ceiling = results.get("ceiling_rps") or results["goodput_rps"]
        if fail_under is not None and ceiling.hi is not None and ceiling.hi < fail_under:
            raise ThresholdMissed(
                f"{done.folder.name}: the ceiling {ceiling.value:.1f}/s [{ceiling.lo:.1f}, {ceiling.hi:.1f}] "
                f"lies below --fail-under {fail_under:g}"
            )
    return 0
