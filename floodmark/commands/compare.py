"""``floodmark compare``: compare two runs, folders of runs or nights, or rank the setups of one folder."""

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
    parser = verbs.add_parser("compare", help="compare two runs, folders of runs or nights", description=__doc__)
    parser.add_argument("a", type=Path, metavar="A", help="the folder of a run, or a folder of runs such as a night")
    parser.add_argument("b", type=Path, nargs="?", metavar="B", help="what to compare with A; without it, A is ranked")
    parser.add_argument("--force", action="store_true", help="compare even if A and B are unlike; the output says so")
    parser.add_argument("--json", action="store_true", help="print a single JSON document on stdout")
    parser.add_argument("--format", choices=("text", "md"), default="text", help="md: Markdown (default text)")
    parser.set_defaults(execute=execute)


def execute(options: argparse.Namespace, console: Console) -> int:
    if options.b is None:
        return _rank(options)
    comparison = compare(read_run_set(options.a), read_run_set(options.b), force=options.force)
    if options.json:
        print(json.dumps(dataclasses.asdict(comparison), indent=2))
    elif options.format == "md":
        print(markdown(comparison))
    else:
        show(stdout(), comparison)
    _raise_if_worse(comparison)
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


def _raise_if_worse(comparison: Comparison) -> None:
    if comparison.worse:
        rows = ", ".join(f"{row.setup} {row.metric} {row.ratio:.3f}x" for row in comparison.worse)
        raise ThresholdMissed(f"worse in B: {rows}")
