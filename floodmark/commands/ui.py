"""``floodmark ui``: Locust's own web UI on a scenario; the target lives as long as the UI."""

from __future__ import annotations

import argparse
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from rich.console import Console

from floodmark.commands import arguments
from floodmark.commands.up import one_scenario
from floodmark.errors import FloodmarkError, TargetError, UsageError
from floodmark.plan import plan_run
from floodmark.run.conductor import pinned
from floodmark.run.locust_process import LocustProcess
from floodmark.targets import ready
from floodmark.targets.choose import choose
from floodmark.targets.cpus import allot

WATCH_S = 0.5


def add_to(verbs: Any) -> None:
    parser = verbs.add_parser("ui", help="Locust's web UI on a scenario", description=__doc__)
    parser.add_argument("name", nargs="?", metavar="SCENARIO", help="a scenario or a target")
    arguments.add_app(parser)
    arguments.add_target(parser)
    arguments.add_scenario(parser)
    parser.add_argument("--web-port", type=int, default=8089, metavar="PORT", help="default 8089")
    parser.set_defaults(execute=execute)


def execute(options: argparse.Namespace, console: Console) -> int:
    if not 0 < options.web_port < 65536:
        raise UsageError(f"--web-port {options.web_port}: must be from 1 to 65535")
    scenario = one_scenario(options)
    planned = plan_run(
        scenario, bind=arguments.parse_bind(options.bind), quick=options.quick, repeat=1, seed=options.seed
    )
    assert planned.target is not None
    allotment = allot(scenario.budget.cpus, scenario.budget.memory)
    ready.port_must_be_free("127.0.0.1", options.web_port, option="--web-port")
    backend, why = choose(options.backend, lambda text: console.print(text, highlight=False))
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="floodmark-ui-")))
        stack.enter_context(pinned(allotment.generator_cpus))
        running = backend.up(planned.target, allotment, folder)
        stack.callback(running.down)
        locust = LocustProcess(
            planned.locustfile,
            running.base_url,
            ["--web-host", "127.0.0.1", "--web-port", str(options.web_port), "--ramp", "search"],
            planned.load_settings,
            folder,
            None,
            planned.path,
            marker=planned.marker,
            home=planned.home,
        )
        stack.callback(locust.stop)
        console.print(
            f"{planned.target.server.name} at {running.base_url}, backend {backend.name} ({why})\n"
            f"Locust's web UI: http://127.0.0.1:{options.web_port}  (Ctrl-C stops both)",
            highlight=False,
        )
        while (code := locust.wait(WATCH_S)) is None:
            how = running.ended()
            if how is not None:
                raise TargetError(f"the target ended: {how}")
    if code != 0:
        raise FloodmarkError(f"Locust ended with exit code {code}")
    return 0
