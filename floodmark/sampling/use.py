"""What a target used and did in a window."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessUse:
    """A process of the app."""

    pid: int
    """As the app itself sees it."""
    cpu_cores: float | None
    finished: float
    app_inflight_mean: float
    """Requests inside it, time average."""
    app_ms_mean: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Use:
    """The use of a target in a window. None: not measured. Counts are interpolated at the edges of the window."""

    pace: float | None = None
    """Speed of the target's CPUs relative to the fastest this machine has shown."""
    cpu_cores: float | None = None
    cpu_proc_max: float | None = None
    cpu_limit_cores: float | None = None
    neighbour_cores: float | None = None
    """What processes other than target and generator used of the target's CPUs."""
    own_cores: float | None = None
    """What generator and floodmark used, if they share the target's CPUs."""
    runq_cores: float | None = None
    """Time that the target's threads waited for a CPU, per second."""
    switches_per_s: float | None = None
    throttled_share: float | None = None
    threads: int | None = None
    rss_bytes: int | None = None
    memory_bytes: int | None = None
    memory_limit_bytes: int | None = None
    oom_kills: int | None = None
    """Since sampling began."""
    major_faults_per_s: float | None = None
    psi_cpu: float | None = None
    psi_mem: float | None = None
    steal: float | None = None
    listen_queue_mean: float | None = None
    """``listen_*`` are of the accept queues of all its listeners."""
    listen_queue_max: int | None = None
    listen_limit: int | None = None
    listen_overflows: int | None = None
    listen_drops: int | None = None
    syn_retransmits: int | None = None
    connections: float | None = None
    """Accepted connections."""
    started: float | None = None
    finished: float | None = None
    app_requests_lost: int | None = None
    app_inflight_mean: float | None = None
    app_inflight_max: int | None = None
    app_ms_mean: float | None = None
    by_process: tuple[ProcessUse, ...] = ()

    def waiting_in_kernel(self, inflight: float | None) -> float | None:
        """The part of the generator's requests in flight whose connections no process has accepted yet."""
        if inflight is None or self.listen_queue_mean is None:
            return None
        return max(0.0, min(self.listen_queue_mean, inflight - (self.app_inflight_mean or 0.0)))

    def waiting_in_server(self, inflight: float | None) -> float | None:
        """The part of the generator's requests in flight that the server holds outside the app."""
        kernel = self.waiting_in_kernel(inflight)
        if inflight is None or kernel is None or self.app_inflight_mean is None:
            return None
        return max(0.0, inflight - self.app_inflight_mean - kernel)
