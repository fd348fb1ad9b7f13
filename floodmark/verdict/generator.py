"""Judges whether the load generator limited a visit (docs/method.md, "What makes a visit void")."""

from __future__ import annotations

from dataclasses import dataclass

from floodmark.verdict.enums import Generator

CPU_OK, CPU_LIMITED = 0.6, 0.8
GAP_OK, GAP_LIMITED = 0.02, 0.05
QUEUED_OK = 0.2
TURN_MS = 0.1
WAITS = 0.25
"""Requests that wait for a larger share of R0 have a queue before them."""
NULL_OK, NULL_LIMITED = 0.6, 0.8
LAG_OK_MS, LAG_STAMPED_OK_MS, LAG_OK_SHARE = 2.0, 4.0, 0.05
SCHEDULE_OK_MS = 2.0
UNSENT_LIMITED = 0.005


@dataclass(frozen=True, slots=True, kw_only=True)
class GeneratorGauges:
    """What the generator measured about itself during one visit."""

    cpu_max: float | None
    """CPU of the busiest generator process, in cores."""
    loop_lag_p99_ms: float | None
    """How late the event loop ran."""
    r0_ms: float | None
    """The target's uncontended response time, if known."""
    little_gap: float | None
    """Relative violation of L = X R."""
    law_gap: float | None
    """Relative violation of N = X (R + Z)."""
    sched_lag_p99_ms: float | None = None
    """Open model: how late arrivals were sent."""
    unsent_share: float | None = None
    """Open model: share of the arrivals that were never sent."""
    demand_max: float | None = None
    """CPU that the busiest process wanted: what it used plus the time it waited for a CPU or quota."""
    rate_share: float | None = None
    """Goodput relative to what this generator reaches against a null server."""
    cycle_ms: float | None = None
    """The mean time from one request of a user to the next, whether its answer was good or not."""
    flight_ms: float | None = None
    """The part of it in which the request is in flight."""
    law_chance: float = 0.0
    """How far the law may be off by chance, because think times are cut by the edges of the window."""
    waiting_ms: float | None = None
    """R - R0: how long the target has work without a new request. None if R0 is unknown."""
    stall_ms: float | None = None
    """The longest time for which the event loop did not run."""
    shared: bool = False
    """Target and generator run on the same CPUs."""
    stamped: bool = False
    """Latencies end when the kernel received the answer."""


def judge(gauges: GeneratorGauges) -> tuple[Generator, str]:
    """The worst word of all gauges, with the deciding figure."""
    findings = [
        _cpu(gauges.cpu_max),
        _demand(gauges),
        _null(gauges.rate_share),
        _lag(gauges),
        _schedule(gauges),
        *_gaps(gauges),
    ]
    order = [Generator.OK, Generator.SUSPECT, Generator.LIMITED]
    return max(findings, key=lambda finding: order.index(finding[0]))


def _cpu(cpu: float | None) -> tuple[Generator, str]:
    if cpu is None or cpu <= CPU_OK:
        return Generator.OK, ""
    word = Generator.LIMITED if cpu > CPU_LIMITED else Generator.SUSPECT
    return word, f"generator CPU {cpu:.0%} of a core"


def starved(cpu: float | None, demand: float | None) -> bool:
    """Whether the generator wanted much more CPU than it got, which limits it as much as a fully used core."""
    return demand is not None and cpu is not None and demand > CPU_LIMITED and demand - cpu > QUEUED_OK


def lacked_cpu(cpu: float | None, demand: float | None, law_gap: float | None) -> bool:
    """Whether the generator of a visit would have been the limit if the target did not share its CPUs."""
    late = law_gap is not None and law_gap > GAP_LIMITED and demand is not None and demand > CPU_OK
    return starved(cpu, demand) or late


def _demand(gauges: GeneratorGauges) -> tuple[Generator, str]:
    """On shared CPUs a busy target makes the generator wait, which voids latencies but not goodput.

    Whether the target really kept the CPUs busy is checked later, from its samples (``outcome.judge_shared_cpus``).
    """
    cpu, demand = gauges.cpu_max, gauges.demand_max
    if cpu is None or demand is None or not starved(cpu, demand):
        return Generator.OK, ""
    return (
        Generator.SUSPECT if _yields(gauges) else Generator.LIMITED,
        f"the generator got {cpu:.0%} of a core and waited {demand - cpu:.0%} of the time for more"
        + (" on the CPUs it shares with the target" if gauges.shared else ""),
    )


def _yields(gauges: GeneratorGauges) -> bool:
    """Whether the CPU that the generator lacked may have gone to the target on the same CPUs."""
    return gauges.shared and gauges.cpu_max is not None and gauges.cpu_max <= CPU_OK


def _null(share: float | None) -> tuple[Generator, str]:
    if share is None or share <= NULL_OK:
        return Generator.OK, ""
    word = Generator.LIMITED if share > NULL_LIMITED else Generator.SUSPECT
    return word, f"{share:.0%} of what this generator gets from a server that does nothing"


def _lag(gauges: GeneratorGauges) -> tuple[Generator, str]:
    lag = gauges.loop_lag_p99_ms
    if lag is None:
        return Generator.OK, ""
    # A late loop does not lengthen latencies that end in the kernel. The load it costs shows up in the laws.
    allowed = max(LAG_STAMPED_OK_MS if gauges.stamped else LAG_OK_MS, LAG_OK_SHARE * (gauges.r0_ms or 0))
    if lag <= allowed:
        return Generator.OK, ""
    return Generator.SUSPECT, f"generator's loop ran {lag:.1f} ms late (p99)"


def _idles_target(gauges: GeneratorGauges, gap: float, of_ms: float | None) -> bool:
    """Whether the target ran out of requests while the generator sent none.

    Below the knee requests do not wait, and the target is idle at times anyway. There a lost request-second lowers the
    goodput of the level, which the search takes for what it is: more users will give more.
    """
    if gauges.waiting_ms is None or of_ms is None or gauges.waiting_ms <= WAITS * (gauges.r0_ms or 0.0):
        return False
    return max(gap * of_ms, gauges.stall_ms or 0.0) > gauges.waiting_ms


def _schedule(gauges: GeneratorGauges) -> tuple[Generator, str]:
    if gauges.unsent_share is not None and gauges.unsent_share > UNSENT_LIMITED:
        return Generator.LIMITED, f"{gauges.unsent_share:.1%} of the arrivals were never sent"
    late = gauges.sched_lag_p99_ms
    if late is None or late <= max(SCHEDULE_OK_MS, LAG_OK_SHARE * (gauges.r0_ms or 0)):
        return Generator.OK, ""
    return Generator.SUSPECT, f"arrivals were sent {late:.1f} ms late (p99)"


def _gaps(gauges: GeneratorGauges) -> list[tuple[Generator, str]]:
    """Time that the operational laws cannot account for.

    With CPU to spare, a gap of up to 0.1 ms per cycle is the fixed cost of a turn of the generator, not a limit, even
    if it is a large part of a fast server's response time. A larger one is no limit either while the target's queue
    outlasts it: a target in which requests wait longer than the generator stood still was never idle.
    """
    findings = []
    for gap, law, of_ms, chance in (
        (gauges.little_gap, "L = X R", gauges.flight_ms, 0.0),
        (gauges.law_gap, "N = X (R + Z)", gauges.cycle_ms, gauges.law_chance),
    ):
        if gap is None or abs(gap) <= max(GAP_OK, chance):
            continue
        demand = gauges.demand_max if gauges.demand_max is not None else gauges.cpu_max
        busy = demand is None or demand > CPU_OK
        if not busy and of_ms is not None and abs(gap) * of_ms <= TURN_MS:
            continue
        limited = gap > max(GAP_LIMITED, chance) and not _yields(gauges) and (busy or _idles_target(gauges, gap, of_ms))
        findings.append((Generator.LIMITED if limited else Generator.SUSPECT, f"{law} is off by {gap:.1%}"))
    return findings
