"""``floodmark ui``: run Locust's web UI on a scenario. The target runs as long as the UI."""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import socket
import tempfile
import time
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from rich.console import Console

from floodmark.commands import arguments
from floodmark.commands.launching import make_launcher
from floodmark.commands.one_scenario import one_scenario
from floodmark.errors import FloodmarkError, TargetError, UsageError
from floodmark.plan.planned_run import PlannedRun, find_scenario, plan_run, scenario_names
from floodmark.plan.scenario import read_scenario
from floodmark.protocol.target_switch import TargetSwitch
from floodmark.report.failure import show_error
from floodmark.run.locust_process import LocustProcess
from floodmark.targets import ready
from floodmark.targets.cpus import pinned
from floodmark.targets.launcher import Launcher
from floodmark.targets.target import Running
from floodmark.verdict.enums import Model

WATCH_S = 0.5
PAGE_TIMEOUT_S = 30.0


def add_to(verbs: Any) -> None:
    parser = verbs.add_parser("ui", help="run Locust's web UI on a scenario", description=__doc__)
    parser.add_argument("name", nargs="?", metavar="SCENARIO", help="a scenario or a target")
    arguments.add_app(parser)
    arguments.add_target(parser)
    arguments.add_scenario(parser)
    parser.add_argument("--web-port", type=int, default=8089, metavar="PORT", help="port of the web UI (default 8089)")
    parser.set_defaults(execute=execute)


def execute(options: argparse.Namespace, console: Console) -> int:
    if not 0 < options.web_port < 65536:
        raise UsageError(f"--web-port {options.web_port}: must be from 1 to 65535")
    scenario = one_scenario(options)
    planned = plan_run(
        scenario, bind=arguments.parse_bind(options.bind), quick=options.quick, repeat=1, seed=options.seed
    )
    ready.port_must_be_free("127.0.0.1", options.web_port, option="--web-port")
    launcher = make_launcher(options, console, scenario.budget)
    choices = _choices(planned, options)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="floodmark-ui-")))
        stack.enter_context(pinned(launcher.allotment.generator_cpus))
        current = _CurrentTarget(launcher, folder)
        stack.callback(current.down)
        running = current.up(planned)
        switch = folder / "switch"
        switch.mkdir()
        locust = LocustProcess(
            planned.locustfile,
            running.base_url,
            ["--web-host", "127.0.0.1", "--web-port", str(options.web_port), "--ramp", "search"],
            dataclasses.replace(
                planned.load_settings,
                scenario=scenario.name,
                choices={name: choice.search for name, choice in choices.items()},
                switch=switch,
            ),
            folder,
            log=None,
            home=planned.home,
        )
        stack.callback(locust.stop)
        _wait_for_page(locust, options.web_port)
        console.print(
            f"{current.name} at {running.base_url}, backend {launcher.name} ({launcher.why})\n"
            f"Locust's web UI: http://127.0.0.1:{options.web_port}  (Ctrl-C stops both)\n"
            f"live charts of the search: http://127.0.0.1:{options.web_port}/saturation",
            highlight=False,
        )
        code = _watch(locust, current, TargetSwitch(switch), choices, console)
    if code != 0:
        raise FloodmarkError(f"Locust ended with exit code {code}")
    return 0


def _choices(planned: PlannedRun, options: argparse.Namespace) -> dict[str, PlannedRun]:
    """The scenarios that the form offers: those with the same locustfile, connections and budget."""
    choices = {planned.scenario.name: planned}
    bind = arguments.parse_bind(options.bind)
    for name in scenario_names():
        try:
            other = plan_run(
                read_scenario(find_scenario(name)), bind=bind, quick=options.quick, repeat=1, seed=options.seed
            )
        except UsageError:
            continue
        other_kind = (other.locustfile, other.scenario.load.new_connections, other.scenario.budget)
        kind = (planned.locustfile, planned.scenario.load.new_connections, planned.scenario.budget)
        if other_kind == kind and other.scenario.load.model is Model.CLOSED:
            choices.setdefault(name, other)
    return choices


def _wait_for_page(locust: LocustProcess, port: int) -> None:
    """Wait until the page can be opened, so that its URL is valid when printed, or until Locust has ended."""
    deadline = time.monotonic() + PAGE_TIMEOUT_S
    while locust.wait(0.05) is None and time.monotonic() < deadline:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1.0):
            return


def _watch(
    locust: LocustProcess,
    current: _CurrentTarget,
    switch: TargetSwitch,
    choices: Mapping[str, PlannedRun],
    console: Console,
) -> int:
    """Start targets as the form requests them, until Locust ends. Returns its exit code."""
    while (code := locust.wait(WATCH_S)) is None:
        exit_reason = current.ended()
        if exit_reason is not None:
            raise TargetError(f"the target ended: {exit_reason}")
        request = switch.pending()
        if request is None:
            continue
        console.print(f"starting the target of {request.scenario}", highlight=False)
        try:
            current.down()
            running = current.up(choices[request.scenario])
        except FloodmarkError as error:
            show_error(console, error)
            switch.answer(request, str(error).splitlines()[0])
        else:
            console.print(f"{current.name} at {running.base_url}", highlight=False)
            switch.answer(request)
    return code


class _CurrentTarget:
    """The running target, if any."""

    def __init__(self, launcher: Launcher, folder: Path) -> None:
        self._launcher, self._folder = launcher, folder
        self._running: Running | None = None
        self._count = 0
        self.name = ""

    def up(self, planned: PlannedRun) -> Running:
        assert planned.target is not None
        self._count += 1
        folder = self._folder / f"target-{self._count}"
        folder.mkdir()
        self._running = self._launcher.up(planned.target, folder)
        self.name = planned.target.server.name
        return self._running

    def down(self) -> None:
        if self._running is not None:
            running, self._running = self._running, None
            running.down()

    def ended(self) -> str | None:
        return self._running.ended() if self._running is not None else None
