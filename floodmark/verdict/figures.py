"""The figures that name a bottleneck: medians at the held level, some of them relative to the base level."""

from __future__ import annotations

import dataclasses
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from floodmark.verdict.enums import Generator, Model, Phase
from floodmark.verdict.visit import Visit

_CONFIRMING = (Phase.HOLD, Phase.VERIFY)
_LEVELS = {Phase.BRACKET, Phase.PLACE, Phase.HOLD, Phase.VERIFY, Phase.STEP}


@dataclass(frozen=True, slots=True, kw_only=True)
class Declared:
    """How the target was set up. None: unknown, or without limit."""

    slots: int | None = None
    processes: int | None = None
    connection_cap: int | None = None
    shared: bool = False
    """The generator runs on the target's CPUs."""
    out_of_memory: bool = False
    """The run ended because the kernel killed a process for lack of memory."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """Medians over the visits at the judged level. None: not measured."""

    visits: int = 0
    users: float | None = None
    goodput_rps: float | None = None
    inflight: float | None = None
    generator_limited: float | None = None
    """1 if the generator limited most of the visits."""
    cpu_cores: float | None = None
    cpu_limit: float | None = None
    """Cores left to the target by its CPUs, its quota and, on shared CPUs, the generator."""
    cpu_share: float | None = None
    """Share of ``cpu_limit`` that the target used."""
    hottest: float | None = None
    """CPU of the busiest process, in cores."""
    taken_share: float | None = None
    """Share of ``cpu_limit`` that other processes and the hypervisor took."""
    demand_share: float | None = None
    """``cpu_share`` plus ``taken_share``."""
    cpu_wait_share: float | None = None
    """Threads ready to run but not running, per request inside the app."""
    throttled_share: float | None = None
    memory_share: float | None = None
    memory_growth: float | None = None
    """Relative growth of the target's memory per visit."""
    oom_kills: float | None = None
    faults_per_s: float | None = None
    psi_mem: float | None = None
    slots: float | None = None
    processes: float | None = None
    app_inflight: float | None = None
    slots_share: float | None = None
    app_ms: float | None = None
    app_growth: float | None = None
    """Time inside the app relative to that without contention."""
    waiting: float | None = None
    """Requests in flight outside the app."""
    waiting_share: float | None = None
    waiting_in_server: float | None = None
    waiting_in_kernel: float | None = None
    unconnected: float | None = None
    """Users without think time that have no request in flight: still connecting."""
    overflow_share: float | None = None
    """Connections that the kernel turned away, per answer."""
    listen_limit: float | None = None
    fullest: float | None = None
    """Requests inside the fullest process, as a share of the slots of a process."""
    emptiest: float | None = None
    """The same for the emptiest process."""
    connections: float | None = None
    connection_cap: float | None = None
    connections_share: float | None = None
    per_slot_rps: float | None = None

    def text(self) -> str:
        """Every measured figure, as ``name value, ...``."""
        values = ((f.name, getattr(self, f.name)) for f in dataclasses.fields(self))
        return ", ".join(f"{name} {value:.3g}" for name, value in values if value is not None)


def figures(visits: Sequence[Visit], level: int | None, declared: Declared, *, thinking: bool) -> Figures:
    """Summarise the visits of a run at one level: the held one, else the verified one, else the highest."""
    held = _judged(visits, level)
    if not held:
        return Figures()

    def median(read: Callable[[Visit], float | None]) -> float | None:
        return _median(held, read)

    inflight, inside = median(lambda visit: visit.inflight_mean), median(lambda visit: visit.app_inflight_mean)
    server, kernel = median(lambda visit: visit.waiting_in_server), median(lambda visit: visit.waiting_in_kernel)
    waiting = None if server is None or kernel is None else server + kernel
    cpu, limit = median(lambda visit: visit.cpu_cores), median(lambda visit: _limit(visit, declared))
    cpu_share = _over(cpu, limit)
    taken = _over(median(_taken), limit)
    app_ms, alone_ms = median(lambda visit: visit.app_ms_mean), _alone_ms(visits)
    slots, processes = declared.slots, declared.processes
    in_each = None if slots is None or not processes else slots / processes
    connections = median(lambda visit: visit.connections)
    goodput = median(lambda visit: visit.goodput_rps)
    return Figures(
        visits=len(held),
        users=held[0].users,
        goodput_rps=goodput,
        inflight=inflight,
        generator_limited=median(lambda visit: float(visit.gen_verdict is Generator.LIMITED and visit.good > 0)),
        cpu_cores=cpu,
        cpu_limit=limit,
        cpu_share=cpu_share,
        hottest=median(lambda visit: visit.cpu_proc_max),
        taken_share=taken,
        demand_share=None if cpu_share is None or taken is None else cpu_share + taken,
        cpu_wait_share=_over(median(lambda visit: visit.runq_cores), inside if inside is not None else inflight),
        throttled_share=median(lambda visit: visit.throttled_share),
        memory_share=median(lambda visit: _over(visit.memory_bytes, visit.memory_limit_bytes)),
        memory_growth=_growth(held),
        oom_kills=_kills(visits, declared),
        faults_per_s=median(lambda visit: visit.major_faults_per_s),
        psi_mem=median(lambda visit: visit.psi_mem),
        slots=slots,
        processes=processes,
        app_inflight=inside,
        slots_share=_over(inside, slots),
        app_ms=app_ms,
        app_growth=_over(app_ms, alone_ms),
        waiting=waiting,
        waiting_share=_over(waiting, inflight),
        waiting_in_server=server,
        waiting_in_kernel=kernel,
        unconnected=None
        if thinking or inflight is None or held[0].model is Model.OPEN
        else max(0.0, held[0].users - inflight),
        overflow_share=_over(
            _total(held, lambda visit: visit.listen_overflows), sum(visit.good + visit.errors for visit in held)
        ),
        listen_limit=median(lambda visit: visit.listen_limit),
        fullest=_over(median(lambda visit: visit.app_proc_inflight_max), in_each),
        emptiest=_over(median(lambda visit: _emptiest(visit, processes)), in_each),
        connections=connections,
        connection_cap=declared.connection_cap,
        connections_share=_over(connections, declared.connection_cap),
        per_slot_rps=_over(goodput, inside),
    )


def levels_beyond(visits: Sequence[Visit], hold_users: int | None) -> list[int]:
    """Levels above the held one that were visited to confirm it, lowest first."""
    if hold_users is None:
        return []
    return sorted(
        {visit.users for visit in visits if visit.phase in _CONFIRMING and visit.valid and visit.users > hold_users}
    )


def _judged(visits: Sequence[Visit], level: int | None) -> list[Visit]:
    for phase in _CONFIRMING:
        held = [v for v in visits if v.phase is phase and v.users == level]
        if held:
            return [v for v in held if v.valid] or held
    answered = [v for v in visits if v.phase in _LEVELS and (v.good or v.errors)]
    highest = max((v.users for v in answered), default=0)
    return [v for v in answered if v.users == highest]


def _alone_ms(visits: Sequence[Visit]) -> float | None:
    """Time inside the app at the lowest base level."""
    bases = [v for v in visits if v.phase is Phase.BASE and v.app_ms_mean is not None]
    least = min((v.users for v in bases), default=0)
    return _median([v for v in bases if v.users == least], lambda v: v.app_ms_mean)


def _limit(visit: Visit, declared: Declared) -> float | None:
    if visit.cpu_limit_cores is None or not declared.shared:
        return visit.cpu_limit_cores
    harness_cores = visit.own_cores if visit.own_cores is not None else visit.gen_cpu_max
    return max(0.05, visit.cpu_limit_cores - (harness_cores or 0.0))


def _taken(visit: Visit) -> float | None:
    if visit.neighbour_cores is None or visit.cpu_limit_cores is None:
        return None
    return visit.neighbour_cores + (visit.steal or 0.0) * visit.cpu_limit_cores


def _emptiest(visit: Visit, processes: int | None) -> float | None:
    """Requests inside the emptiest process. A worker that never got a request was not seen at all, and counts as 0."""
    if visit.app_processes is not None and processes is not None and visit.app_processes < processes:
        return 0.0
    return visit.app_proc_inflight_min


def _kills(visits: Sequence[Visit], declared: Declared) -> float | None:
    """Processes killed for lack of memory since the load began, including after the last complete visit."""
    counted = max((float(v.oom_kills) for v in visits if v.oom_kills is not None), default=None)
    return max(1.0, counted or 0.0) if declared.out_of_memory else counted


def _growth(held: Sequence[Visit]) -> float | None:
    """Relative growth of the target's memory per visit; None for fewer than three visits."""
    sizes = [v.pss_bytes for v in held if v.pss_bytes]
    return (sizes[-1] / sizes[0]) ** (1 / (len(sizes) - 1)) - 1 if len(sizes) >= 3 else None


def _median(visits: Sequence[Visit], read: Callable[[Visit], float | None]) -> float | None:
    values = [value for visit in visits if (value := read(visit)) is not None]
    return statistics.median(values) if values else None


def _total(visits: Sequence[Visit], read: Callable[[Visit], float | None]) -> float | None:
    values = [value for visit in visits if (value := read(visit)) is not None]
    return float(sum(values)) if values else None


def _over(part: float | None, whole: float | None) -> float | None:
    return None if part is None or not whole else part / whole
