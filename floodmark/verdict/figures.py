"""The figures a bottleneck is named by: the held level against the base level."""

from __future__ import annotations

import dataclasses
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from floodmark.verdict.enums import Generator, Model, Phase
from floodmark.verdict.visit import Visit

_LOOKED_AT = (Phase.HOLD, Phase.VERIFY)
_LEVELS = {Phase.BRACKET, Phase.PLACE, Phase.HOLD, Phase.VERIFY, Phase.STEP}


@dataclass(frozen=True, slots=True, kw_only=True)
class Declared:
    """What the target was set up with; None where it is not known, or there is no limit.

    shared: the generator runs on the target's CPUs. out_of_memory: the run ended because a process was killed for want
    of memory.
    """

    slots: int | None = None
    processes: int | None = None
    connection_cap: int | None = None
    shared: bool = False
    out_of_memory: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """Middle of the visits at the level that is judged; None where it was not measured.

    Shares are of what there is: cpu_share of the CPU that CPUs, quota and, where it is shared, the generator leave;
    taken_share what others and the hypervisor took of it, and demand_share both. hottest: the busiest process, in
    cores. cpu_wait_share: threads that were ready and did not run, per request inside the app. app_growth: time inside
    the app over the same without contention. waiting: requests in flight outside the app. unconnected: users without
    think time that have no request in flight: they are still connecting. overflow_share: connections the kernel turned
    away, per answer. fullest, emptiest: of the processes, as shares of a process's slots. memory_growth: per visit.
    """

    visits: int = 0
    users: float | None = None
    goodput_rps: float | None = None
    inflight: float | None = None
    generator_limited: float | None = None
    cpu_cores: float | None = None
    cpu_limit: float | None = None
    cpu_share: float | None = None
    hottest: float | None = None
    taken_share: float | None = None
    demand_share: float | None = None
    cpu_wait_share: float | None = None
    throttled_share: float | None = None
    memory_share: float | None = None
    memory_growth: float | None = None
    oom_kills: float | None = None
    faults_per_s: float | None = None
    psi_mem: float | None = None
    slots: float | None = None
    processes: float | None = None
    app_inflight: float | None = None
    slots_share: float | None = None
    app_ms: float | None = None
    app_growth: float | None = None
    waiting: float | None = None
    waiting_share: float | None = None
    waiting_in_server: float | None = None
    waiting_in_kernel: float | None = None
    unconnected: float | None = None
    overflow_share: float | None = None
    listen_limit: float | None = None
    fullest: float | None = None
    emptiest: float | None = None
    connections: float | None = None
    connection_cap: float | None = None
    connections_share: float | None = None
    per_slot_rps: float | None = None

    def text(self) -> str:
        """Every figure that was measured."""
        found = ((f.name, getattr(self, f.name)) for f in dataclasses.fields(self))
        return ", ".join(f"{name} {value:.3g}" for name, value in found if value is not None)


def figures(visits: Sequence[Visit], level: int | None, declared: Declared, *, thinking: bool) -> Figures:
    """From the visits of a run. Judged is the level that was held, or verified, or the highest where there is none."""
    held = _judged(visits, level)
    if not held:
        return Figures()

    def middle(read: Callable[[Visit], float | None]) -> float | None:
        return _middle(held, read)

    inflight, inside = middle(lambda s: s.inflight_mean), middle(lambda s: s.app_inflight_mean)
    server, kernel = middle(lambda s: s.waiting_in_server), middle(lambda s: s.waiting_in_kernel)
    waiting = None if server is None or kernel is None else server + kernel
    cpu, limit = middle(lambda s: s.cpu_cores), middle(lambda s: _limit(s, declared))
    cpu_share = _over(cpu, limit)
    taken = _over(middle(_taken), limit)
    app_ms, alone_ms = middle(lambda s: s.app_ms_mean), _alone_ms(visits)
    slots, processes = declared.slots, declared.processes
    in_each = None if slots is None or not processes else slots / processes
    connections = middle(lambda s: s.connections)
    goodput = middle(lambda s: s.goodput_rps)
    return Figures(
        visits=len(held),
        users=held[0].users,
        goodput_rps=goodput,
        inflight=inflight,
        generator_limited=middle(lambda s: float(s.gen_verdict is Generator.LIMITED and s.good > 0)),
        cpu_cores=cpu,
        cpu_limit=limit,
        cpu_share=cpu_share,
        hottest=middle(lambda s: s.cpu_proc_max),
        taken_share=taken,
        demand_share=None if cpu_share is None or taken is None else cpu_share + taken,
        cpu_wait_share=_over(middle(lambda s: s.runq_cores), inside if inside is not None else inflight),
        throttled_share=middle(lambda s: s.throttled_share),
        memory_share=middle(lambda s: _over(s.memory_bytes, s.memory_limit_bytes)),
        memory_growth=_growth(held),
        oom_kills=_kills(visits, declared),
        faults_per_s=middle(lambda s: s.major_faults_per_s),
        psi_mem=middle(lambda s: s.psi_mem),
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
        overflow_share=_over(_total(held, lambda s: s.listen_overflows), sum(s.good + s.errors for s in held)),
        listen_limit=middle(lambda s: s.listen_limit),
        fullest=_over(middle(lambda s: s.app_proc_inflight_max), in_each),
        emptiest=_over(middle(lambda s: _emptiest(s, processes)), in_each),
        connections=connections,
        connection_cap=declared.connection_cap,
        connections_share=_over(connections, declared.connection_cap),
        per_slot_rps=_over(goodput, inside),
    )


def levels_beyond(visits: Sequence[Visit], hold_users: int | None) -> list[int]:
    """Levels above the held one that were looked at to confirm it, lowest first."""
    if hold_users is None:
        return []
    return sorted({s.users for s in visits if s.phase in _LOOKED_AT and s.valid and s.users > hold_users})


def _judged(visits: Sequence[Visit], level: int | None) -> list[Visit]:
    for phase in _LOOKED_AT:
        held = [s for s in visits if s.phase is phase and s.users == level]
        if held:
            return [s for s in held if s.valid] or held
    seen = [s for s in visits if s.phase in _LEVELS and (s.good or s.errors)]
    most = max((s.users for s in seen), default=0)
    return [s for s in seen if s.users == most]


def _alone_ms(visits: Sequence[Visit]) -> float | None:
    """Time inside the app where the fewest were there."""
    bases = [s for s in visits if s.phase is Phase.BASE and s.app_ms_mean is not None]
    least = min((s.users for s in bases), default=0)
    return _middle([s for s in bases if s.users == least], lambda s: s.app_ms_mean)


def _limit(visit: Visit, declared: Declared) -> float | None:
    if visit.cpu_limit_cores is None or not declared.shared:
        return visit.cpu_limit_cores
    ours = visit.own_cores if visit.own_cores is not None else visit.gen_cpu_max
    return max(0.05, visit.cpu_limit_cores - (ours or 0.0))


def _taken(visit: Visit) -> float | None:
    if visit.neighbour_cores is None or visit.cpu_limit_cores is None:
        return None
    return visit.neighbour_cores + (visit.steal or 0.0) * visit.cpu_limit_cores


def _emptiest(visit: Visit, processes: int | None) -> float | None:
    """A worker that never had a request has left no trace: it is the emptiest."""
    if visit.app_processes is not None and processes is not None and visit.app_processes < processes:
        return 0.0
    return visit.app_proc_inflight_min


def _kills(visits: Sequence[Visit], declared: Declared) -> float | None:
    """Processes killed for want of memory since the load began, also after the last visit that was finished."""
    seen = max((float(s.oom_kills) for s in visits if s.oom_kills is not None), default=None)
    return max(1.0, seen or 0.0) if declared.out_of_memory else seen


def _growth(held: Sequence[Visit]) -> float | None:
    """Of the target's memory, per visit."""
    sizes = [s.pss_bytes for s in held if s.pss_bytes]
    return (sizes[-1] / sizes[0]) ** (1 / (len(sizes) - 1)) - 1 if len(sizes) >= 3 else None


def _middle(visits: Sequence[Visit], read: Callable[[Visit], float | None]) -> float | None:
    found = [value for visit in visits if (value := read(visit)) is not None]
    return statistics.median(found) if found else None


def _total(visits: Sequence[Visit], read: Callable[[Visit], float | None]) -> float | None:
    found = [value for visit in visits if (value := read(visit)) is not None]
    return float(sum(found)) if found else None


def _over(part: float | None, whole: float | None) -> float | None:
    return None if part is None or not whole else part / whole
