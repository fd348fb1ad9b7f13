"""``floodmark concurrency``: compare nominal slots with the requests that are really inside the app at once."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from typing import Any

from rich.console import Console

from floodmark.commands import arguments
from floodmark.commands.launching import make_launcher
from floodmark.concurrency.observe import estimate_s, measure_server
from floodmark.concurrency.row import CONCURRENCY, Burst, ConcurrencyRow
from floodmark.concurrency.text import document, show
from floodmark.plan.planned_run import plan_server
from floodmark.report.failure import show_error
from floodmark.run.survey import Survey
from floodmark.targets import servers
from floodmark.targets.target import Running, Target

CLAIMED: tuple[str, ...] = (
    "flask-single",
    "flask-threaded",
    "flask-processes",
    "gunicorn-sync:workers=4",
    "gunicorn-gthread:workers=1,threads=4",
    "gunicorn-gthread:workers=2,threads=4",
    "gunicorn-gthread:workers=4,threads=4",
    "gunicorn-gevent",
    "uwsgi:workers=2,threads=4",
    "waitress:threads=4",
)
"""Measured if no name is given: the settings that public answers make claims about."""


def add_to(verbs: Any) -> None:
    parser = verbs.add_parser(
        "concurrency", help="nominal slots against requests really in the app", description=__doc__
    )
    parser.add_argument(
        "names",
        nargs="*",
        metavar="NAME",
        help="a server, optionally with settings: gunicorn-gthread:workers=4,threads=4",
    )
    arguments.add_target(parser)
    parser.add_argument("--clients", type=int, default=Burst().clients, metavar="N", help="requests sent at once")
    parser.add_argument(
        "--hold-ms", type=int, default=Burst().hold_ms, metavar="MS", help="how long the app holds each request"
    )
    arguments.add_results(parser)
    parser.add_argument("--json", action="store_true", help="print a single JSON document on stdout")
    parser.set_defaults(execute=execute)


def execute(options: argparse.Namespace, console: Console) -> int:
    burst = Burst(
        clients=arguments.at_least_one(options.clients, "--clients"),
        hold_ms=arguments.at_least_one(options.hold_ms, "--hold-ms"),
    )
    bind = arguments.parse_bind(options.bind)
    targets = [plan_server(name, bind) for name in options.names or default_names()]
    launcher = make_launcher(options, console)
    seconds = sum(estimate_s(target, burst) for target in targets)
    console.print(
        f"backend {launcher.name} ({launcher.why}); {len(targets)} settings, about {seconds:.0f} s", highlight=False
    )
    survey = Survey(file=options.results / CONCURRENCY, kind=ConcurrencyRow, launcher=launcher)

    def begin(number: int, target: Target) -> None:
        left = sum(estimate_s(later, burst) for later in targets[number - 1 :])
        console.print(f"{number}/{len(targets)} {_name(target)}, about {left:.0f} s left", highlight=False)

    def each(target: Target, up: Callable[[Target], Running]) -> None:
        survey.add(measure_server(target, up, burst, lambda text: console.print(f"  {text}", highlight=False)))

    survey.measure(targets, each, begin, lambda error: show_error(console, error))
    if options.json:
        print(json.dumps([document(row) for row in survey.rows], indent=2))
    else:
        show(survey.rows, survey.file)
    return survey.exit_code


def default_names() -> list[str]:
    """CLAIMED, and the default settings of all other servers that can run here."""
    deployable = servers.deployable()
    names = [claimed for claimed in CLAIMED if claimed.partition(":")[0] in deployable]
    included = {name.partition(":")[0] for name in names}
    return names + [name for name in deployable if name not in included]


def _name(target: Target) -> str:
    settings = {k: v for k, v in target.settings.items() if k in {"workers", "threads", "processes", "connections"}}
    return " ".join([target.server.name, *(f"{name}={value}" for name, value in settings.items())])
