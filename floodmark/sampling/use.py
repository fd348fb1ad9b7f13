"""What a target did in a window."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessUse:
    """One process of the app. pid: as the app sees it. app_inflight_mean: requests inside it, time average."""

    pid: int
    cpu_cores: float | None
    finished: float
    app_inflight_mean: float
    app_ms_mean: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Use:
    """None where it was not measured. CPU in cores; counts are interpolated at the window's edges.

    neighbour_cores: CPU that others than target and generator used on the target's CPUs. own_cores: what the
    generator and floodmark used, where they share them. runq_cores: time the target's
    threads were ready and did not run. listen_*: of the accept queues of all its listeners. connections: accepted ones.
    oom_kills: since sampling began.
    """

    cpu_cores: float | None = None
    cpu_proc_max: float | None = None
    cpu_limit_cores: float | None = None
    neighbour_cores: float | None = None
    own_cores: float | None = None
    runq_cores: float | None = None
    switches_per_s: float | None = None
    throttled_share: float | None = None
    threads: int | None = None
    rss_bytes: int | None = None
    memory_bytes: int | None = None
    memory_limit_bytes: int | None = None
    oom_kills: int | None = None
    major_faults_per_s: float | None = None
    psi_cpu: float | None = None
    psi_mem: float | None = None
    steal: float | None = None
    listen_queue_mean: float | None = None
    listen_queue_max: int | None = None
    listen_limit: int | None = None
    listen_overflows: int | None = None
    listen_drops: int | None = None
    syn_retransmits: int | None = None
    connections: float | None = None
    started: float | None = None
    finished: float | None = None
    app_requests_lost: int | None = None
    app_inflight_mean: float | None = None
    app_inflight_max: int | None = None
    app_ms_mean: float | None = None
    by_process: tuple[ProcessUse, ...] = ()

    def waiting_in_kernel(self, inflight: float | None) -> float | None:
        """Of the requests in flight at the generator, those that no process has accepted yet."""
        if inflight is None or self.listen_queue_mean is None:
            return None
        return max(0.0, min(self.listen_queue_mean, inflight - (self.app_inflight_mean or 0.0)))

    def waiting_in_server(self, inflight: float | None) -> float | None:
        """Of the requests in flight at the generator, those that the server has and the app has not."""
        kernel = self.waiting_in_kernel(inflight)
        if inflight is None or kernel is None or self.app_inflight_mean is None:
            return None
        return max(0.0, inflight - self.app_inflight_mean - kernel)
