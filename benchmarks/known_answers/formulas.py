"""What each known target must give, by formula. Times in s, rates per s; ``overhead_s`` is o, what the server itself
spends on a request in its slot.
"""

from __future__ import annotations

import heapq
import math
import random
from collections.abc import Callable


def slots_rate(slots: int, service_s: float, overhead_s: float = 0.0) -> float:
    """C = c / (s + o): every slot is always busy (utilisation law; Denning and Buzen 1978)."""
    return slots / (service_s + overhead_s)


def knee_users(ceiling_rps: float, r0_s: float, think_s: float) -> float:
    """N* = C (R0 + Z), where the two asymptotes of a closed loop cross."""
    return ceiling_rps * (r0_s + think_s)


def mmcn_rate(users: int, slots: int, service_s: float, think_s: float) -> float:
    """X(N) of M/M/c//N, the machine repairman: users think, queue for c slots and are served, both exponential.

    p_n ~ C(N, n) (s / Z)^n for n <= c, times n! / (c! c^(n - c)) beyond; X = sum of p_n min(n, c) / s.
    """
    logs = []
    for n in range(users + 1):
        log = (
            math.lgamma(users + 1) - math.lgamma(n + 1) - math.lgamma(users - n + 1) + n * math.log(service_s / think_s)
        )
        if n > slots:
            log += math.lgamma(n + 1) - math.lgamma(slots + 1) - (n - slots) * math.log(slots)
        logs.append(log)
    top = max(logs)
    weights = [math.exp(log - top) for log in logs]
    return sum(w * min(n, slots) for n, w in enumerate(weights)) / sum(weights) / service_s


def lock_rate(hold_s: float) -> float:
    """C = 1 / hold: one at a time, however many threads."""
    return 1 / hold_s


def permits_error_share(users: int, permits: int) -> float:
    """Share of requests without a permit when N users are always in flight: (N - permits) / N."""
    return max(0.0, (users - permits) / users)


def permits_error_onset(permits: int) -> int:
    """N_e, the least number of users with errors: one more than there are permits."""
    return permits + 1


def collapsing_service_s(inside: float, service_s: float = 0.050, free: int = 8, slope: float = 0.25) -> float:
    """s(n) = s (1 + slope max(0, n - free)): all slow down by each request beyond ``free``."""
    return service_s * (1 + slope * max(0.0, inside - free))


def collapsing_rate(
    users: int, overhead_s: float = 0.0, service: Callable[[float], float] = collapsing_service_s
) -> float:
    """X(N) = N / (s(n) + o), where n = X s(n) of the N users are inside the app (L = X R); solved by iteration."""
    inside = float(users)
    for _ in range(200):
        rate = users / (service(inside) + overhead_s)
        inside = (inside + rate * service(inside)) / 2
    return users / (service(inside) + overhead_s)


def collapse_users(overhead_s: float = 0.0, kept: float = 0.9, most: int = 64) -> int:
    """N_c, the least level beyond the best where less than ``kept`` of the best is left."""
    rates = {users: collapsing_rate(users, overhead_s) for users in range(1, most + 1)}
    best = max(rates, key=lambda users: rates[users])
    # Rounded: 144.0 is not below 90 % of 160.
    return next(n for n in range(best + 1, most + 1) if round(rates[n], 6) < round(kept * rates[best], 6))


def accepted_without_loss(backlog: int) -> int:
    """Users without think time, a connection for each request, of whom none is ever turned away: Linux queues
    backlog + 1, and a user who was just answered may be back before the worker has taken the next.

    sk_acceptq_is_full() in the kernel's include/net/sock.h is ``sk_ack_backlog > sk_max_ack_backlog``.
    """
    return backlog + 1


def turned_away(backlog: int, workers: int) -> int:
    """Users of whom some are turned away whatever the timing: one more than are served and queued."""
    return workers + accepted_without_loss(backlog) + 1


def stall_quantile_s(q: float, service_s: float, stall_s: float, period_s: float) -> float:
    """Quantile of latency when arrivals come by themselves and the server stands still ``stall_s`` in every period.

    An arrival in the stall waits for its end, uniform on [0, stall]: P(R > s + x) = (stall - x) / period.
    """
    return service_s + max(0.0, stall_s - (1 - q) * period_s)


def sine_mean_rate(slots: int, service_s: float, overhead_s: float = 0.0) -> float:
    """Mean over whole periods of C (1 + a sin): C, since speed (not time) follows the sine."""
    return slots_rate(slots, service_s, overhead_s)


def two_classes_rate(users: int, slots: int, service_s: tuple[float, float], answers: int = 20_000) -> float:
    """X of N users, half of each class, who wait in one line for c slots; played event by event, for want of a formula.

    Users whose requests are short come round more often: X falls with N towards c / mean(s). Service times vary by 2 %,
    as those of a real server do.
    """
    rng = random.Random(1)
    arrivals = [(rng.random() * 0.1, service_s[i % 2]) for i in range(users)]
    heapq.heapify(arrivals)
    free = [0.0] * slots
    done = 0.0
    begun_s = 0.0
    for count in range(answers):
        arrived, mean_s = heapq.heappop(arrivals)
        begin = max(arrived, free[0])
        done = begin + mean_s * rng.uniform(0.98, 1.02)
        heapq.heapreplace(free, done)
        heapq.heappush(arrivals, (done, mean_s))
        if count == answers // 10:
            begun_s = begin
    return 0.9 * answers / (done - begun_s)
