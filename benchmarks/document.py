"""Writes the benchmark tables into docs/clients.md, from the rows in benchmarks/results."""

from __future__ import annotations

import json
from pathlib import Path

from benchmarks import generator, latency, memory, recorder
from benchmarks.page import DOCS, renew
from benchmarks.record import read

RESULTS = Path(__file__).parent / "results"


def main() -> None:
    parts = [
        "CPU per request, against nginx answering two bytes. Ratios are medians over the rounds, with their quartiles.",
        *generator.table(read(RESULTS / "generator.csv", generator.Sample)),
        where("generator"),
        "Error of the reported latency, against a target that takes 20 ms and knows how long each answer really took.",
        *latency.table(read(RESULTS / "latency.csv", latency.Sample)),
        where("latency"),
        "Memory, against a target that takes 1 s.",
        *memory.table(read(RESULTS / "memory.csv", memory.Sample)),
        where("memory"),
        "Recording: what a request costs that is only taken down. The middle of a busy run folds thousands at once.",
        *recorder.table(read(RESULTS / "recorder.csv", recorder.Sample)),
        where("recorder"),
    ]
    text = "\n"
    for part in parts:
        text += part + ("\n" if part.startswith("|") else "\n\n")
    renew(DOCS / "clients.md", "benchmarks", text)


def where(name: str) -> str:
    """When and on what a benchmark ran."""
    facts = json.loads((RESULTS / f"{name}.json").read_text(encoding="utf-8"))
    return (
        f"\nMeasured {facts['time'][:10]} on {facts['cpu']}, {facts['cores']} CPUs, Linux {facts['kernel']}, "
        f"Python {facts['python']}, Locust {facts['locust']}, floodmark {facts['commit']}."
        + (f" {facts['note']}." if "note" in facts else "")
    )


if __name__ == "__main__":
    main()
