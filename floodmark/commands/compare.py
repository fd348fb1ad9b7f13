"""``floodmark compare``: two runs, folders of runs, or nights; with one folder, its setups among each other."""

from __future__ import annotations

import argparse
import dataclasses
import json
from pathlib import Path
from typing import Any

from rich.console import Console

from floodmark.compare.comparison import Comparison, compare, ranking
from floodmark.compare.inputs import read_run_set
from floodmark.compare.text import markdown, ranking_markdown, show, show_ranking
from floodmark.errors import ThresholdMissed
from floodmark.report.tables import stdout


def add_to(verbs: Any) -> None:
    parser = verbs.add_parser("compare", help="two runs, folders of runs or nights", description=__doc__)
    parser.add_argument("a", type=Path, metavar="A", help="a run's folder, or a folder of runs such as a night")
    parser.add_argument("b", type=Path, nargs="?", metavar="B", help="what to compare with it; without, A is ranked")
    parser.add_argument("--force", action="store_true", help="compare unlike ones too; the output says so")
    parser.add_argument("--json", action="store_true", help="one JSON document on stdout, nothing else there")
    parser.add_argument("--format", choices=("text", "md"), default="text", help="md: Markdown (default text)")
    parser.set_defaults(execute=execute)


def execute(options: argparse.Namespace, console: Console) -> int:
    if options.b is None:
        return _rank(options)
    found = compare(read_run_set(options.a), read_run_set(options.b), force=options.force)
    if options.json:
        print(json.dumps(dataclasses.asdict(found), indent=2))
    elif options.format == "md":
        print(markdown(found))
    else:
        show(stdout(), found)
    _raise_if_worse(found)
    return 0


def _rank(options: argparse.Namespace) -> int:
    rows = ranking(read_run_set(options.a))
    if options.json:
        print(json.dumps([dataclasses.asdict(row) for row in rows], indent=2))
    elif options.format == "md":
        print(ranking_markdown(rows))
    else:
        show_ranking(stdout(), rows)
    return 0


def _raise_if_worse(found: Comparison) -> None:
    if found.worse:
        what = ", ".join(f"{row.setup} {row.metric} {row.ratio:.3f}x" for row in found.worse)
        raise ThresholdMissed(f"worse in B: {what}")
