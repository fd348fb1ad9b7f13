"""The real load side without the conductor: Locust with our plug-in, at one level or in a whole search."""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from benchmarks.known_answers.bench import Bench
from benchmarks.known_answers.evidence import Found
from benchmarks.known_answers.processes import GENERATOR_CPU, finish
from floodmark.protocol.journal import JournalReader, Started, Visited
from floodmark.protocol.load_settings import VARIABLE, LoadSettings, write_settings
from floodmark.verdict.outcome import Outcome
from floodmark.verdict.visit import Visit
from target_apps.serve import ROOT

HERE = Path(__file__).parent
SLACK_S = 60.0


@dataclass(frozen=True, slots=True)
class Loaded:
    """Visits in order, how it ended, and the epoch second that is their 0."""

    visits: tuple[Visit, ...]
    outcome: Outcome | None
    origin: float

    def window(self, visit: Visit) -> tuple[float, float]:
        """When a visit was, epoch s."""
        return self.origin + visit.t_start_s, self.origin + visit.t_end_s


def load(bench: Bench, locustfile: Path, url: str, settings: Callable[[Path], LoadSettings], about_s: float) -> Loaded:
    """One Locust with ``--ramp search`` under settings, on the generator's CPU. Raises RuntimeError."""
    with tempfile.TemporaryDirectory(prefix="floodmark-known-") as name:
        folder = Path(name)
        (folder / "load.json").write_bytes(write_settings(settings(folder / "journal")))
        words = [sys.executable, "-m", "locust", "-f", str(locustfile), "-H", url, "--headless"]
        words += ["--ramp", "search", "--only-summary", "--loglevel", "ERROR"]
        paths = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
        environment = {VARIABLE: str(folder / "load.json"), "PYTHONPATH": paths}
        code, _, _ = finish(words, environment, bench.log, bench.tick, about_s + SLACK_S, cpu=GENERATOR_CPU)
        visits: list[Visit] = []
        outcome: Outcome | None = None
        origin = 0.0
        with contextlib.suppress(ValueError):
            for entry in JournalReader(folder / "journal").new():
                match entry:
                    case Started():
                        origin = entry.origin
                    case Visited():
                        visits.append(entry.visit)
                    case Outcome():
                        outcome = entry
                    case _:
                        pass
        if code or not visits:
            raise RuntimeError(f"Locust ended with exit code {code} after {len(visits)} visits; see {bench.log.name}")
        return Loaded(tuple(visits), outcome, origin)


def rate_of(visit: Visit) -> Found:
    """A visit's goodput as a finding."""
    return Found(
        value=visit.goodput_rps, lo=visit.goodput_lo, hi=visit.goodput_hi, valid=visit.valid, reason=visit.reason
    )
