"""Samples the target and its host in a thread, and summarises any window afterwards."""

from __future__ import annotations

import contextlib
import os
import statistics
import threading
import time
from collections.abc import Hashable, Iterable, Sequence
from pathlib import Path

from floodmark.sampling.cgroup import Groups
from floodmark.sampling.netstat import WANTED, read_netstat
from floodmark.sampling.pace import PaceWitness
from floodmark.sampling.pressure import HOST, cpu_time, stalled_s
from floodmark.sampling.series import Series
from floodmark.sampling.sock_diag import SockDiag
from floodmark.sampling.tree import ProcessTrees
from floodmark.sampling.use import ProcessUse, Use
from target_apps.ledger import LedgerReader

QUEUE_EVERY_S = 0.05
TREE_EVERY = 5
"""Queues are sampled 20 times a second, processes 4 times, memory and connections once."""
LEVELS_EVERY = 20
PROCESSES_MAX = 128
OVERFLOWS, DROPS, SYN_RETRANSMITS = WANTED


class Sampler:
    """Follows the process trees of ``pids``, their host and the probe's ledger from ``start`` to ``stop``.

    cpus: the CPUs of the target.
    port: the port that it listens on, if it is on this host.
    shared: the generator, a descendant of this process, runs on the same CPUs.
    """

    def __init__(
        self,
        pids: Iterable[int],
        ledger: Path | None,
        cpus: Sequence[int],
        *,
        port: int | None = None,
        shared: bool = False,
        fastest_s: float | None = None,
    ) -> None:
        self._fastest_s = fastest_s
        self.witness = PaceWitness(cpus if fastest_s else ())
        self._pids = tuple(pids)
        self._trees = ProcessTrees(self._pids)
        self._ours = ProcessTrees([os.getpid()]) if shared else None
        self._ledger = LedgerReader(ledger, self._lives) if ledger is not None else None
        self._cpus = tuple(cpus)
        self._groups = Groups()
        self._sockets = _sockets(port)
        self._queue, self._counters, self._levels = Series(), Series(), Series()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="sampler", daemon=True)
        self._members: list[int] = []
        self._host_pids: dict[int, int] = {}

    def start(self) -> None:
        self._thread.start()
        self.witness.start()

    def stop(self) -> None:
        self._stop.set()
        self.witness.stop()
        if self._thread.is_alive():
            self._thread.join()
        if self._ledger is not None:
            self._ledger.close()
        if self._sockets is not None:
            self._sockets.close()

    def pss_bytes(self) -> int | None:
        return self._trees.pss_bytes()

    def between(self, start: float, end: float) -> Use:
        """What the target did in ``[start, end)``, in epoch seconds."""
        span = end - start
        if span <= 0 or not self._counters.times:
            return Use()

        def change(name: Hashable) -> float | None:
            return self._counters.change(name, start, end)

        def count(name: Hashable) -> int | None:
            difference = change(name)
            return None if difference is None else round(difference)

        def rate(name: Hashable) -> float | None:
            difference = change(name)
            return None if difference is None else difference / span

        def levels(series: Series, name: Hashable) -> list[float]:
            return series.inside(name, start, end)

        queue = levels(self._queue, "waiting")
        steal, cpu, busy, ours = rate("steal"), rate("cpu"), rate("busy"), rate("ours")
        finished, in_app = change("finished"), change("busy_s")
        periods, throttled, faults = change("periods"), change("throttled"), change("faults")
        return Use(
            pace=self.witness.pace(start, end, self._fastest_s) if self._fastest_s else None,
            cpu_cores=cpu,
            cpu_proc_max=self._busiest(start, end),
            cpu_limit_cores=_last(levels(self._counters, "cpu_limit")),
            neighbour_cores=max(0.0, busy - cpu - (ours or 0.0)) if busy is not None and cpu is not None else None,
            own_cores=ours,
            runq_cores=rate("waited"),
            switches_per_s=rate("turns"),
            throttled_share=throttled / periods if throttled is not None and periods else None,
            threads=_most(levels(self._counters, "threads")),
            rss_bytes=_most(levels(self._counters, "rss")),
            memory_bytes=_most(levels(self._levels, "memory")),
            memory_limit_bytes=_most(levels(self._levels, "memory_limit")),
            oom_kills=_since(levels(self._levels, "oom_kills"), self._levels.first("oom_kills")),
            # The count drops when a process ends.
            major_faults_per_s=None if faults is None else max(0.0, faults / span),
            psi_cpu=rate("psi_cpu"),
            psi_mem=rate("psi_mem"),
            steal=None if steal is None else steal / max(1, len(self._cpus)),
            listen_queue_mean=statistics.fmean(queue) if queue else None,
            listen_queue_max=_most(queue),
            listen_limit=_most(levels(self._queue, "limit")),
            listen_overflows=count(OVERFLOWS),
            listen_drops=count(DROPS),
            syn_retransmits=count(SYN_RETRANSMITS),
            connections=_mean(levels(self._levels, "connections")),
            started=change("started"),
            finished=finished,
            app_requests_lost=count("lost"),
            app_inflight_mean=rate("in_flight_s"),
            app_inflight_max=_most(levels(self._counters, "in_flight")),
            app_ms_mean=1000 * in_app / finished if in_app is not None and finished else None,
            by_process=self._by_process(start, end),
        )

    def _by_process(self, start: float, end: float) -> tuple[ProcessUse, ...]:
        """Every process of the app that is alive at the end of the window; none if there are too many.

        Servers that fork for each request have too many.
        """
        counters, span = self._counters, end - start
        pids = [name[1] for name in counters.names(start, end) if isinstance(name, tuple) and name[0] == "app"]
        if len(pids) > PROCESSES_MAX:
            return ()
        uses = []
        for pid in sorted(pids):
            inside = counters.change(("app", pid), start, end)
            finished = counters.change(("finished", pid), start, end)
            busy = counters.change(("busy_s", pid), start, end)
            if inside is None or finished is None or busy is None:
                continue
            cpu = counters.change(("cpu", self._host_pids.get(pid, pid)), start, end)
            uses.append(
                ProcessUse(
                    pid=pid,
                    cpu_cores=None if cpu is None else cpu / span,
                    finished=finished,
                    app_inflight_mean=inside / span,
                    app_ms_mean=1000 * busy / finished if finished else None,
                )
            )
        return tuple(uses)

    def _busiest(self, start: float, end: float) -> float | None:
        """CPU of the busiest process, in cores."""
        names = [n for n in self._counters.names(start, end) if isinstance(n, tuple) and n[0] == "cpu"]
        used = [u for n in names if (u := self._counters.change(n, start, end)) is not None]
        return max(used) / (end - start) if used else None

    def _run(self) -> None:
        _yield_to_others()
        due, turn = time.monotonic(), 0
        while not self._stop.is_set():
            self.sample(turn)
            turn += 1
            # Late turns are not made up for.
            due = max(due + QUEUE_EVERY_S, time.monotonic())
            self._stop.wait(max(0.0, due - time.monotonic()))

    def sample(self, turn: int) -> None:
        """Take one sample: of the queue each time, of everything else at its own interval."""
        if self._sockets is not None:
            with contextlib.suppress(OSError):
                listeners = self._sockets.listeners()
                if listeners is not None:
                    self._queue.add(time.time(), {"waiting": listeners.waiting, "limit": listeners.limit})
        if turn % TREE_EVERY == 0:
            self._members = self._trees.members()
            now = time.time()
            self._counters.add(now, self._counts(self._members))
        if turn % LEVELS_EVERY == 0:
            self._levels.add(time.time(), self._levels_now())

    def _counts(self, members: list[int]) -> dict[Hashable, float]:
        values: dict[Hashable, float] = {}
        if self._ledger is not None:
            self._count_app(self._ledger, values)
        use = self._trees.use(members)
        if use is not None:
            values.update(cpu=use.cpu_s, rss=use.rss_bytes, threads=use.threads, faults=use.faults)
            values.update({("cpu", pid): cpu_s for (pid, _), cpu_s in use.by_process.items()})
            scheduling = self._trees.scheduling(members)
            if scheduling is not None:
                values.update(waited=scheduling.waited_s, turns=scheduling.turns)
        self._groups.follow(set(members))
        quota = self._groups.quota()
        values.update(periods=quota.periods, throttled=quota.throttled)
        if members:
            values["cpu_limit"] = min(len(self._cpus), quota.cores if quota.cores is not None else len(self._cpus))
        host = cpu_time(self._cpus)
        if host is not None:
            values.update(busy=host.busy_s, steal=host.steal_s)
        if self._ours is not None:
            ours = self._ours.use([pid for pid in self._ours.members() if pid not in members])
            values["ours"] = ours.cpu_s if ours is not None else 0.0
        for name in ("cpu", "memory"):
            stalled = stalled_s(self._groups.pressure(name) or HOST / name)
            if stalled is not None:
                values["psi_cpu" if name == "cpu" else "psi_mem"] = stalled
        values.update(read_netstat(self._pids[0] if self._pids else "self"))
        return values

    def _count_app(self, ledger: LedgerReader, values: dict[Hashable, float]) -> None:
        counts = ledger.counts()
        if not counts:
            return
        for name in ("started", "finished", "lost", "in_flight", "in_flight_s", "busy_s"):
            values[name] = sum(getattr(count, name) for count in counts)
        self._map_pids({count.pid for count in counts})
        for count in counts:
            if count.pid in self._host_pids:
                values["app", count.pid] = count.in_flight_s
                values["finished", count.pid] = count.finished
                values["busy_s", count.pid] = count.busy_s

    def _levels_now(self) -> dict[Hashable, float]:
        values: dict[Hashable, float] = {}
        memory = self._groups.memory()
        if memory.used_bytes is not None and memory.limit_bytes is not None:
            values.update(memory=memory.used_bytes, memory_limit=memory.limit_bytes, oom_kills=memory.oom_kills)
        if self._sockets is not None:
            with contextlib.suppress(OSError):
                values["connections"] = self._sockets.accepted()
        return values

    def _lives(self, pid: int) -> bool:
        """Whether a pid, as the target sees it, is a living process of the target."""
        self._map_pids({pid})
        return pid in self._host_pids

    def _map_pids(self, wanted: set[int]) -> None:
        """Map each pid of a living process, as the target sees it, to its pid on this host."""
        alive = set(self._members)
        if wanted <= self._host_pids.keys() and alive >= set(self._host_pids.values()):
            return
        self._host_pids = {target_pid: pid for pid in self._members for target_pid in _target_pids(pid)}


def _sockets(port: int | None) -> SockDiag | None:
    if port is None:
        return None
    try:
        return SockDiag(port)
    except OSError:
        return None


def _yield_to_others() -> None:
    """Let everything else on these CPUs run first, because a sample takes milliseconds away from the generator."""
    with contextlib.suppress(OSError, AttributeError):
        os.sched_setscheduler(threading.get_native_id(), os.SCHED_IDLE, os.sched_param(0))


def _target_pids(pid: int) -> list[int]:
    """The pid of a process on this host and in its own pid namespaces."""
    pids = [pid]
    try:
        status = Path(f"/proc/{pid}/status").read_text(encoding="ascii", errors="replace")
        pids += [int(line.split()[-1]) for line in status.splitlines() if line.startswith("NSpid:")]
    except OSError:
        pass
    return pids


def _most(levels: Sequence[float]) -> int | None:
    return round(max(levels)) if levels else None


def _last(levels: Sequence[float]) -> float | None:
    return levels[-1] if levels else None


def _mean(levels: Sequence[float]) -> float | None:
    return statistics.fmean(levels) if levels else None


def _since(levels: Sequence[float], first: float | None) -> int | None:
    """How far a counter, sampled as a level, has risen since its first sample."""
    return round(max(levels) - (first or 0.0)) if levels else None
