"""``floodmark nightly``: measure a suite every night, and say what changed. Resumable with ``floodmark resume``."""

from __future__ import annotations

import argparse
import dataclasses
import json
import random
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console

from floodmark.commands import arguments
from floodmark.compare.inputs import HOST
from floodmark.errors import NoVerdict, ThresholdMissed, UsageError
from floodmark.nightly.files import SUMMARY, NightRow, create_night, night_folders, plain, read_night_rows, write_night
from floodmark.nightly.history import below, false_alarms, regressions
from floodmark.nightly.night import JUDGE_S, Night, Settings
from floodmark.nightly.order import PlannedVisit, order
from floodmark.nightly.suite import Suite, read_table, suite
from floodmark.nightly.summary import markdown
from floodmark.nightly.trend import page
from floodmark.plan.planned_run import NIGHTLY, PlannedRun
from floodmark.report.tables import stdout, table
from floodmark.results.provenance import host_facts, software_facts
from floodmark.results.table import write_text
from floodmark.run.conductor import Conditions, now
from floodmark.targets.choose import choose
from floodmark.targets.cpus import allot
from floodmark.targets.target import Running
from target_apps.server import CatalogError

FOLDER = "nightly"
TREND = "trend.html"


def add_to(verbs: Any) -> None:
    parser = verbs.add_parser("nightly", help="measure a suite every night, and say what changed", description=__doc__)
    parser.add_argument("file", nargs="?", type=Path, default=NIGHTLY, help="default scenarios/nightly.toml")
    arguments.add_target(parser)
    parser.add_argument("--rounds", type=int, metavar="K", help="instead of the file's own")
    parser.add_argument("--only", metavar="SETUP,...", help="these setups, their twins and their references")
    parser.add_argument("--set", dest="overrides", action="append", default=[], metavar="SECTION.KEY=VALUE")
    parser.add_argument("--quick", action="store_true", help="the same searches on a smaller budget")
    parser.add_argument("--seed", type=int, metavar="N", help="of the order; default a fresh one")
    parser.add_argument("--no-again", action="store_true", help="alarms are not measured again, and never confirmed")
    arguments.add_results(parser)
    add_outcome(parser)
    parser.add_argument("--plan", action="store_true", help="show the plan; nothing is started")
    parser.set_defaults(execute=execute)


def add_outcome(parser: argparse.ArgumentParser) -> None:
    """What ``resume`` has too."""
    parser.add_argument(
        "--fail-under", action="append", default=[], metavar="SETUP=RPS", help="exit 5 when its ceiling lies below"
    )
    parser.add_argument("--json", action="store_true", help="one JSON document on stdout, nothing else there")


def execute(options: argparse.Namespace, console: Console) -> int:
    definition = {
        "table": read_table(options.file),
        "where": str(options.file),
        "overrides": options.overrides,
        "rounds": options.rounds,
        "only": options.only.split(",") if options.only else [],
    }
    found = suite_of(definition)
    gates = parse_gates(options.fail_under, found)
    seed = options.seed if options.seed is not None else random.SystemRandom().randrange(1_000_000)
    settings = {
        "bind": options.bind,
        "quick": options.quick,
        "seed": seed,
        "again": not options.no_again,
        "backend": options.backend,
    }
    visits = order(found.setups, found.rounds, seed)
    checked = check(found, settings)
    if options.plan:
        _show_plan(found, visits, checked)
        return 0
    root = options.results / FOLDER
    _mention_unfinished(root, console)
    bring_up, conditions = prepare(checked, settings, console)
    path = create_night(root, time.strftime("%Y-%m-%d"))
    facts = {
        "status": "running",
        "started": now(),
        "suite": definition,
        "settings": {**settings, "backend": conditions.backend},
        "host": host_facts(),
        **software_facts(),
        "visits": [dataclasses.asdict(visit) for visit in visits],
    }
    write_night(path, facts)
    night = Night(
        path=path,
        suite=found,
        settings=read_settings(settings),
        conditions=dataclasses.replace(conditions, results=path),
        bring_up=bring_up,
        console=console,
    )
    minutes = (night.estimate_s(visits) + JUDGE_S) / 60
    console.print(
        f"night {path.name}: {len(found.setups)} setups x {found.rounds} rounds, {len(visits)} visits, backend "
        f"{conditions.backend} ({conditions.why}), seed {seed}; about {minutes:.0f} min, until "
        f"{time.strftime('%H:%M', time.localtime(time.time() + 60 * minutes))}. After a kill: floodmark resume {path}",
        highlight=False,
        soft_wrap=True,
    )
    return conclude(night, gates, json_wanted=options.json)


def suite_of(definition: Mapping[str, Any]) -> Suite:
    """The suite as told by file and options. Raises UsageError."""
    found = suite(
        definition["table"],
        definition["where"],
        overrides=definition["overrides"],
        rounds=definition["rounds"],
    )
    return found.only(definition["only"]) if definition["only"] else found


def read_settings(settings: Mapping[str, Any]) -> Settings:
    return Settings(
        bind=arguments.parse_bind(settings["bind"]),
        quick=settings["quick"],
        seed=settings["seed"],
        again=settings["again"],
    )


def check(found: Suite, settings: Mapping[str, Any]) -> dict[str, PlannedRun]:
    """Every setup resolved, so that nothing is wrong at three in the morning. Raises UsageError."""
    told = read_settings(settings)
    return {s.name: s.planned(bind=told.bind, quick=told.quick, seed=told.seed) for s in found.setups}


def prepare(checked: Mapping[str, PlannedRun], settings: Mapping[str, Any], console: Console) -> tuple[Any, Conditions]:
    """Backend and budget. Raises UsageError or TargetError."""
    budgets = {planned.scenario.budget for planned in checked.values()}
    if len(budgets) > 1:
        raise UsageError("the setups of a night must have one budget; set one with --set budget.cpus=N")
    (budget,) = budgets
    backend, why = choose(settings["backend"], lambda text: console.print(text, highlight=False))
    allotment = allot(budget.cpus, budget.memory)
    if backend.name == "process":
        _must_be_installed(checked)

    def bring_up(planned: PlannedRun, folder: Path) -> Running:
        assert planned.target is not None
        return backend.up(planned.target, allotment, folder)

    conditions = Conditions(backend=backend.name, why=why, allotment=allotment, results=Path())
    return bring_up, conditions


def _must_be_installed(checked: Mapping[str, PlannedRun]) -> None:
    for name, planned in checked.items():
        target = planned.target
        assert target is not None
        if target.packages:
            continue
        try:
            reason = target.server.missing()
        except CatalogError as error:
            reason = str(error)
        if reason is not None:
            raise UsageError(f"setup {name}: {reason}; {target.server.mend}, or leave it out with --only")


def parse_gates(texts: Sequence[str], found: Suite) -> dict[str, float]:
    """``SETUP=RPS``. Raises UsageError."""
    gates = {}
    for text in texts:
        name, equals, value = text.partition("=")
        try:
            gates[name] = float(value)
        except ValueError:
            equals = ""
        if not equals or name not in {setup.name for setup in found.setups}:
            raise UsageError(f"--fail-under {text!r}: must be SETUP=RPS; setups: {', '.join(_names(found))}")
    return gates


def _names(found: Suite) -> list[str]:
    return [setup.name for setup in found.setups]


def conclude(night: Night, gates: Mapping[str, float], *, json_wanted: bool) -> int:
    """Carry it out, write summary and trend, and turn what it says into an exit code."""
    rows = night.carry_out()
    root = night.path.parent
    history = [row for folder in night_folders(root) for row in read_night_rows(folder)]
    text = markdown(night.path, rows, history)
    write_text(night.path / SUMMARY, text)
    write_text(root / TREND, page(history))
    if json_wanted:
        apart, told = false_alarms(history)
        document = {
            "night": night.path.name,
            "folder": str(night.path),
            "false_alarms": {"nights_apart": apart, "nights": told},
            "rows": [plain(row) for row in rows],
        }
        print(json.dumps(document, indent=2))
    else:
        print(text)
    return _exit_code(rows, gates)


def _exit_code(rows: Sequence[NightRow], gates: Mapping[str, float]) -> int:
    missed = [
        f"{row.setup} {row.metric} is {row.ratio:.3f} of what the last {row.nights} nights let expect"
        for row in regressions(rows)
    ]
    missed += below(rows, gates)
    if missed:
        raise ThresholdMissed("; ".join(missed))
    if not any(row.n_valid for row in rows):
        raise NoVerdict("no visit of this night gave a valid result; see its target.log and locust.log files")
    return 0


def _mention_unfinished(root: Path, console: Console) -> None:
    for folder in night_folders(root)[-1:]:
        status = json.loads((folder / "night.json").read_text(encoding="utf-8")).get("status")
        if status != "complete":
            console.print(
                f"[yellow]night {folder.name} was never finished[/yellow]; floodmark resume {folder} would",
                highlight=False,
            )


def same_host(facts: Mapping[str, Any]) -> list[str]:
    """In what this host differs from the night's."""
    here = host_facts()
    return [f"{key}: {facts['host'].get(key)}, here {here[key]}" for key in HOST if facts["host"].get(key) != here[key]]


def _show_plan(found: Suite, visits: Sequence[PlannedVisit], checked: Mapping[str, PlannedRun]) -> None:
    shown = table("#", "round", "setup", "role", "server", "about")
    roles = {setup.name: setup.role for setup in found.setups}
    total = JUDGE_S
    for visit in visits:
        planned = checked[visit.setup]
        if visit.round > 1:
            planned = dataclasses.replace(planned, search=dataclasses.replace(planned.search, known_users=2))
        total += planned.estimate_s
        assert planned.target is not None
        shown.add_row(
            str(visit.number),
            str(visit.round),
            visit.setup,
            roles[visit.setup],
            planned.target.server.name,
            f"{planned.estimate_s:.0f} s",
        )
    out = stdout()
    out.print(shown)
    out.print(f"{len(visits)} visits, about {total / 60:.0f} min", highlight=False)
