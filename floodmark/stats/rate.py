"""The rate of good answers in a window: from their response times where that is exact, else from their number."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from floodmark.stats.intervals import batch_half_width, t_quantile
from floodmark.stats.window import Window

BATCHES_MAX = 32
RESOLUTION = 0.0005
"""No rate is known more precisely than clocks and bins allow."""
LONGEST = 1.5
"""How many times the longest completed response a request in flight may have lasted at an edge of the window."""


@dataclass(frozen=True, slots=True)
class Rate:
    """Good answers per second."""

    value: float
    half_width: float
    """Relative half-width of the 95 % interval; infinite if unknown."""
    counted: float
    """Answers counted in the window over its length."""
    agrees: bool = True
    """Whether the count and the response times can be of the same requests."""


def counted(window: Window) -> Rate:
    """The number of good answers over the length of the window, with the interval of batch means."""
    value = window.good / window.seconds
    return Rate(value, batch_half_width(window.good_per_bin), value)


def edge_corrected(window: Window, users: int) -> Rate:
    """N (1 - gap) / R, the rate of ``users`` without think time.

    A count between two fixed moments is off by up to one answer per user, because requests are cut by both edges. The
    operational law N = X R holds for the same window with the cut requests in proportion: X = good x response_s /
    all_s, where ``response_s`` is the time in flight inside the window and ``all_s`` the time of the responses that
    ended in it. Users who think are cut in their pauses too, which no response time shows; for them, and where no time
    in flight was measured, this is ``counted``. It is so too if both rates differ by more than the edges explain: then
    requests were in flight that do not end, or were counted twice.
    """
    count = counted(window)
    all_s = window.all_ms / 1000
    if window.think_s or not window.in_flight_s or not all_s or not window.good:
        return count
    cut_s = abs(window.response_s - all_s)
    longest_s = max(window.histogram.quantile(1.0) or 0.0, window.error_histogram.quantile(1.0) or 0.0) / 1000
    if cut_s > users * LONGEST * longest_s:
        return Rate(count.value, count.half_width, count.value, agrees=False)
    return Rate(count.value * window.response_s / all_s, _half_width(window, users), count.value)


def _half_width(window: Window, users: int) -> float:
    """Batch means of good answers over their response times, in order of completion.

    A batch is at least one round of all users, because within a round response times balance each other. The interval
    is that of a ratio (Cochran, 1977, 6.3), with the effective number of batches from their lag-1 autocorrelation.
    Infinite if there are fewer than two batches.
    """
    size = max(users, math.ceil(window.answers / BATCHES_MAX))
    batches: list[tuple[float, float]] = []
    good = answers = 0
    ms = 0.0
    for bin_good, bin_answers, bin_ms in zip(
        window.good_per_bin, window.answers_per_bin, window.ms_per_bin, strict=True
    ):
        good, answers, ms = good + bin_good, answers + bin_answers, ms + bin_ms
        if answers >= size:
            batches.append((good, ms))
            good, answers, ms = 0, 0, 0.0
    if len(batches) < 2:
        return math.inf
    goods, times = np.asarray(batches).T
    ratio = goods.sum() / times.sum()
    errors = goods - ratio * times
    n = len(batches)
    squares = float(errors @ errors)
    if not squares:
        return RESOLUTION
    r1 = min(max(float(errors[:-1] @ errors[1:]) / squares, -0.5), 0.9)
    effective = max(1.5, n * (1 - r1) / (1 + r1))
    error = math.sqrt(squares / (n - 1) / effective) / float(goods.mean())
    return max(RESOLUTION, t_quantile(n - 1) * error)
