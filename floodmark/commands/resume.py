"""``floodmark resume``: continue a night after a crash, a kill or a reboot. Finished visits are not repeated."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from rich.console import Console

from floodmark.commands import arguments, night_outcome
from floodmark.errors import UsageError
from floodmark.nightly.files import NightStatus, read_night
from floodmark.nightly.night import Night
from floodmark.nightly.prepare import make_launcher, other_host, parse_gates, plan_setups
from floodmark.run.conductor import Conditions


def add_to(verbs: Any) -> None:
    parser = verbs.add_parser("resume", help="continue a night after a crash or a kill", description=__doc__)
    parser.add_argument("folder", type=Path, metavar="DIR", help="the folder of a night: results/nightly/<date>")
    night_outcome.add_to(parser)
    parser.set_defaults(execute=execute)


def execute(options: argparse.Namespace, console: Console) -> int:
    record = read_night(options.folder)
    if record.status is NightStatus.COMPLETE:
        raise UsageError(f"night {options.folder} is complete; start a new one with floodmark nightly")
    differences = other_host(record.host)
    if differences:
        raise UsageError(
            f"night {options.folder} was begun on another host ({'; '.join(differences)}); start a new one"
        )
    suite = record.suite.suite()
    gates = parse_gates(options.fail_under, suite)
    settings = record.settings
    bind = arguments.parse_bind(settings.bind)
    plans = plan_setups(suite, bind=bind, quick=settings.quick, seed=settings.seed)
    launcher = make_launcher(plans, settings.backend, lambda text: console.print(text, highlight=False))
    conditions = Conditions(launcher=launcher, results=options.folder)
    night = Night(path=options.folder, record=record, suite=suite, bind=bind, conditions=conditions, console=console)
    done = len(night.done())
    console.print(f"night {options.folder.name}: {done} of {len(record.visits)} visits are done", highlight=False)
    return night_outcome.show(night, gates, as_json=options.json)
