"""Writes the benchmark tables into docs/clients.md and docs/bottlenecks.md, from the rows in benchmarks/results.

--check writes nothing and fails where a table is not what the rows say.
"""

from __future__ import annotations

import argparse
import sys

from benchmarks import generator, latency, memory, probe, recorder, sampling
from benchmarks.page import DOCS, renew
from benchmarks.record import RESULTS, where
from floodmark.results.table import read_table


def main() -> int:
    parser = argparse.ArgumentParser(prog="benchmarks.document", description=__doc__)
    parser.add_argument("--check", action="store_true", help="only see whether the tables are up to date")
    options = parser.parse_args()
    parts = (
        (DOCS / "clients.md", "benchmarks", clients()),
        (DOCS / "clients.md", "probe", probe_cost()),
        (DOCS / "bottlenecks.md", "sampling", sampling_cost()),
    )
    stale = [f"{page} ({name})" for page, name, text in parts if not renew(page, name, text, check=options.check)]
    if options.check and stale:
        print(f"{', '.join(stale)}: not what {RESULTS} says; run python -m benchmarks.document", file=sys.stderr)
    return int(options.check and bool(stale))


def clients() -> str:
    """What the clients cost, how exact they are, and how much memory they take."""
    parts = [
        "CPU per request, against nginx answering two bytes. Ratios are medians over the rounds, with their quartiles.",
        *generator.table(read_table(RESULTS / "generator.csv", generator.Sample)),
        where("generator"),
        "Error of the reported latency, against a target that takes 20 ms and knows how long each answer really took.",
        *latency.table(read_table(RESULTS / "latency.csv", latency.Sample)),
        where("latency"),
        "Memory, against a target that takes 1 s.",
        *memory.table(read_table(RESULTS / "memory.csv", memory.Sample)),
        where("memory"),
        "Recording: what a request costs that is only taken down. The middle of a busy run folds thousands at once.",
        *recorder.table(read_table(RESULTS / "recorder.csv", recorder.Sample)),
        where("recorder"),
    ]
    text = "\n"
    for part in parts:
        text += part + ("\n" if part.startswith("|") else "\n\n")
    return text


def probe_cost() -> str:
    """What the probe costs the server."""
    rows = read_table(RESULTS / "probe.csv", probe.Sample)
    return "\n".join(["", *probe.table(rows), where("probe"), "", ""])


def sampling_cost() -> str:
    """What it costs to watch a target."""
    rows = read_table(RESULTS / "sampling.csv", sampling.Sample)
    return "\n".join(["", *sampling.table(rows), where("sampling"), "", ""])


if __name__ == "__main__":
    sys.exit(main())
