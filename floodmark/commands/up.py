"""``floodmark up NAME`` starts a target and prints its URL; ``floodmark down`` stops all that it started."""

from __future__ import annotations

import argparse
import shutil
from typing import Any

from rich.console import Console

from floodmark.commands import arguments
from floodmark.commands.launching import make_launcher
from floodmark.commands.one_scenario import one_scenario
from floodmark.plan.planned_run import plan_run
from floodmark.protocol.wire import decode
from floodmark.results.document import ensure_folder, write_document
from floodmark.targets import compose, process
from floodmark.targets.compose import ComposeBackend
from floodmark.targets.target import Handle

UP = ".up"
HANDLE = "handle.json"


def add_to(verbs: Any) -> None:
    parser = verbs.add_parser("up", help="start a target by hand", description=__doc__)
    parser.add_argument("name", nargs="?", metavar="NAME", help="a scenario or a target")
    arguments.add_app(parser)
    arguments.add_target(parser)
    arguments.add_scenario(parser)
    arguments.add_results(parser)
    parser.set_defaults(execute=execute_up)
    down = verbs.add_parser("down", help="stop the targets that `up` started", description=__doc__)
    arguments.add_results(down)
    down.set_defaults(execute=execute_down)


def execute_up(options: argparse.Namespace, console: Console) -> int:
    scenario = one_scenario(options)
    bind = arguments.parse_bind(options.bind)
    planned = plan_run(scenario, bind=bind, quick=options.quick, repeat=1, seed=options.seed)
    assert planned.target is not None
    launcher = make_launcher(options, console, scenario.budget, outlive=True)
    folder = options.results / UP / str(bind[1])
    ensure_folder(folder)
    running = launcher.up(planned.target, folder)
    write_document(folder / HANDLE, running.handle())
    console.print(
        f"{planned.target.server.name} is up, backend {launcher.name} ({launcher.why}); floodmark down stops it",
        highlight=False,
    )
    print(running.base_url)
    return 0


def execute_down(options: argparse.Namespace, console: Console) -> int:
    stopped = 0
    for path in sorted((options.results / UP).glob(f"*/{HANDLE}")):
        handle = decode(path.read_bytes(), Handle)
        stop = compose.stop if handle.backend == ComposeBackend.name else process.stop
        stopped += stop(handle)
        shutil.rmtree(path.parent, ignore_errors=True)
    console.print(f"{stopped} target{'s' if stopped != 1 else ''} stopped", highlight=False)
    return 0
