"""Follows a load as it runs: reads the journal, joins it with what the target did, writes the rows."""

from __future__ import annotations

import dataclasses

from floodmark.protocol.journal import JournalReader, Ordered, Started, Visited
from floodmark.report.progress import Progress
from floodmark.results.folder import RunFolder
from floodmark.results.schema import ProcessRow, Second
from floodmark.sampling.sampler import Sampler
from floodmark.sampling.use import ProcessUse, Use
from floodmark.search.order import Outcome
from floodmark.verdict.counts import Counts
from floodmark.verdict.enums import Phase
from floodmark.verdict.visit import Visit


class Follower:
    """One run's journal and samples, joined on time."""

    def __init__(self, journal: JournalReader, sampler: Sampler, folder: RunFolder, progress: Progress) -> None:
        self._journal = journal
        self._sampler = sampler
        self._folder = folder
        self._progress = progress
        self._origin: float | None = None
        self.outcome: Outcome | None = None
        self._holds: list[Visit] = []
        self.load_s = 0.0
        self.visits = 0
        self.counts = Counts()

    def held_rps(self, users: int) -> list[float]:
        """Goodput of every valid hold visit at a level."""
        return [s.goodput_rps for s in self.held(users)]

    def held(self, users: int | None) -> list[Visit]:
        """Every valid hold visit at a level."""
        return [s for s in self._holds if s.users == users and s.valid]

    @property
    def started(self) -> bool:
        """Whether the load has begun."""
        return self._origin is not None

    def poll(self) -> None:
        """Take in everything new."""
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
                    joined = self._join_step(visit, use)
                    self._folder.visits.add(joined)
                    self._folder.processes.add(*(_process_row(joined, process) for process in use.by_process))
                    if joined.phase is Phase.HOLD:
                        self._holds.append(joined)
                    self._folder.histograms.add(*buckets)
                    self._progress.visit(joined)
                    self.load_s = joined.t_end_s
                    self.visits += 1
                    if use.finished is not None:
                        self.counts = self.counts.plus(visit.good + visit.errors, visit.errors, use.finished)
                case Outcome():
                    self.outcome = entry

    def _use(self, start_s: float, end_s: float) -> Use:
        origin = self._origin or 0.0
        return self._sampler.between(origin + start_s, origin + end_s)

    def _join_step(self, visit: Visit, use: Use) -> Visit:
        answered = visit.good + visit.error_http + visit.error_body
        inside = [process.app_inflight_mean for process in use.by_process]
        return dataclasses.replace(
            visit,
            run_id=self._folder.run_id,
            server_count_gap=1 - answered / use.finished if use.finished else None,
            app_ms_mean=use.app_ms_mean,
            app_inflight_mean=use.app_inflight_mean,
            app_inflight_max=use.app_inflight_max,
            cpu_cores=use.cpu_cores,
            cpu_proc_max=use.cpu_proc_max,
            cpu_ms_per_request=1000 * use.cpu_cores * visit.seconds / visit.good
            if use.cpu_cores is not None and visit.good
            else None,
            throttled_share=use.throttled_share,
            pss_bytes=self._sampler.pss_bytes(),
            listen_queue_max=use.listen_queue_max,
            listen_limit=use.listen_limit,
            listen_overflows=use.listen_overflows,
            psi_cpu=use.psi_cpu,
            psi_mem=use.psi_mem,
            steal=use.steal,
            waiting_in_server=use.waiting_in_server(visit.inflight_mean),
            waiting_in_kernel=use.waiting_in_kernel(visit.inflight_mean),
            app_processes=len(inside) or None,
            app_proc_inflight_max=max(inside, default=None),
            app_proc_inflight_min=min(inside, default=None),
            app_requests_lost=use.lost,
            connections=use.connections,
            listen_drops=use.listen_drops,
            syn_retransmits=use.syn_retransmits,
            threads=use.threads,
            cpu_limit_cores=use.cpu_limit_cores,
            neighbour_cores=use.neighbour_cores,
            runq_cores=use.runq_cores,
            switches_per_s=use.switches_per_s,
            major_faults_per_s=use.major_faults_per_s,
            memory_bytes=use.memory_bytes,
            memory_limit_bytes=use.memory_limit_bytes,
            oom_kills=use.oom_kills,
            own_cores=use.own_cores,
        )

    def _join_second(self, second: Second) -> Second:
        use = self._use(second.t_s, second.t_s + 1)
        return dataclasses.replace(
            second,
            run_id=self._folder.run_id,
            server_started=None if use.started is None else round(use.started),
            server_finished=None if use.finished is None else round(use.finished),
            app_inflight_mean=use.app_inflight_mean,
            app_inflight_max=use.app_inflight_max,
            cpu_cores=use.cpu_cores,
            cpu_proc_max=use.cpu_proc_max,
            rss_bytes=use.rss_bytes,
            steal=use.steal,
            waiting_in_server=use.waiting_in_server(second.inflight_mean),
            waiting_in_kernel=use.waiting_in_kernel(second.inflight_mean),
            listen_queue_max=use.listen_queue_max,
            connections=use.connections,
            throttled_share=use.throttled_share,
            neighbour_cores=use.neighbour_cores,
            runq_cores=use.runq_cores,
            memory_bytes=use.memory_bytes,
        )


def _process_row(visit: Visit, process: ProcessUse) -> ProcessRow:
    return ProcessRow(
        visit=visit.number,
        pid=process.pid,
        cpu_cores=process.cpu_cores,
        finished=process.finished,
        app_inflight_mean=process.app_inflight_mean,
        app_ms_mean=process.app_ms_mean,
    )
