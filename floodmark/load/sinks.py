"""Where a ramp's measurements go when no conductor listens: CSV files, and Locust's log."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Protocol

from floodmark.protocol.journal import buckets
from floodmark.results.schema import HISTOGRAMS, STEPS, TIMELINE, BucketCount, Second
from floodmark.results.table import Appender
from floodmark.search.order import Order, Outcome
from floodmark.stats.window import Window
from floodmark.verdict.visit import Step

logger = logging.getLogger("floodmark")


class Sink(Protocol):
    """Takes down a ramp as it goes."""

    def start(self, origin: float) -> None: ...
    def order(self, order: Order, visit: int) -> None: ...
    def second(self, second: Second) -> None: ...
    def step(self, step: Step, window: Window) -> None: ...
    def end(self, outcome: Outcome) -> None: ...


class CsvFiles:
    """``PREFIX_steps.csv``, ``PREFIX_timeline.csv`` and ``PREFIX_histograms.csv`` beside Locust's own."""

    def __init__(self, prefix: Path) -> None:
        prefix.parent.mkdir(parents=True, exist_ok=True)
        paths = [prefix.with_name(f"{prefix.name}_{name}") for name in (STEPS, TIMELINE, HISTOGRAMS)]
        for path in paths:
            path.unlink(missing_ok=True)
        self._steps = Appender(paths[0], Step)
        self._seconds = Appender(paths[1], Second)
        self._buckets = Appender(paths[2], BucketCount)

    def start(self, origin: float) -> None:
        pass

    def order(self, order: Order, visit: int) -> None:
        pass

    def second(self, second: Second) -> None:
        self._seconds.add(second)

    def step(self, step: Step, window: Window) -> None:
        self._steps.add(step)
        self._buckets.add(*buckets(step, window))

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

    def step(self, step: Step, window: Window) -> None:
        logger.info(
            "%-8s %5d users %9.1f good/s  p50 %s ms  errors %.1f %%  generator %s%s",
            step.phase,
            step.users,
            step.goodput_rps,
            "-" if step.r_p50_ms is None else f"{step.r_p50_ms:.1f}",
            100 * step.error_share,
            step.gen_verdict,
            "" if step.valid else f"  void: {step.reason}",
        )

    def end(self, outcome: Outcome) -> None:
        logger.info("search ended: %s %s", outcome.end, outcome.reason)
