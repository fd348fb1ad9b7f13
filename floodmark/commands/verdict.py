"""``floodmark verdict``: recompute results.csv of a stored run from its files, without any load."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from rich.console import Console

from floodmark.errors import NoVerdict
from floodmark.report import terminal
from floodmark.report.tables import stdout
from floodmark.results.conclude import conclude
from floodmark.results.run import read_run


def add_to(verbs: Any) -> None:
    parser = verbs.add_parser("verdict", help="recompute a stored run's results", description=__doc__)
    parser.add_argument("folder", type=Path, metavar="DIR", help="the folder of a run")
    parser.set_defaults(execute=execute)


def execute(options: argparse.Namespace, console: Console) -> int:
    verdict = conclude(options.folder)
    terminal.show(stdout(), read_run(options.folder))
    if not verdict.confirmed:
        raise NoVerdict(verdict.reason)
    return 0
