"""Was the load generator the bottleneck? method.md section 3."""

from __future__ import annotations

from dataclasses import dataclass

from floodmark.verdict.words import Generator

CPU_OK, CPU_LIMITED = 0.6, 0.8
GAP_OK, GAP_LIMITED = 0.02, 0.05
LAG_OK_MS, LAG_OK_SHARE, LAG_LIMITED_SHARE = 2.0, 0.05, 0.20
CLEAR_CPU = 0.3
"""Below this the generator had time to spare: a gap is its cost per turn, not a limit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GeneratorGauges:
    """What the generator knows of itself over one visit.

    cpu_max: busiest generator process, in cores. loop_lag_p99_ms: how late its event loop ran. r0_ms: the
    target's uncontended response time, where it is known. little_gap, law_gap: relative violation of
    L = X R and of N = X (R + Z).
    """

    cpu_max: float | None
    loop_lag_p99_ms: float | None
    r0_ms: float | None
    little_gap: float | None
    law_gap: float | None


def judge(gauges: GeneratorGauges) -> tuple[Generator, str]:
    """The worst of all gauges, and the figure that decided."""
    findings = [_cpu(gauges.cpu_max), _lag(gauges), *_gaps(gauges)]
    order = [Generator.OK, Generator.SUSPECT, Generator.LIMITED]
    return max(findings, key=lambda finding: order.index(finding[0]))


def _cpu(cpu: float | None) -> tuple[Generator, str]:
    if cpu is None or cpu <= CPU_OK:
        return Generator.OK, ""
    word = Generator.LIMITED if cpu > CPU_LIMITED else Generator.SUSPECT
    return word, f"generator CPU {cpu:.0%} of a core"


def _lag(gauges: GeneratorGauges) -> tuple[Generator, str]:
    lag = gauges.loop_lag_p99_ms
    if lag is None:
        return Generator.OK, ""
    allowed = max(LAG_OK_MS, LAG_OK_SHARE * (gauges.r0_ms or 0))
    if lag <= allowed:
        return Generator.OK, ""
    return Generator.SUSPECT, f"generator's loop ran {lag:.1f} ms late (p99)"


def _gaps(gauges: GeneratorGauges) -> list[tuple[Generator, str]]:
    findings = []
    for gap, law in ((gauges.little_gap, "L = X R"), (gauges.law_gap, "N = X (R + Z)")):
        if gap is None or abs(gap) <= GAP_OK:
            continue
        busy = gauges.cpu_max is None or gauges.cpu_max > CLEAR_CPU
        limited = gap > GAP_LIMITED and busy
        findings.append((Generator.LIMITED if limited else Generator.SUSPECT, f"{law} is off by {gap:.1%}"))
    return findings
