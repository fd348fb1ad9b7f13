"""Follows a load as it runs: reads the journal, joins it with the samples of the target, and writes the rows."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from functools import cache
from typing import Any

from floodmark.protocol.journal import JournalReader, Ordered, Started, Visited
from floodmark.results.folder import RunFolder
from floodmark.results.schema import ProcessRow, Second
from floodmark.run.progress import Progress
from floodmark.sampling.sampler import Sampler
from floodmark.sampling.use import ProcessUse, Use
from floodmark.verdict.counts import Counts
from floodmark.verdict.outcome import Outcome
from floodmark.verdict.visit import Visit, held


class Follower:
    """Joins the journal of a run with the samples of its target on time."""

    def __init__(self, journal: JournalReader, sampler: Sampler, folder: RunFolder, progress: Progress) -> None:
        self._journal = journal
        self._sampler = sampler
        self._folder = folder
        self._progress = progress
        self._origin: float | None = None
        self.outcome: Outcome | None = None
        self._visits: list[Visit] = []
        self.load_s = 0.0
        self.counts = Counts()

    def held_rps(self, users: int) -> list[float]:
        """The goodput of all valid hold visits to a level."""
        return [visit.goodput_rps for visit in held(self._visits, users)]

    @property
    def started(self) -> bool:
        """Whether the load has begun."""
        return self._origin is not None

    def poll(self) -> None:
        """Process all new entries of the journal."""
        for entry in self._journal.new():
            match entry:
                case Started(origin=origin):
                    self._origin = origin
                case Ordered(order=order):
                    self._progress.order(order)
                case Second():
                    self._folder.timeline.add(self._join_second(entry))
                case Visited(visit=visit, buckets=buckets):
                    use = self._use(visit.t_start_s, visit.t_end_s)
                    joined = self._join_visit(visit, use)
                    self._folder.visits.add(joined)
                    self._folder.processes.add(*(_process_row(joined, process) for process in use.by_process))
                    self._visits.append(joined)
                    self._folder.histograms.add(*buckets)
                    self._progress.visit(joined)
                    self.load_s = joined.t_end_s
                    if use.finished is not None:
                        self.counts = self.counts.plus(visit.good + visit.errors, visit.errors, use.finished)
                case Outcome():
                    self.outcome = entry

    def _use(self, start_s: float, end_s: float) -> Use:
        origin = self._origin or 0.0
        return self._sampler.between(origin + start_s, origin + end_s)

    def _join_visit(self, visit: Visit, use: Use) -> Visit:
        answered = visit.good + visit.error_http + visit.error_body
        inside = [process.app_inflight_mean for process in use.by_process]
        return dataclasses.replace(
            visit,
            **_common(Visit, use),
            run_id=self._folder.run_id,
            server_count_gap=1 - answered / use.finished if use.finished else None,
            cpu_ms_per_request=1000 * use.cpu_cores * visit.seconds / visit.good
            if use.cpu_cores is not None and visit.good
            else None,
            pss_bytes=self._sampler.pss_bytes(),
            waiting_in_server=use.waiting_in_server(visit.inflight_mean),
            waiting_in_kernel=use.waiting_in_kernel(visit.inflight_mean),
            app_processes=len(inside) or None,
            app_proc_inflight_max=max(inside, default=None),
            app_proc_inflight_min=min(inside, default=None),
        )

    def _join_second(self, second: Second) -> Second:
        use = self._use(second.t_s, second.t_s + 1)
        return dataclasses.replace(
            second,
            **_common(Second, use),
            run_id=self._folder.run_id,
            server_started=None if use.started is None else round(use.started),
            server_finished=None if use.finished is None else round(use.finished),
            waiting_in_server=use.waiting_in_server(second.inflight_mean),
            waiting_in_kernel=use.waiting_in_kernel(second.inflight_mean),
        )


def _common(row: Any, use: Use) -> Mapping[str, Any]:
    """The sampled values for the columns of the same name."""
    return {name: getattr(use, name) for name in _names(row) & _names(Use)}


@cache
def _names(kind: Any) -> frozenset[str]:
    """The field names of a dataclass."""
    return frozenset(field.name for field in dataclasses.fields(kind))


def _process_row(visit: Visit, process: ProcessUse) -> ProcessRow:
    return ProcessRow(
        visit=visit.number,
        pid=process.pid,
        cpu_cores=process.cpu_cores,
        finished=process.finished,
        app_inflight_mean=process.app_inflight_mean,
        app_ms_mean=process.app_ms_mean,
    )
