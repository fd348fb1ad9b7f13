"""``floodmark history``: rebuild nights.csv from the folders of the nights, and export it for other programs."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from rich.console import Console

from floodmark.commands.arguments import default_results
from floodmark.errors import UsageError
from floodmark.nightly.exports import write_otava, write_parquet
from floodmark.nightly.files import FOLDER, NIGHTS, TREND, night_folders, rebuild
from floodmark.nightly.trend import page
from floodmark.results.table import write_text


def add_to(verbs: Any) -> None:
    parser = verbs.add_parser("history", help="rebuild nights.csv, and export it", description=__doc__)
    parser.add_argument(
        "folder",
        nargs="?",
        type=Path,
        default=default_results() / FOLDER,
        metavar="DIR",
        help="the folder of all nights (default results/nightly)",
    )
    parser.add_argument("--parquet", type=Path, metavar="FILE", help="also write Parquet; needs pyarrow")
    parser.add_argument(
        "--otava", type=Path, metavar="DIR", help="also write CSV files and otava.yaml for Apache Otava"
    )
    parser.set_defaults(execute=execute)


def execute(options: argparse.Namespace, console: Console) -> int:
    if not night_folders(options.folder):
        raise UsageError(f"{options.folder}: contains no night; floodmark nightly makes one")
    rows = rebuild(options.folder)
    write_text(options.folder / TREND, page(rows))
    files = [options.folder / NIGHTS, options.folder / TREND]
    if options.parquet is not None:
        write_parquet(options.parquet, rows)
        files.append(options.parquet)
    if options.otava is not None:
        files += write_otava(options.otava, rows)
    for path in files:
        print(path)
    return 0
