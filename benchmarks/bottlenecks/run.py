"""One fixture through a whole ``floodmark run``."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.bottlenecks.fixtures import Fixture
from benchmarks.known_answers.processes import finish
from floodmark.verdict.enums import Bottleneck
from testbed.processes import free_port

TIME_BUDGET_S = 22
LIMIT_S = 200.0
OWN = Path(__file__).parent / "own"
QUOTA_CORES = "0.4"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a fixture was named; named None: not measured, evidence says why."""

    fixture: Fixture
    named: str | None = None
    evidence: str = ""
    margin: float | None = None
    seconds: float = 0.0
    folder: Path | None = None

    @property
    def right(self) -> bool:
        return self.named == self.fixture.word

    @property
    def line(self) -> str:
        mark = "-" if self.named is None else "ok" if self.right else "WRONG"
        margin = f"{self.margin:.0%}" if self.margin is not None else "-"
        return (
            f"{mark:5} {self.fixture.id:14} expected {self.fixture.word:13} named {self.named or '-':13} "
            f"margin {margin:>6} {self.seconds:4.0f} s  {self.evidence}"
        )


def _asked(fixture: Fixture) -> list[str]:
    """What is measured: a scenario of ours with a workload, or an app as a user brings it."""
    if fixture.own is None:
        return [fixture.scenario, "--workload", fixture.workload]
    return ["--app", fixture.own, "--app-dir", str(OWN), "--server", fixture.scenario]


def run(fixture: Fixture, results: Path) -> Outcome:
    """Bring it up, search, and read what the limit was named. Raises RuntimeError where there is no verdict at all."""
    results.mkdir(parents=True, exist_ok=True)
    port, log = free_port(), results / "bottlenecks.log"
    sets = {"search.time_budget_s": TIME_BUDGET_S, **fixture.sets}
    sets.update({f"server.{name}": value for name, value in fixture.settings.items()})
    words = [sys.executable, "-m", "floodmark", "run", *_asked(fixture), "--backend", fixture.backend, "--quick"]
    words += ["--bind", f"127.0.0.1:{port}", "--json", "--results", str(results)]
    words += [word for name, value in sets.items() for word in ("--set", f"{name}={value}")]
    with fixture.beside(port) as beside:
        environment = dict(beside.environment)
        if fixture.app is not None:
            environment["FLOODMARK_APP"] = f"benchmarks.bottlenecks.apps:{fixture.app}"
        if fixture.backend == "compose" and fixture.word is Bottleneck.QUOTA:
            environment["FLOODMARK_QUOTA"] = QUOTA_CORES
        _, out, seconds = finish(words, environment, log, beside.tick, LIMIT_S)
    if not out.strip():
        raise RuntimeError(f"no verdict; see {log}")
    (document,) = json.loads(out)["runs"]
    named: dict[str, Any] = document["results"]["bottleneck"]
    return Outcome(
        fixture=fixture,
        named=str(named["value"]),
        evidence=named["reason"],
        margin=document["results"]["bottleneck_margin"]["value"],
        seconds=seconds,
        folder=Path(document["folder"]),
    )
