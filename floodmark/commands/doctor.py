"""``floodmark doctor``: show what this host lacks, and how to fix it."""

from __future__ import annotations

import argparse
from typing import Any

from rich.console import Console

from floodmark.doctor import examine
from floodmark.report.tables import stdout


def add_to(verbs: Any) -> None:
    parser = verbs.add_parser("doctor", help="show what this host lacks, and how to fix it", description=__doc__)
    parser.set_defaults(execute=execute)


def execute(options: argparse.Namespace, console: Console) -> int:
    out = stdout()
    for finding in examine():
        mark = "[yellow]![/yellow]" if finding.fix else "[green]✓[/green]"
        out.print(f" {mark} {finding.what:<20} {finding.value}", highlight=False)
        if finding.fix:
            out.print(f"   {'':<20} → {finding.fix}", highlight=False)
    return 0
