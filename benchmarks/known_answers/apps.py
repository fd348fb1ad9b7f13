"""WSGI apps whose saturation is known exactly. ``FLOODMARK_APP=benchmarks.known_answers.apps:NAME`` puts one behind
any server; all answer ``/io`` as floodmark's own app does.
"""

from __future__ import annotations

import math
import os
import random
import statistics
import threading
import time
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from benchmarks.known_answers.formulas import collapsing_service_s
from benchmarks.known_answers.holds import VARIABLE as HOLDS_VARIABLE
from benchmarks.known_answers.holds import CountedLock
from target_apps.app import burn

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

SERVICE_S = 0.050
FREE_S, LOCKED_S = 0.040, 0.010
PERMITS = 6
SPIN_ITERATIONS = 100_000
COLD_S, COLD_FACTOR = 10.0, 2.0
SINE_SHARE, SINE_PERIOD_S = 0.05, 60.0
LEAK_PER_REQUEST = 3e-5
DRAWS = 200


def wsgi(work: Callable[[], bool]) -> WSGIApplication:
    """``work`` as an app; the answer is 500 where it returns False."""

    def app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        good = work()
        body = b"floodmark:io\n"
        headers = [("Content-Type", "text/plain"), ("Content-Length", str(len(body)))]
        start_response("200 OK" if good else "500 Internal Server Error", headers)
        return [body]

    return app


def sleeping(seconds: Callable[[], float]) -> WSGIApplication:
    """Waits as long as ``seconds`` says."""

    def work() -> bool:
        time.sleep(seconds())
        return True

    return wsgi(work)


class Draws:
    """Service times of a law, in random order.

    Each two hundred hold the law's middle quantiles, scaled to the mean: a visit of some seconds then meets the law's
    own mean and not that of its sample, which for an exponential would be 3.6 % off after 800 requests. How well the
    search does on samples is for the simulator to say.
    """

    def __init__(self, quantile: Callable[[float], float], mean_s: float, seed: int = 1) -> None:
        raw = [quantile((i + 0.5) / DRAWS) for i in range(DRAWS)]
        self._times = [mean_s * value / statistics.fmean(raw) for value in raw]
        self._random = random.Random(seed)
        self._left: list[float] = []
        self._lock = threading.Lock()

    def __call__(self) -> float:
        with self._lock:
            if not self._left:
                self._left = self._random.sample(self._times, DRAWS)
            return self._left.pop()


class Count:
    """Requests inside the app of this process, and those that ever were."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.inside = 0
        self.ever = 0

    def enter(self) -> int:
        with self._lock:
            self.inside += 1
            self.ever += 1
            return self.inside

    def leave(self) -> None:
        with self._lock:
            self.inside -= 1


def _exponential(u: float) -> float:
    return -math.log1p(-u)


def _lognormal(u: float) -> float:
    """Coefficient of variation 1."""
    return math.exp(math.sqrt(math.log(2)) * statistics.NormalDist().inv_cdf(u))


def _spin() -> bool:
    burn(SPIN_ITERATIONS)
    return True


_one_at_a_time = CountedLock(os.environ.get(HOLDS_VARIABLE))


def _locked() -> bool:
    with _one_at_a_time:
        time.sleep(LOCKED_S)
    return True


def _partly_locked() -> bool:
    time.sleep(FREE_S)
    return _locked()


_permits = threading.Semaphore(PERMITS)


def _permitted() -> bool:
    good = _permits.acquire(blocking=False)
    time.sleep(SERVICE_S)
    if good:
        _permits.release()
    return good


def _collapsing() -> Callable[[], bool]:
    count = Count()

    def work() -> bool:
        inside = count.enter()
        try:
            time.sleep(collapsing_service_s(inside, SERVICE_S))
        finally:
            count.leave()
        return True

    return work


def _cold() -> Callable[[], bool]:
    """Slow for the first seconds under load; the checks before the load come one at a time."""
    count, begun = Count(), [math.inf]

    def work() -> bool:
        inside, now = count.enter(), time.monotonic()
        if inside > 1:
            begun[0] = min(begun[0], now)
        try:
            time.sleep(SERVICE_S * (COLD_FACTOR if now < begun[0] + COLD_S else 1.0))
        finally:
            count.leave()
        return True

    return work


def _leak_s() -> Callable[[], float]:
    count = Count()

    def seconds() -> float:
        count.enter()
        return SERVICE_S * (1 + LEAK_PER_REQUEST * count.ever)

    return seconds


def _sine_s() -> float:
    return SERVICE_S / (1 + SINE_SHARE * math.sin(2 * math.pi * time.time() / SINE_PERIOD_S))


constant = sleeping(lambda: SERVICE_S)
exponential = sleeping(Draws(_exponential, SERVICE_S))
lognormal = sleeping(Draws(_lognormal, SERVICE_S))
spin = wsgi(_spin)
partly_locked = wsgi(_partly_locked)
permitted = wsgi(_permitted)
collapsing = wsgi(_collapsing())
cold = wsgi(_cold())
sine = sleeping(_sine_s)
leaking = sleeping(_leak_s())
