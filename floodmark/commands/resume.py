"""``floodmark resume``: go on with a night after a crash, a kill or a reboot. Finished visits are not made again."""

from __future__ import annotations

import argparse
import dataclasses
from pathlib import Path
from typing import Any

from rich.console import Console

from floodmark.commands.nightly import (
    add_outcome,
    check,
    conclude,
    parse_gates,
    prepare,
    read_settings,
    same_host,
    suite_of,
)
from floodmark.errors import UsageError
from floodmark.nightly.files import read_night
from floodmark.nightly.night import Night


def add_to(verbs: Any) -> None:
    parser = verbs.add_parser("resume", help="go on with a night after a crash or a kill", description=__doc__)
    parser.add_argument("folder", type=Path, metavar="DIR", help="a night's folder: results/nightly/<date>")
    add_outcome(parser)
    parser.set_defaults(execute=execute)


def execute(options: argparse.Namespace, console: Console) -> int:
    facts = read_night(options.folder)
    if facts["status"] == "complete":
        raise UsageError(f"night {options.folder} is complete; floodmark nightly makes a new one")
    moved = same_host(facts)
    if moved:
        raise UsageError(f"night {options.folder} was begun on another host ({'; '.join(moved)}); make a new one")
    found = suite_of(facts["suite"])
    gates = parse_gates(options.fail_under, found)
    bring_up, conditions = prepare(check(found, facts["settings"]), facts["settings"], console)
    night = Night(
        path=options.folder,
        suite=found,
        settings=read_settings(facts["settings"]),
        conditions=dataclasses.replace(conditions, results=options.folder),
        bring_up=bring_up,
        console=console,
    )
    done = len(night.done())
    console.print(f"night {options.folder.name}: {done} of {len(facts['visits'])} visits are done", highlight=False)
    return conclude(night, gates, json_wanted=options.json)
