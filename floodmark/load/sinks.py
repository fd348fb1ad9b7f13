"""Where a ramp's measurements go when no conductor listens: CSV files, and Locust's log."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Protocol

from floodmark.protocol.journal import buckets
from floodmark.results.schema import HISTOGRAMS, STEPS, TIMELINE, BucketCount, Second
from floodmark.results.table import Appender
from floodmark.search.order import Order
from floodmark.stats.window import Window
from floodmark.verdict.outcome import Outcome
from floodmark.verdict.visit import Visit

logger = logging.getLogger("floodmark")


class Sink(Protocol):
    """Records a ramp as it goes."""

    def start(self, origin: float) -> None: ...
    def order(self, order: Order, visit: int) -> None: ...
    def second(self, second: Second) -> None: ...
    def visit(self, visit: Visit, window: Window) -> None: ...
    def end(self, outcome: Outcome) -> None: ...


class LivePage(Sink, Protocol):
    """The sink behind Locust's web UI."""

    def shows(self, name: str, think_time_s: float) -> None:
        """What is measured from now on, and the think time of its users."""


class CsvFiles:
    """``PREFIX_steps.csv``, ``PREFIX_timeline.csv`` and ``PREFIX_histograms.csv`` beside Locust's own."""

    def __init__(self, prefix: Path) -> None:
        prefix.parent.mkdir(parents=True, exist_ok=True)
        paths = [prefix.with_name(f"{prefix.name}_{name}") for name in (STEPS, TIMELINE, HISTOGRAMS)]
        for path in paths:
            path.unlink(missing_ok=True)
        self._steps = Appender(paths[0], Visit)
        self._seconds = Appender(paths[1], Second)
        self._buckets = Appender(paths[2], BucketCount)

    def start(self, origin: float) -> None:
        pass

    def order(self, order: Order, visit: int) -> None:
        pass

    def second(self, second: Second) -> None:
        self._seconds.add(second)

    def visit(self, visit: Visit, window: Window) -> None:
        self._steps.add(visit)
        self._buckets.add(*buckets(visit, window))

    def end(self, outcome: Outcome) -> None:
        pass


class Log:
    """One log line per finished visit, for plain Locust."""

    def start(self, origin: float) -> None:
        pass

    def order(self, order: Order, visit: int) -> None:
        pass

    def second(self, second: Second) -> None:
        pass

    def visit(self, visit: Visit, window: Window) -> None:
        logger.info(
            "%-8s %5d users %9.1f good/s  p50 %s ms  errors %.1f %%  generator %s%s",
            visit.phase,
            visit.users,
            visit.goodput_rps,
            "-" if visit.r_p50_ms is None else f"{visit.r_p50_ms:.1f}",
            100 * visit.error_share,
            visit.gen_verdict,
            "" if visit.valid else f"  void: {visit.reason}",
        )

    def end(self, outcome: Outcome) -> None:
        logger.info("search ended: %s %s", outcome.end, outcome.reason)
