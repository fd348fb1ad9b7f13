"""``floodmark report``: show stored runs as a single HTML file, as Markdown, or on the terminal."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from rich.console import Console

from floodmark.commands import arguments
from floodmark.errors import UsageError
from floodmark.report import comment, overview
from floodmark.report.html.page import render
from floodmark.report.reading_progress import Counting
from floodmark.report.runs import collect
from floodmark.report.tables import stdout
from floodmark.results.table import write_text

HTML, MARKDOWN, TERMINAL = "html", "md", "terminal"
DEFAULT_OUTPUT = Path("report.html")


def add_to(verbs: Any) -> None:
    parser = verbs.add_parser("report", help="show stored runs as a single HTML file", description=__doc__)
    parser.add_argument(
        "folders", nargs="*", type=Path, metavar="DIR", help="a run, or a folder of runs (default results/)"
    )
    parser.add_argument(
        "-o", "--output", type=Path, metavar="FILE", help=f"default {DEFAULT_OUTPUT}; for Markdown, standard output"
    )
    parser.add_argument("--format", choices=[HTML, MARKDOWN, TERMINAL], default=HTML, help=f"default {HTML}")
    parser.add_argument("--title", default="report", help="title of the page (default: report)")
    parser.set_defaults(execute=execute)


def execute(options: argparse.Namespace, console: Console) -> int:
    if options.format == TERMINAL and options.output is not None:
        raise UsageError("--output has no effect with --format terminal")
    if options.format != HTML and options.title != "report":
        raise UsageError(f"--title has no effect with --format {options.format}")
    with Counting(console, "reading runs") as counting:
        collected = collect(options.folders or [arguments.default_results()], counting.told)
    for reason in collected.left_out:
        console.print(f"[yellow]left out:[/yellow] {reason}", highlight=False)
    match options.format:
        case "terminal":
            overview.show(stdout(), collected)
            return 0
        case "md":
            text = comment.render(collected)
            if options.output is None:
                sys.stdout.write(text)
                return 0
        case _:
            text = render(collected, options.title)
    path = options.output or DEFAULT_OUTPUT
    write_text(path, text)
    console.print(f"{path}  {len(text.encode()) / 1e6:.2f} MB", highlight=False)
    return 0
