"""``floodmark hostile``: what a server still serves while idle, slow and aborting clients are there."""

from __future__ import annotations

import argparse
import dataclasses
import json
import tempfile
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from rich.console import Console

from floodmark.commands import arguments
from floodmark.commands.concurrency import parse
from floodmark.errors import FloodmarkError, UsageError
from floodmark.hostile.measure import BASE_S, Conditions, calm, disturbed, undisturbed
from floodmark.hostile.row import HOSTILE, HostileRow, Kind, Word, row
from floodmark.report.failure import show_error
from floodmark.report.tables import stdout, table
from floodmark.results.provenance import host_facts, software_facts
from floodmark.results.table import write_table, write_text
from floodmark.run.conductor import now, pinned
from floodmark.targets.choose import choose
from floodmark.targets.cpus import allot
from floodmark.targets.target import Backend, Running, Target
from target_apps import catalog

START_S = 3.0
MEMORY = 512 * 1024**2
COLUMNS = (
    "server",
    "hostile",
    "others are",
    "answered",
    "p50 ms",
    "max ms",
    "without: p50, max",
    "throughput kept",
    "served again s",
    "in app",
    "in kernel",
    "why",
)

Add = Callable[[HostileRow], None]


def add_to(verbs: Any) -> None:
    parser = verbs.add_parser("hostile", help="what slow and hostile clients do to others", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help="a server, or with settings: gunicorn-sync:workers=4")
    arguments.add_target(parser)
    default = Conditions()
    parser.add_argument(
        "--kinds", default=",".join(Kind), metavar="KIND,...", help=f"of hostile clients: {', '.join(Kind)}"
    )
    parser.add_argument(
        "--clients",
        type=int,
        default=default.hostile,
        metavar="N",
        help=f"hostile clients of a kind at once (default {default.hostile}; as many as slots is the telling number)",
    )
    parser.add_argument(
        "--users", type=int, default=default.users, metavar="N", help=f"well-behaved users (default {default.users})"
    )
    parser.add_argument(
        "--seconds", type=float, default=default.window_s, metavar="S", help=f"of each (default {default.window_s:g})"
    )
    arguments.add_results(parser)
    parser.add_argument("--json", action="store_true", help="one JSON document on stdout, nothing else there")
    parser.set_defaults(execute=execute)


def execute(options: argparse.Namespace, console: Console) -> int:
    if options.seconds < 2:
        raise UsageError(f"--seconds {options.seconds:g}: must be at least 2, to tell slow from never")
    conditions = Conditions(
        hostile=arguments.at_least_one(options.clients, "--clients"),
        users=arguments.at_least_one(options.users, "--users"),
        window_s=options.seconds,
    )
    kinds = parse_kinds(options.kinds)
    targets = [parse(name, arguments.parse_bind(options.bind)) for name in options.names or shown()]
    backend, why = choose(options.backend, lambda text: console.print(text, highlight=False))
    each_s = START_S + BASE_S + len(kinds) * conditions.usual_s
    console.print(
        f"backend {backend.name} ({why}); {len(targets)} servers, {len(kinds)} kinds of {conditions.hostile} hostile "
        f"clients, about {each_s * len(targets):.0f} s",
        highlight=False,
    )
    facts = {"started": now(), "backend": backend.name, "host": host_facts(), **software_facts()}
    rows: list[HostileRow] = []

    def add(found: HostileRow) -> None:
        rows.append(found)
        options.results.mkdir(parents=True, exist_ok=True)
        write_table(options.results / HOSTILE, HostileRow, rows)
        write_text((options.results / HOSTILE).with_suffix(".json"), json.dumps(facts, indent=2) + "\n")

    errors: list[FloodmarkError] = []
    for number, target in enumerate(targets, 1):
        left_s = each_s * (len(targets) - number + 1)
        console.print(f"{number}/{len(targets)} {target.server.name}, about {left_s:.0f} s left", highlight=False)
        try:
            _measure(backend, target, kinds, conditions, console, add)
        except FloodmarkError as error:
            if error.exit_code == 130:
                raise
            show_error(console, error)
            errors.append(error)
    if options.json:
        print(json.dumps([dataclasses.asdict(found) for found in rows], indent=2))
    else:
        _show(rows, options.results / HOSTILE)
    return errors[0].exit_code if errors else 0


def shown() -> list[str]:
    """Every server that can run here."""
    return catalog.deployable()


def parse_kinds(text: str) -> list[Kind]:
    """``KIND,...``. Raises UsageError."""
    try:
        kinds = [Kind(word) for word in dict.fromkeys(filter(None, text.split(",")))]
    except ValueError as error:
        raise UsageError(f"--kinds {text!r}: must be of {', '.join(Kind)}") from error
    if not kinds:
        raise UsageError(f"--kinds {text!r}: name at least one of {', '.join(Kind)}")
    return kinds


def _measure(
    backend: Backend, target: Target, kinds: Sequence[Kind], conditions: Conditions, console: Console, add: Add
) -> None:
    allotment = allot(1, MEMORY)
    with tempfile.TemporaryDirectory(prefix="floodmark-hostile-") as folder, pinned(allotment.generator_cpus):
        stack = ExitStack()

        def up() -> Running:
            running = backend.up(target, allotment, Path(folder))
            stack.callback(running.down)
            return running

        with stack:
            running = up()
            base = undisturbed(running, conditions)
            for kind in kinds:
                observation = disturbed(running, kind, conditions)
                found = row(
                    server=target.server.name,
                    version=running.effective.version or "",
                    settings=target.settings,
                    nominal_slots=target.nominal_slots,
                    connection_cap=target.server.connection_cap(target.settings),
                    kind=kind,
                    hostile=conditions.hostile,
                    users=conditions.users,
                    window_s=conditions.window_s,
                    found=observation.service,
                    base=base,
                    again_s=observation.again_s,
                    alive=observation.alive,
                    evidence=observation.evidence,
                )
                add(found)
                console.print(f"  {kind}: others are {say(found)}; {found.note}", highlight=False)
                if kind is not kinds[-1] and not calm(running):
                    console.print("  it does not serve again; started anew", highlight=False)
                    stack.close()
                    running = up()


def say(found: HostileRow) -> str:
    """The word of a row, with its number."""
    match found.word:
        case Word.SLOWED:
            return f"slowed {found.times:.1f}x"
        case Word.UNHARMED | Word.STARVED | Word.DIED:
            return found.word


def _show(rows: Sequence[HostileRow], path: Path) -> None:
    """The table, and the file it stands in."""
    out = stdout()
    shown_table = table(*COLUMNS)
    for found in rows:
        shown_table.add_row(
            found.server,
            f"{found.hostile} {found.kind}",
            say(found),
            f"{found.answered_share:.0%}",
            _ms(found.p50_ms),
            _ms(found.max_ms),
            f"{_ms(found.base_p50_ms)}, {_ms(found.base_max_ms)}",
            f"{found.kept:.0%}",
            "not yet" if found.served_again_s is None else f"{found.served_again_s:.2f}",
            str(found.in_app),
            str(found.in_kernel),
            found.note,
        )
    out.print(shown_table)
    out.print(f"{path}", highlight=False)


def _ms(value: float | None) -> str:
    return "" if value is None else f"{value:.0f}"
