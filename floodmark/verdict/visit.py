"""A visit to a load level: a row of steps.csv, and the basis of every judgement."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from floodmark.verdict.enums import Generator, Model, Phase


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """A visit. None means not measured; it never stands for 0.

    Times are seconds from the start of the load, rates are per second, latencies in ms, memory in bytes, CPU in cores;
    shares and gaps lie between 0 and 1. The field order is the column order of steps.csv.
    """

    run_id: str | None = None
    number: int = field(metadata={"column": "visit"})
    phase: Phase
    t_start_s: float
    t_end_s: float
    model: Model = Model.CLOSED
    users: int
    rate_intended_rps: float | None = None
    rate_sent_rps: float | None = None
    not_sent: int | None = None
    good: int = 0
    errors: int = 0
    error_refused: int = 0
    error_timeout: int = 0
    error_reset: int = 0
    error_http: int = 0
    error_body: int = 0
    goodput_rps: float = 0.0
    goodput_lo: float | None = None
    goodput_hi: float | None = None
    inflight_mean: float | None = None
    r_mean_ms: float | None = None
    r_p50_ms: float | None = None
    r_p90_ms: float | None = None
    r_p95_ms: float | None = None
    r_p99_ms: float | None = None
    r_max_ms: float | None = None
    connections_opened: int | None = None
    efficiency: float | None = None
    little_gap: float | None = None
    law_gap: float | None = None
    server_count_gap: float | None = None
    steady: bool | None = None
    gen_cpu_max: float | None = None
    loop_lag_p99_ms: float | None = None
    sched_lag_p99_ms: float | None = None
    gen_verdict: Generator | None = None
    app_ms_mean: float | None = None
    app_inflight_mean: float | None = None
    app_inflight_max: int | None = None
    cpu_cores: float | None = None
    cpu_proc_max: float | None = None
    cpu_ms_per_request: float | None = None
    throttled_share: float | None = None
    pss_bytes: int | None = None
    listen_queue_max: int | None = None
    listen_limit: int | None = None
    listen_overflows: int | None = None
    psi_cpu: float | None = None
    psi_mem: float | None = None
    steal: float | None = None
    valid: bool = True
    reason: str = ""
    slo_ms: float | None = None
    slo_misses: int | None = None
    """Open model: arrivals without a good answer within ``slo_ms``."""
    gen_demand_max: float | None = None
    """CPU that the busiest generator process wanted, including the time it waited for a CPU."""
    waiting_in_server: float | None = None
    """Requests in flight that the server holds outside the app, time average."""
    waiting_in_kernel: float | None = None
    """Requests in flight on connections that no process has accepted yet, time average."""
    app_processes: int | None = None
    app_proc_inflight_max: float | None = None
    """Requests inside the fullest process, time average."""
    app_proc_inflight_min: float | None = None
    """Requests inside the emptiest process, time average."""
    app_requests_lost: int | None = None
    connections: float | None = None
    listen_drops: int | None = None
    syn_retransmits: int | None = None
    threads: int | None = None
    cpu_limit_cores: float | None = None
    """What the target's CPUs and its quota allow."""
    neighbour_cores: float | None = None
    """What other processes used of the target's CPUs."""
    runq_cores: float | None = None
    """Time that the target's threads waited for a CPU, per second."""
    switches_per_s: float | None = None
    major_faults_per_s: float | None = None
    memory_bytes: int | None = None
    memory_limit_bytes: int | None = None
    oom_kills: int | None = None
    own_cores: float | None = None
    """What generator and floodmark used, if they share the target's CPUs."""
    counted_rps: float | None = None
    """Good answers counted over the window's length; ``goodput_rps`` corrects it for requests cut by the edges."""
    think_s: float | None = None
    """Mean think time that users were asked to take."""
    error_ms_mean: float | None = None
    """Mean latency of the responses that failed."""
    pace: float | None = None
    """Speed of the target's CPUs, relative to the fastest this machine has shown."""

    @property
    def seconds(self) -> float:
        """Length of the measured window."""
        return self.t_end_s - self.t_start_s

    @property
    def error_share(self) -> float:
        """Errors over attempts; 0 without attempts."""
        attempts = self.good + self.errors
        return self.errors / attempts if attempts else 0.0

    @property
    def half_width(self) -> float:
        """Relative half-width of this visit's own goodput interval; infinite if it has none."""
        if self.goodput_lo is None or self.goodput_hi is None or not self.goodput_rps:
            return float("inf")
        return (self.goodput_hi - self.goodput_lo) / 2 / self.goodput_rps


def held(visits: Iterable[Visit], users: int | None) -> list[Visit]:
    """The valid hold visits to a level, from which a ceiling is made."""
    return [visit for visit in visits if visit.phase is Phase.HOLD and visit.users == users and visit.valid]
