"""``floodmark plan``: show what ``run`` would do, in order and with time estimates, without starting anything."""

from __future__ import annotations

import argparse
from typing import Any

from rich.console import Console

from floodmark.commands import arguments, user_app
from floodmark.plan.host_limits import binding_of
from floodmark.report.failure import show_warning
from floodmark.report.tables import stdout, table
from floodmark.search.state import STRETCH_R0
from floodmark.targets.choose import choose


def add_to(verbs: Any) -> None:
    parser = verbs.add_parser("plan", help="show what run would do", description=__doc__)
    parser.add_argument("scenarios", nargs="*", metavar="SCENARIO")
    arguments.add_app(parser)
    arguments.add_target(parser)
    arguments.add_scenario(parser)
    arguments.add_results(parser)
    parser.set_defaults(execute=execute)


def execute(options: argparse.Namespace, console: Console) -> int:
    plans = user_app.plans(options)
    backend = choose("auto", lambda _: None)[0].name if options.backend == "auto" else options.backend
    rendered = table("#", "scenario", "workload", "server", "settings", "slots", "about")
    for number, planned in enumerate(plans, 1):
        target = planned.target
        assert target is not None
        slots = target.nominal_slots
        rendered.add_row(
            str(number),
            planned.scenario.name,
            planned.scenario.workload,
            target.server.name,
            " ".join(f"{name}={value}" for name, value in target.settings.items()),
            "unlimited" if slots is None else str(slots),
            f"{planned.estimate_s:.0f} s",
        )
    out = stdout()
    out.print(rendered)
    for text in dict.fromkeys(binding.text for planned in plans for binding in binding_of(planned, backend)):
        show_warning(out, text)
    minutes = sum(p.estimate_s for p in plans) / 60
    out.print(
        f"{len(plans)} runs, about {minutes:.0f} min; a run takes up to "
        f"{STRETCH_R0:.0f} response times if that is more",
        highlight=False,
    )
    return 0
