"""``python -m benchmarks.bottlenecks``: does floodmark name each bottleneck right?

Prints what was expected, what was named, the evidence and the margin. Exit code 0 when every word is right, 1 when one
is wrong, 2 for wrong usage, 130 when interrupted.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks.bottlenecks.fixtures import FIXTURES, Fixture
from benchmarks.bottlenecks.run import Outcome, run
from benchmarks.bottlenecks.stored import STORED, store
from target_apps.serve import ROOT

ABOUT_S = 42.0


def main() -> int:
    parser = argparse.ArgumentParser(prog="benchmarks.bottlenecks", description=__doc__)
    parser.add_argument("--only", metavar="slots,gil", help="these fixtures")
    parser.add_argument("--results", type=Path, default=ROOT / "results" / "bottlenecks", help="where runs land")
    parser.add_argument(
        "--store", action="store_true", help=f"keep the visits in {STORED.relative_to(ROOT)} for replay"
    )
    options = parser.parse_args()
    try:
        chosen = _chosen(options.only)
    except ValueError as error:
        parser.error(str(error))
    outcomes: list[Outcome] = []
    print(f"{len(chosen)} fixtures, about {len(chosen) * ABOUT_S / 60:.0f} min", flush=True)
    code = 0
    try:
        for number, fixture in enumerate(chosen):
            left_min = (len(chosen) - number) * ABOUT_S / 60
            print(f"{fixture.id}: {fixture.claim} ({left_min:.0f} min left)", file=sys.stderr, flush=True)
            outcomes.append(_measure(fixture, options.results))
            print(outcomes[-1].line, flush=True)
            if options.store and outcomes[-1].right:
                store(outcomes[-1])
    except KeyboardInterrupt:
        print("\ninterrupted", file=sys.stderr)
        code = 130
    measured = [outcome for outcome in outcomes if outcome.named is not None]
    wrong = [outcome for outcome in measured if not outcome.right]
    print(f"{len(measured) - len(wrong)} of {len(measured)} named right; {len(outcomes) - len(measured)} not measured")
    return code or int(bool(wrong))


def _measure(fixture: Fixture, results: Path) -> Outcome:
    lacking = fixture.needs()
    if lacking is not None:
        return Outcome(fixture=fixture, evidence=f"not measured: {lacking}")
    began = time.monotonic()
    try:
        return run(fixture, results)
    except RuntimeError as error:
        return Outcome(fixture=fixture, named="none", evidence=str(error), seconds=time.monotonic() - began)


def _chosen(words: str | None) -> Sequence[Fixture]:
    if words is None:
        return FIXTURES
    by_id = {fixture.id: fixture for fixture in FIXTURES}
    unknown = [word for word in words.split(",") if word not in by_id]
    if unknown:
        raise ValueError(f"--only {','.join(unknown)}: there are {', '.join(by_id)}")
    return [by_id[word] for word in words.split(",")]


if __name__ == "__main__":
    sys.exit(main())
