"""``floodmark hostile``: measure what a server still serves to others while hostile clients are connected."""

from __future__ import annotations

import argparse
import dataclasses
import json
from collections.abc import Callable
from typing import Any

from rich.console import Console

from floodmark.commands import arguments
from floodmark.commands.launching import make_launcher
from floodmark.errors import UsageError
from floodmark.hostile.measure import BASE_S, measure_server
from floodmark.hostile.row import HOSTILE, Conditions, HostileRow, Kind
from floodmark.hostile.text import show
from floodmark.plan.planned_run import plan_server
from floodmark.report.failure import show_error
from floodmark.run.survey import Survey
from floodmark.targets import servers
from floodmark.targets.target import Running, Target

START_S = 3.0


def add_to(verbs: Any) -> None:
    parser = verbs.add_parser("hostile", help="what slow and hostile clients do to others", description=__doc__)
    parser.add_argument(
        "names", nargs="*", metavar="NAME", help="a server, optionally with settings: gunicorn-sync:workers=4"
    )
    arguments.add_target(parser)
    default = Conditions()
    parser.add_argument(
        "--kinds", default=",".join(Kind), metavar="KIND,...", help=f"kinds of hostile clients: {', '.join(Kind)}"
    )
    parser.add_argument(
        "--clients",
        type=int,
        default=default.hostile,
        metavar="N",
        help=f"hostile clients of a kind at once (default {default.hostile}; as many as slots tells most)",
    )
    parser.add_argument(
        "--users", type=int, default=default.users, metavar="N", help=f"well-behaved users (default {default.users})"
    )
    parser.add_argument(
        "--seconds",
        type=float,
        default=default.window_s,
        metavar="S",
        help=f"how long each kind is connected (default {default.window_s:g})",
    )
    arguments.add_results(parser)
    parser.add_argument("--json", action="store_true", help="print a single JSON document on stdout")
    parser.set_defaults(execute=execute)


def execute(options: argparse.Namespace, console: Console) -> int:
    if not 2 <= options.seconds <= 3600:
        raise UsageError(
            f"--seconds {options.seconds:g}: must be from 2 to 3600; less cannot tell slow answers from none"
        )
    conditions = Conditions(
        hostile=arguments.at_least_one(options.clients, "--clients"),
        users=arguments.at_least_one(options.users, "--users"),
        window_s=options.seconds,
    )
    kinds = parse_kinds(options.kinds)
    bind = arguments.parse_bind(options.bind)
    targets = [plan_server(name, bind) for name in options.names or servers.deployable()]
    launcher = make_launcher(options, console)
    each_s = START_S + BASE_S + len(kinds) * conditions.usual_s
    console.print(
        f"backend {launcher.name} ({launcher.why}); {len(targets)} servers, {len(kinds)} kinds of "
        f"{conditions.hostile} hostile clients, about {each_s * len(targets):.0f} s",
        highlight=False,
    )
    survey = Survey(file=options.results / HOSTILE, kind=HostileRow, launcher=launcher)

    def begin(number: int, target: Target) -> None:
        left_s = each_s * (len(targets) - number + 1)
        console.print(f"{number}/{len(targets)} {target.server.name}, about {left_s:.0f} s left", highlight=False)

    def each(target: Target, up: Callable[[Target], Running]) -> None:
        say = lambda text: console.print(f"  {text}", highlight=False)  # noqa: E731 - shorter than a function
        measure_server(target, up, kinds, conditions, survey.add, say)

    survey.measure(targets, each, begin, lambda error: show_error(console, error))
    if options.json:
        print(json.dumps([dataclasses.asdict(row) for row in survey.rows], indent=2))
    else:
        show(survey.rows, survey.file)
    return survey.exit_code


def parse_kinds(text: str) -> list[Kind]:
    """Parse ``KIND,...``. Raises UsageError."""
    try:
        kinds = [Kind(word) for word in dict.fromkeys(filter(None, text.split(",")))]
    except ValueError as error:
        raise UsageError(f"--kinds {text!r}: must be some of {', '.join(Kind)}") from error
    if not kinds:
        raise UsageError(f"--kinds {text!r}: name at least one of {', '.join(Kind)}")
    return kinds
