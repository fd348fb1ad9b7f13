"""Samples the target four times a second in a thread, and answers for any window afterwards."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from floodmark.sampling.tree import ProcessTrees, steal_s
from target_apps.ledger import LedgerReader

EVERY_S = 0.25


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """Cumulative counters at a moment, epoch s. None where there is nothing to read."""

    time: float
    cpu_s: float | None = None
    by_process: dict[tuple[int, float], float] = field(default_factory=dict)
    rss_bytes: int | None = None
    steal_s: float | None = None
    started: int | None = None
    finished: int | None = None
    in_flight: int | None = None
    in_flight_s: float | None = None
    busy_s: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Use:
    """What the target did in a window; None where it was not measured.

    CPU in cores; counts are interpolated at the window's edges.
    """

    cpu_cores: float | None = None
    cpu_proc_max: float | None = None
    rss_bytes: int | None = None
    steal: float | None = None
    started: float | None = None
    finished: float | None = None
    app_inflight_mean: float | None = None
    app_inflight_max: int | None = None
    app_ms_mean: float | None = None


class Sampler:
    """Follows the trees of ``pids`` and the probe's ledger from ``start`` to ``stop``."""

    def __init__(self, pids: Iterable[int], ledger: Path | None, cpus: Sequence[int]) -> None:
        self._trees = ProcessTrees(pids)
        self._ledger = LedgerReader(ledger, self._lives) if ledger is not None else None
        self._cpus = tuple(cpus)
        self._samples: list[Sample] = []
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="sampler", daemon=True)
        self._living: set[int] = set()

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()
        if self._ledger is not None:
            self._ledger.close()

    def pss_bytes(self) -> int | None:
        return self._trees.pss_bytes()

    def between(self, start: float, end: float) -> Use:
        """Use in ``[start, end)``, epoch s."""
        first, last = self._at(start), self._at(end)
        inside = [s for s in self._samples if start <= s.time < end]
        span = end - start
        if first is None or last is None or span <= 0:
            return Use()
        finished = _difference(first.finished, last.finished)
        busy = _difference(first.busy_s, last.busy_s)
        in_flight = _difference(first.in_flight_s, last.in_flight_s)
        return Use(
            cpu_cores=_rate(_difference(first.cpu_s, last.cpu_s), span),
            cpu_proc_max=_busiest(inside),
            rss_bytes=max((s.rss_bytes for s in inside if s.rss_bytes is not None), default=None),
            steal=_rate(_difference(first.steal_s, last.steal_s), span * max(1, len(self._cpus))),
            started=_difference(first.started, last.started),
            finished=finished,
            app_inflight_mean=_rate(in_flight, span),
            app_inflight_max=max((s.in_flight for s in inside if s.in_flight is not None), default=None),
            app_ms_mean=1000 * busy / finished if busy is not None and finished else None,
        )

    def _run(self) -> None:
        _yield_to_others()
        due = time.monotonic()
        while not self._stop.is_set():
            self._samples.append(self._sample())
            due += EVERY_S
            self._stop.wait(max(0.0, due - time.monotonic()))

    def _sample(self) -> Sample:
        use = self._trees.use()
        counts = self._ledger.counts() if self._ledger is not None else []
        seen = bool(counts)
        return Sample(
            time=time.time(),
            cpu_s=use.cpu_s if use else None,
            by_process=use.by_process if use else {},
            rss_bytes=use.rss_bytes if use else None,
            steal_s=steal_s(self._cpus),
            started=sum(c.started for c in counts) if seen else None,
            finished=sum(c.finished for c in counts) if seen else None,
            in_flight=sum(c.in_flight for c in counts) if seen else None,
            in_flight_s=sum(c.in_flight_s for c in counts) if seen else None,
            busy_s=sum(c.busy_s for c in counts) if seen else None,
        )

    def _lives(self, pid: int) -> bool:
        """Whether a pid, as the target itself sees it, is a living process of the target."""
        if pid not in self._living:
            self._living = {own for process in self._trees.members() for own in _own_pids(process)}
        return pid in self._living

    def _at(self, moment: float) -> Sample | None:
        """Counters at ``moment``, interpolated between the samples around it."""
        samples = self._samples
        if not samples:
            return None
        right = bisect_left(samples, moment, key=lambda s: s.time)
        if right == 0:
            return samples[0]
        if right == len(samples):
            return samples[-1]
        before, after = samples[right - 1], samples[right]
        share = (moment - before.time) / (after.time - before.time)
        return Sample(
            time=moment,
            cpu_s=_between(before.cpu_s, after.cpu_s, share),
            steal_s=_between(before.steal_s, after.steal_s, share),
            started=_between(before.started, after.started, share),  # type: ignore[arg-type]
            finished=_between(before.finished, after.finished, share),  # type: ignore[arg-type]
            in_flight_s=_between(before.in_flight_s, after.in_flight_s, share),
            busy_s=_between(before.busy_s, after.busy_s, share),
        )


def _yield_to_others() -> None:
    """Let everything else on these CPUs run first: a sample takes some ms, and the generator is next door."""
    with contextlib.suppress(OSError, AttributeError):
        os.sched_setscheduler(threading.get_native_id(), os.SCHED_IDLE, os.sched_param(0))


def _own_pids(process: psutil.Process) -> list[int]:
    """A process's pid as this host and as its own pid namespace see it."""
    pids = [process.pid]
    try:
        status = Path(f"/proc/{process.pid}/status").read_text(encoding="ascii", errors="replace")
        pids += [int(line.split()[-1]) for line in status.splitlines() if line.startswith("NSpid:")]
    except OSError:
        pass
    return pids


def _between(before: float | None, after: float | None, share: float) -> float | None:
    return None if before is None or after is None else before + share * (after - before)


def _difference(first: float | None, last: float | None) -> float | None:
    return None if first is None or last is None else last - first


def _rate(amount: float | None, span: float) -> float | None:
    return None if amount is None else amount / span


def _busiest(samples: Sequence[Sample]) -> float | None:
    """CPU of the busiest single process, in cores."""
    if len(samples) < 2:
        return None
    first, last = samples[0], samples[-1]
    span = last.time - first.time
    return max((cpu - first.by_process.get(key, 0.0) for key, cpu in last.by_process.items()), default=0.0) / span
