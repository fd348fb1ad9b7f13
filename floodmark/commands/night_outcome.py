"""What ``nightly`` and ``resume`` share: options, output and exit code."""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence

from floodmark.errors import NoVerdict, ThresholdMissed
from floodmark.nightly.files import NightRow, plain
from floodmark.nightly.history import below, false_alarms, regressions
from floodmark.nightly.night import Night


def add_to(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--fail-under", action="append", default=[], metavar="SETUP=RPS", help="exit 5 if its ceiling is below RPS"
    )
    parser.add_argument("--json", action="store_true", help="print a single JSON document on stdout")


def show(night: Night, gates: Mapping[str, float], *, as_json: bool) -> int:
    """Carry out the night, print its result, and return the exit code. Raises ThresholdMissed or NoVerdict."""
    result = night.carry_out()
    if as_json:
        apart, nights = false_alarms(result.history)
        document = {
            "night": night.path.name,
            "folder": str(night.path),
            "false_alarms": {"nights_apart": apart, "nights": nights},
            "rows": [plain(row) for row in result.rows],
        }
        print(json.dumps(document, indent=2))
    else:
        print(result.summary)
    return _exit_code(result.rows, gates)


def _exit_code(rows: Sequence[NightRow], gates: Mapping[str, float]) -> int:
    missed = [
        f"{row.setup} {row.metric} is {row.ratio:.3f} of what the last {row.nights} nights led to expect"
        for row in regressions(rows)
    ]
    missed += below(rows, gates)
    if missed:
        raise ThresholdMissed("; ".join(missed))
    if not any(row.n_valid for row in rows):
        raise NoVerdict("no visit of this night gave a valid result; see its target.log and locust.log files")
    return 0
