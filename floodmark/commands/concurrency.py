"""``floodmark concurrency``: nominal slots against requests truly inside the app at once."""

from __future__ import annotations

import argparse
import dataclasses
import json
import math
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console

from floodmark.commands import arguments
from floodmark.concurrency.observe import REPETITIONS, Burst, observe
from floodmark.concurrency.row import CONCURRENCY, ConcurrencyRow, row
from floodmark.errors import FloodmarkError, UsageError
from floodmark.plan.planned_run import plan_run
from floodmark.plan.scenario import from_table
from floodmark.report.failure import show_error
from floodmark.report.tables import stdout, table
from floodmark.results.provenance import host_facts, software_facts
from floodmark.results.table import write_table, write_text
from floodmark.run.conductor import now, pinned
from floodmark.targets.choose import choose
from floodmark.targets.cpus import allot
from floodmark.targets.target import Backend, Target
from target_apps import catalog
from target_apps.server import did_you_mean

VARIANTS: tuple[str, ...] = (
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
"""What is shown without names: the settings that public answers make claims about."""
START_S = 3.0
COLUMNS = (
    "server",
    "settings",
    "slots",
    "in app, max",
    "mean",
    "per process",
    "in server",
    "in kernel",
    "burst s",
    "kept s",
    "ideal s",
    "errors",
    "what it means",
)


def add_to(verbs: Any) -> None:
    parser = verbs.add_parser("concurrency", help="nominal slots against requests truly in flight", description=__doc__)
    parser.add_argument(
        "names", nargs="*", metavar="NAME", help="a server, or with settings: gunicorn-gthread:workers=4,threads=4"
    )
    arguments.add_target(parser)
    parser.add_argument("--clients", type=int, default=Burst().clients, metavar="N", help="requests sent at once")
    parser.add_argument("--hold-ms", type=int, default=Burst().hold_ms, metavar="MS", help="how long the app takes")
    arguments.add_results(parser)
    parser.add_argument("--json", action="store_true", help="one JSON document on stdout, nothing else there")
    parser.set_defaults(execute=execute)


def execute(options: argparse.Namespace, console: Console) -> int:
    burst = Burst(
        clients=arguments.at_least_one(options.clients, "--clients"),
        hold_ms=arguments.at_least_one(options.hold_ms, "--hold-ms"),
    )
    targets = [parse(name, arguments.parse_bind(options.bind)) for name in options.names or shown()]
    backend, why = choose(options.backend, lambda text: console.print(text, highlight=False))
    seconds = sum(estimate_s(target, burst) for target in targets)
    console.print(f"backend {backend.name} ({why}); {len(targets)} settings, about {seconds:.0f} s", highlight=False)
    facts = {"started": now(), "backend": backend.name, "host": host_facts(), **software_facts()}
    rows: list[ConcurrencyRow] = []
    errors: list[FloodmarkError] = []
    for number, target in enumerate(targets, 1):
        left = sum(estimate_s(later, burst) for later in targets[number - 1 :])
        console.print(f"{number}/{len(targets)} {_name(target)}, about {left:.0f} s left", highlight=False)
        try:
            rows.append(_measure(backend, target, burst, console))
        except FloodmarkError as error:
            if error.exit_code == 130:
                raise
            show_error(console, error)
            errors.append(error)
        if rows:
            options.results.mkdir(parents=True, exist_ok=True)
            write_table(options.results / CONCURRENCY, ConcurrencyRow, rows)
            write_text((options.results / CONCURRENCY).with_suffix(".json"), json.dumps(facts, indent=2) + "\n")
    if options.json:
        print(json.dumps([_document(found) for found in rows], indent=2))
    else:
        _show(rows, options.results / CONCURRENCY)
    return errors[0].exit_code if errors else 0


def shown() -> list[str]:
    """The default settings of every server that can run here, and those that claims are made about."""
    here = catalog.deployable()
    names = [variant for variant in VARIANTS if variant.partition(":")[0] in here]
    said = {name.partition(":")[0] for name in names}
    return names + [name for name in here if name not in said]


def parse(text: str, bind: tuple[str, int]) -> Target:
    """``server`` or ``server:setting=value,...``. Raises UsageError."""
    name, _, settings = text.partition(":")
    if name not in catalog.names():
        raise UsageError(
            f"there is no server {name!r}{did_you_mean(name, catalog.names())}; there are: {', '.join(catalog.names())}"
        )
    pairs = [pair for pair in settings.split(",") if pair]
    if any("=" not in pair for pair in pairs):
        raise UsageError(f"{text!r}: settings must be name=value, such as {name}:workers=4")
    scenario = from_table(
        {"target": name, "workload": "io"}, name=name, where=text, overrides=[f"server.{pair}" for pair in pairs]
    )
    target = plan_run(scenario, bind=bind, quick=False, repeat=1, seed=1).target
    assert target is not None
    return target


def estimate_s(target: Target, burst: Burst) -> float:
    """How long one setting takes, s."""
    slots = min(burst.clients, target.nominal_slots or burst.clients)
    wave_s = math.ceil(burst.clients / slots) * burst.hold_ms / 1000
    return START_S + 2 * wave_s * (1 if wave_s > 3 else REPETITIONS)


def _measure(backend: Backend, target: Target, burst: Burst, console: Console) -> ConcurrencyRow:
    allotment = allot(1, 512 * 1024**2)
    with tempfile.TemporaryDirectory(prefix="floodmark-concurrency-") as folder, pinned(allotment.generator_cpus):
        running = backend.up(target, allotment, Path(folder))
        try:
            observed = observe(running, burst, lambda text: console.print(f"  {text}", highlight=False))
        finally:
            running.down()
        return row(
            server=target.server.name,
            version=running.effective.version or "",
            settings=target.settings,
            nominal_slots=target.nominal_slots,
            clients=burst.clients,
            hold_ms=burst.hold_ms,
            observed=observed,
        )


def _name(target: Target) -> str:
    settings = {k: v for k, v in target.settings.items() if k in {"workers", "threads", "processes", "connections"}}
    return " ".join([target.server.name, *(f"{name}={value}" for name, value in settings.items())])


def _document(found: ConcurrencyRow) -> dict[str, Any]:
    return {**dataclasses.asdict(found), "per_process": [int(n) for n in found.per_process.split()]}


def _show(rows: Sequence[ConcurrencyRow], path: Path) -> None:
    """The table, and the file it stands in."""
    out = stdout()
    shown_table = table(*COLUMNS)
    for found in rows:
        settings = " ".join(s for s in found.settings.split() if s.split("=")[0] in {"workers", "threads", "processes"})
        shown_table.add_row(
            found.server,
            settings,
            "no limit" if found.nominal_slots is None else str(found.nominal_slots),
            str(found.max_inflight),
            f"{found.mean_inflight:.1f}",
            found.per_process if len(found.per_process) <= 24 else f"{found.per_process[:20]} ...",
            str(found.waiting_in_server),
            str(found.waiting_in_kernel),
            f"{found.burst_s:.2f}",
            "" if found.kept_burst_s is None else f"{found.kept_burst_s:.2f}",
            f"{found.ideal_s:.2f}",
            found.errors,
            found.note,
        )
    out.print(shown_table)
    out.print(f"{path}", highlight=False)
