"""``floodmark compare``: compare two runs, folders of runs or nights, or rank the setups of one folder."""

from __future__ import annotations

import argparse
import dataclasses
import json
from pathlib import Path
from typing import Any

from rich.console import Console

from floodmark.commands import arguments
from floodmark.commands.launching import make_launcher
from floodmark.compare.comparison import Comparison, compare, ranking
from floodmark.compare.inputs import RunSet, read_run_set
from floodmark.compare.measure import Side, by_turns, checked_out
from floodmark.compare.text import markdown, ranking_markdown, show, show_ranking
from floodmark.errors import ThresholdMissed, UsageError
from floodmark.plan.planned_run import PlannedRun, plan_all
from floodmark.report.failure import show_error
from floodmark.report.progress import TerminalProgress
from floodmark.report.tables import stdout
from floodmark.run.conductor import Conditions, conduct


def add_to(verbs: Any) -> None:
    parser = verbs.add_parser("compare", help="compare two runs, folders of runs or nights", description=__doc__)
    parser.add_argument("a", metavar="A", help="the folder of a run, or a folder of runs such as a night")
    parser.add_argument("b", nargs="?", metavar="B", help="what to compare with A; without it, A is ranked")
    parser.add_argument(
        "--run",
        action="store_true",
        help="measure A and B now, by turns on fresh servers; each is a scenario or a TOML file, with settings "
        "(gthread:workers=4) or of a git revision (floodmark.toml@HEAD~1)",
    )
    parser.add_argument(
        "--rounds", type=int, default=2, metavar="K", help="with --run: starts of each side (default 2)"
    )
    arguments.add_target(parser)
    parser.add_argument("--workload", metavar="NAME", help="with --run: instead of the scenarios' own workload")
    parser.add_argument(
        "--set",
        dest="overrides",
        action="append",
        default=[],
        metavar="SECTION.KEY=VALUE",
        help="with --run: change one setting of both sides",
    )
    parser.add_argument("--quick", action="store_true", help="with --run: the same search on a smaller budget")
    parser.add_argument("--seed", type=int, default=1, metavar="N", help="with --run: seed of everything random")
    arguments.add_results(parser)
    parser.add_argument("--force", action="store_true", help="compare even if A and B are unlike; the output says so")
    parser.add_argument("--json", action="store_true", help="print a single JSON document on stdout")
    parser.add_argument("--format", choices=("text", "md"), default="text", help="md: Markdown (default text)")
    parser.set_defaults(execute=execute)


def execute(options: argparse.Namespace, console: Console) -> int:
    if options.b is None and options.run:
        raise UsageError("--run needs A and B, such as gthread gthread:workers=4")
    if options.b is None:
        return _rank(options)
    if options.run:
        comparison = compare(*_measured(options, console), meant=True)
    else:
        comparison = compare(read_run_set(Path(options.a)), read_run_set(Path(options.b)), force=options.force)
    if options.json:
        print(json.dumps(dataclasses.asdict(comparison), indent=2))
    elif options.format == "md":
        print(markdown(comparison))
    else:
        show(stdout(), comparison)
    _raise_if_worse(comparison)
    return 0


def _measured(options: argparse.Namespace, console: Console) -> tuple[RunSet, RunSet]:
    """Measure both sides by turns. A run that fails is shown and counts for nothing."""
    rounds, names = arguments.at_least_one(options.rounds, "--rounds"), (options.a, options.b)
    with (
        checked_out(Side.parse(options.a)) as a,
        checked_out(Side.parse(options.b)) as b,
    ):
        plans = [_planned(options, side) for side in (a, b)]
        launchers = [make_launcher(options, console, planned.scenario.budget) for planned in plans]
        left_s = rounds * sum(planned.estimate_s for planned in plans)

        def measure(side: int, number: int) -> Path:
            nonlocal left_s
            planned = plans[side]
            console.print(
                f"{number + 1}/{2 * rounds} [bold]{names[side]}[/bold]: about {left_s / 60:.0f} min left",
                highlight=False,
            )
            left_s -= planned.estimate_s
            again = dataclasses.replace(planned, seed=planned.seed + number)
            conditions = Conditions(launcher=launchers[side], results=options.results)
            done = conduct(again, conditions, TerminalProgress(console))
            if done.error is not None:
                show_error(console, done.error)
            return done.folder

        return by_turns(names, rounds, measure)


def _planned(options: argparse.Namespace, side: Side) -> PlannedRun:
    scenario = side.scenario(options.overrides, options.workload)
    bind = arguments.parse_bind(options.bind)
    (planned,) = plan_all([scenario], bind=bind, quick=options.quick, repeat=1, seed=options.seed)
    return planned


def _rank(options: argparse.Namespace) -> int:
    rows = ranking(read_run_set(Path(options.a)))
    if options.json:
        print(json.dumps([dataclasses.asdict(row) for row in rows], indent=2))
    elif options.format == "md":
        print(ranking_markdown(rows))
    else:
        show_ranking(stdout(), rows)
    return 0


def _raise_if_worse(comparison: Comparison) -> None:
    if comparison.worse:
        rows = ", ".join(f"{row.setup} {row.metric} {row.ratio:.3f}x" for row in comparison.worse)
        raise ThresholdMissed(f"worse in B: {rows}")
