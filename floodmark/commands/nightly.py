"""``floodmark nightly``: measure a suite every night and report what changed. ``floodmark resume`` continues one."""

from __future__ import annotations

import argparse
import dataclasses
import random
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console

from floodmark.commands import arguments, night_outcome
from floodmark.errors import UsageError
from floodmark.nightly.files import (
    FOLDER,
    NightRecord,
    NightSettings,
    NightStatus,
    create_night,
    night_folders,
    read_night,
    write_night,
)
from floodmark.nightly.night import JUDGE_S, Night
from floodmark.nightly.order import PlannedVisit, order
from floodmark.nightly.prepare import Plans, make_launcher, parse_gates, plan_setups
from floodmark.nightly.suite import Suite, SuiteDefinition
from floodmark.plan.planned_run import NIGHTLY
from floodmark.plan.scenario import read_toml
from floodmark.report.tables import stdout, table
from floodmark.results.provenance import host_record, software
from floodmark.run.conductor import Conditions
from floodmark.run.describe import now


def add_to(verbs: Any) -> None:
    parser = verbs.add_parser("nightly", help="measure a suite every night and report changes", description=__doc__)
    parser.add_argument("file", nargs="?", type=Path, default=NIGHTLY, help="default scenarios/nightly.toml")
    arguments.add_target(parser)
    parser.add_argument("--rounds", type=int, metavar="K", help="instead of the rounds in the file")
    parser.add_argument("--only", metavar="SETUP,...", help="only these setups, their twins and their references")
    parser.add_argument(
        "--set",
        dest="overrides",
        action="append",
        default=[],
        metavar="SECTION.KEY=VALUE",
        help="change one setting of every setup",
    )
    parser.add_argument("--quick", action="store_true", help="the same searches on a smaller budget")
    parser.add_argument("--seed", type=int, metavar="N", help="seed of the order (default: a new one)")
    parser.add_argument("--no-again", action="store_true", help="do not measure alarms again, so never confirm them")
    arguments.add_results(parser)
    night_outcome.add_to(parser)
    parser.add_argument("--plan", action="store_true", help="show the plan and start nothing")
    parser.set_defaults(execute=execute)


def execute(options: argparse.Namespace, console: Console) -> int:
    definition = SuiteDefinition(
        table=read_toml(options.file),
        where=str(options.file),
        overrides=tuple(options.overrides),
        rounds=options.rounds,
        only=tuple(options.only.split(",")) if options.only else (),
    )
    suite = definition.suite()
    gates = parse_gates(options.fail_under, suite)
    bind = arguments.parse_bind(options.bind)
    seed = options.seed if options.seed is not None else random.SystemRandom().randrange(1_000_000)
    visits = order(suite.setups, suite.rounds, seed)
    plans = plan_setups(suite, bind=bind, quick=options.quick, seed=seed)
    if options.plan:
        _show_plan(suite, visits, plans)
        return 0
    root = options.results / FOLDER
    _mention_unfinished(root, console)
    launcher = make_launcher(plans, options.backend, lambda text: console.print(text, highlight=False))
    path = create_night(root, time.strftime("%Y-%m-%d"))
    versions = software()
    record = NightRecord(
        night=path.name,
        status=NightStatus.RUNNING,
        started=now(),
        suite=definition,
        settings=NightSettings(
            bind=options.bind, quick=options.quick, seed=seed, again=not options.no_again, backend=launcher.name
        ),
        host=host_record(),
        floodmark=versions.floodmark,
        python=versions.python,
        python_build=versions.python_build,
        packages=versions.packages,
        visits=tuple(visits),
    )
    write_night(path, record)
    conditions = Conditions(launcher=launcher, results=path)
    night = Night(path=path, record=record, suite=suite, bind=bind, conditions=conditions, console=console)
    minutes = (night.estimate_s(visits) + JUDGE_S) / 60
    console.print(
        f"night {path.name}: {_count(suite.setups, 'setup')} x {suite.rounds} rounds, {len(visits)} visits, backend "
        f"{launcher.name} ({launcher.why}), seed {seed}; about {minutes:.0f} min, until "
        f"{time.strftime('%H:%M', time.localtime(time.time() + 60 * minutes))}. "
        f"If it is killed, continue with: floodmark resume {path}",
        highlight=False,
        soft_wrap=True,
    )
    return night_outcome.show(night, gates, as_json=options.json)


def _count(things: Sequence[object], name: str) -> str:
    return f"{len(things)} {name}{'s' if len(things) != 1 else ''}"


def _mention_unfinished(root: Path, console: Console) -> None:
    for folder in night_folders(root)[-1:]:
        try:
            unfinished = read_night(folder).status is not NightStatus.COMPLETE
        except UsageError as error:
            console.print(f"[yellow]the last night cannot be read[/yellow]: {error}", highlight=False)
            continue
        if unfinished:
            console.print(
                f"[yellow]night {folder.name} was never finished[/yellow]; continue it with floodmark resume {folder}",
                highlight=False,
            )


def _show_plan(suite: Suite, visits: Sequence[PlannedVisit], plans: Plans) -> None:
    rendered = table("#", "round", "setup", "role", "server", "about")
    roles = {setup.name: setup.role for setup in suite.setups}
    total = JUDGE_S
    for visit in visits:
        planned = plans[visit.setup]
        if visit.round > 1:
            planned = dataclasses.replace(planned, search=dataclasses.replace(planned.search, known_users=2))
        total += planned.estimate_s
        assert planned.target is not None
        rendered.add_row(
            str(visit.number),
            str(visit.round),
            visit.setup,
            roles[visit.setup],
            planned.target.server.name,
            f"{planned.estimate_s:.0f} s",
        )
    out = stdout()
    out.print(rendered)
    out.print(f"{len(visits)} visits, about {total / 60:.0f} min", highlight=False)
