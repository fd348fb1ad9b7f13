"""``floodmark sweep``: find the best settings of a server for a budget, and where more stops helping."""

from __future__ import annotations

import argparse
import json
from typing import Any

from rich.console import Console
from rich.markup import escape

from floodmark.commands import arguments
from floodmark.commands.launching import make_launcher
from floodmark.commands.one_scenario import scenario_or_target
from floodmark.errors import Interrupted, UsageError
from floodmark.plan.host_limits import binding_of
from floodmark.plan.planned_run import plan_run
from floodmark.report.failure import show_warning
from floodmark.report.tables import stdout
from floodmark.results.document import plain
from floodmark.results.folder import new_folder
from floodmark.sweep.grid import Axis, axis, collect, default_axes, shuffled, span
from floodmark.sweep.progress import SweepProgress, minutes
from floodmark.sweep.series import Sweep, Task, measure
from floodmark.sweep.show import document, show
from floodmark.targets import servers
from floodmark.targets.cpus import allot
from floodmark.verdict.enums import Model

AXES = {
    "workers": ("server.workers", "1,2,4", "worker processes"),
    "threads": ("server.threads", "1,4,8", "threads per worker"),
    "cpus": ("budget.cpus", "1,2", "CPUs of the target"),
    "memory": ("budget.memory", "128m,512m", "memory of the target"),
    "connections": ("load.connections", "keepalive,new", "connections of the load"),
    "workload": ("workload", "io,cpu", "workloads"),
}
DEFAULT_LIMIT_S = 15 * 60.0


def add_to(verbs: Any) -> None:
    parser = verbs.add_parser("sweep", help="find the best settings for a budget", description=__doc__)
    parser.add_argument("name", metavar="NAME", help="a scenario or a target")
    for option, (_, example, what) in AXES.items():
        parser.add_argument(f"--{option}", metavar="A,B", help=f"{what}, such as {example}")
    parser.add_argument(
        "--set",
        dest="overrides",
        action="append",
        default=[],
        metavar="SECTION.KEY=A,B",
        help="any other setting: one value for all points, or several to vary it",
    )
    parser.add_argument("--full", action="store_true", help="run the whole search at every point, not the quick one")
    arguments.add_target(parser)
    parser.add_argument("--seed", type=int, default=1, metavar="N", help="seed of the order and the load (default 1)")
    arguments.add_results(parser)
    parser.add_argument("--json", action="store_true", help="print a single JSON document on stdout")
    parser.set_defaults(execute=execute)


def execute(options: argparse.Namespace, console: Console) -> int:
    axes, fixed = collect(_given(options))
    tasks = _tasks(options, axes, fixed)
    defaulted = not axes
    if defaulted:
        axes = _default(options, fixed, tasks[0])
        tasks = _tasks(options, axes, fixed)
    for task in tasks:
        allot(task.planned.scenario.budget.cpus, task.planned.scenario.budget.memory)
    launcher = make_launcher(options, console, tasks[0].planned.scenario.budget)
    estimate_s = sum(task.planned.estimate_s for task in tasks)
    _announce(console, axes, tasks, f"backend {launcher.name} ({launcher.why})", estimate_s, defaulted=defaulted)
    for text in dict.fromkeys(binding.text for task in tasks for binding in binding_of(task.planned, launcher.name)):
        show_warning(console, text)
    sweep = Sweep(
        folder=new_folder(options.results, f"sweep-{tasks[0].planned.scenario.name}"), axes=axes, total=len(tasks)
    )
    completed = measure(tasks, sweep, launcher, SweepProgress(console, len(tasks), estimate_s))
    if options.json:
        print(json.dumps(plain(document(sweep)), indent=2))
    else:
        show(stdout(), sweep)
    if not completed:
        raise Interrupted(f"interrupted; {len(sweep.rows)} of {len(tasks)} settings are in {sweep.folder}")
    return sweep.exit_code


def _given(options: argparse.Namespace) -> list[Axis]:
    """All axes from the options, including those with a single value. Raises UsageError."""
    given = [
        axis(key, text, f"--{option}")
        for option, (key, _, _) in AXES.items()
        if (text := getattr(options, option)) is not None
    ]
    for override in options.overrides:
        key, equals, text = override.partition("=")
        if not equals or not key.strip():
            raise UsageError(f"--set {override!r}: must be section.key=value, such as server.workers=1,2,4")
        given.append(axis(key.strip(), text, f"--set {key.strip()}"))
    return given


def _tasks(options: argparse.Namespace, axes: list[Axis], fixed: list[str]) -> list[Task]:
    """Resolve and check every point, in the order of the runs. Raises UsageError."""
    bind = arguments.parse_bind(options.bind)
    tasks = []
    for point in shuffled(span(axes), options.seed):
        scenario = scenario_or_target(options.name, [*fixed, *point.overrides], None)
        if scenario.load.model is not Model.CLOSED:
            raise UsageError("a sweep compares ceilings: it needs [load] model = 'closed'")
        planned = plan_run(scenario, bind=bind, quick=not options.full, repeat=1, seed=options.seed)
        tasks.append(Task(point, planned))
    return tasks


def _default(options: argparse.Namespace, fixed: list[str], task: Task) -> list[Axis]:
    """The default axes of the server, with as many values as can be measured in a quarter of an hour."""
    axes = default_axes(servers.find(task.planned.scenario.target), [pair.partition("=")[0] for pair in fixed])
    each_s = task.planned.estimate_s
    while len(span(axes)) * each_s > DEFAULT_LIMIT_S and any(len(candidate.values) > 2 for candidate in axes):
        index = max(range(len(axes)), key=lambda i: len(axes[i].values))
        longest = axes[index]
        axes[index] = Axis(longest.key, (longest.values[0], *longest.values[2:]))
    return axes


def _announce(
    console: Console, axes: list[Axis], tasks: list[Task], where: str, estimate_s: float, *, defaulted: bool
) -> None:
    planned = tasks[0].planned
    target = planned.target
    assert target is not None
    varied = ", ".join(f"{varied_axis.name} {' '.join(varied_axis.values)}" for varied_axis in axes)
    console.print(
        f"[bold]{escape(target.server.name)}[/bold] / {planned.scenario.workload}: {len(tasks)} settings "
        f"({varied}), each on a freshly started server, in random order; {where}; about {minutes(estimate_s)}",
        highlight=False,
    )
    if defaulted:
        console.print(
            "no settings to vary were given, so this varies workers and threads within a quarter of an hour",
            highlight=False,
        )
