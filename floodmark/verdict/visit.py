"""One visit of a load level: the row of steps.csv, and what every judgement is made from."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from floodmark.verdict.enums import Generator, Model, Phase


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """A visit. None means not measured; it is never 0.

    Times are seconds from the start of the load, rates per second, latencies in ms, memory in bytes, CPU in
    cores, shares and gaps between 0 and 1. slo_misses: in the open model, arrivals without a good answer within
    slo_ms. gen_demand_max: CPU that the busiest generator process wanted, time in wait for it included.
    waiting_in_server, waiting_in_kernel: of the requests in flight, those outside the app, time averages.
    app_proc_inflight_max, _min: requests inside the fullest and the emptiest process. cpu_limit_cores: what CPUs and
    quota allow. neighbour_cores: what others used of the target's CPUs; runq_cores: the target's time in wait for one.
    own_cores: what generator and floodmark used, where they share the target's CPUs.
    The field order is the column order of steps.csv.
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
    gen_demand_max: float | None = None
    waiting_in_server: float | None = None
    waiting_in_kernel: float | None = None
    app_processes: int | None = None
    app_proc_inflight_max: float | None = None
    app_proc_inflight_min: float | None = None
    app_requests_lost: int | None = None
    connections: float | None = None
    listen_drops: int | None = None
    syn_retransmits: int | None = None
    threads: int | None = None
    cpu_limit_cores: float | None = None
    neighbour_cores: float | None = None
    runq_cores: float | None = None
    switches_per_s: float | None = None
    major_faults_per_s: float | None = None
    memory_bytes: int | None = None
    memory_limit_bytes: int | None = None
    oom_kills: int | None = None
    own_cores: float | None = None

    @property
    def seconds(self) -> float:
        """Length of the measured window."""
        return self.t_end_s - self.t_start_s

    @property
    def error_share(self) -> float:
        """Errors over attempts; 0 where nothing was attempted."""
        attempts = self.good + self.errors
        return self.errors / attempts if attempts else 0.0

    @property
    def half_width(self) -> float:
        """Relative half-width of this visit's own goodput interval; infinite where it has none."""
        if self.goodput_lo is None or self.goodput_hi is None or not self.goodput_rps:
            return float("inf")
        return (self.goodput_hi - self.goodput_lo) / 2 / self.goodput_rps


def held(visits: Iterable[Visit], users: int | None) -> list[Visit]:
    """The valid hold visits of a level: what a ceiling is made from."""
    return [visit for visit in visits if visit.phase is Phase.HOLD and visit.users == users and visit.valid]
