"""The real load side without the conductor: Locust with our plug-in, at one level or in a whole search."""

from __future__ import annotations

import dataclasses
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from benchmarks.known_answers.bench import Bench
from benchmarks.known_answers.evidence import Found
from benchmarks.known_answers.processes import GENERATOR_CPU, TICK_S
from benchmarks.visit import ARGUMENTS
from floodmark.protocol.journal import JournalReader, Started, Visited
from floodmark.protocol.load_settings import LoadSettings
from floodmark.run.locust_process import LocustProcess
from floodmark.verdict.outcome import Outcome
from floodmark.verdict.visit import Visit

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


def load(bench: Bench, locustfile: Path, url: str, settings: LoadSettings, about_s: float) -> Loaded:
    """One Locust with ``--ramp search`` under settings, on the generator's CPU. Raises RuntimeError."""
    with tempfile.TemporaryDirectory(prefix="floodmark-known-") as name:
        folder = Path(name)
        settings = dataclasses.replace(settings, journal=folder / "journal")
        locust = LocustProcess(locustfile, url, ARGUMENTS, settings, folder, log=bench.log, cpus=[GENERATOR_CPU])
        try:
            code = _ended(bench, locust, about_s + SLACK_S)
        finally:
            locust.stop()
        entries = list(JournalReader(folder / "journal").new())
    visits = tuple(entry.visit for entry in entries if isinstance(entry, Visited))
    origins = [entry.origin for entry in entries if isinstance(entry, Started)]
    if code or not visits or not origins:
        raise RuntimeError(f"Locust ended with exit code {code} after {len(visits)} visits; see {bench.log.name}")
    return Loaded(visits, next((entry for entry in entries if isinstance(entry, Outcome)), None), origins[0])


def _ended(bench: Bench, locust: LocustProcess, limit_s: float) -> int:
    deadline = time.monotonic() + limit_s
    while (code := locust.wait(TICK_S)) is None:
        bench.tick(locust.pid)
        if time.monotonic() > deadline:
            raise RuntimeError(f"Locust took longer than {limit_s:.0f} s")
    return code


def rate_of(visit: Visit) -> Found:
    """A visit's goodput as a finding."""
    return Found(
        value=visit.goodput_rps, lo=visit.goodput_lo, hi=visit.goodput_hi, valid=visit.valid, reason=visit.reason
    )
