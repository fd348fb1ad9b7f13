"""Time series of counters and levels, which can be evaluated for any window afterwards."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field

Values = Mapping[Hashable, float]


MOST = 0.5


@dataclass(slots=True)
class Series:
    """Samples by time, in epoch seconds. Any of them may lack a value."""

    times: list[float] = field(default_factory=list)
    values: list[Values] = field(default_factory=list)

    def add(self, time: float, values: Values) -> None:
        self.times.append(time)
        self.values.append(values)

    def change(self, name: Hashable, start: float, end: float) -> float | None:
        """How far a counter rose in a window, interpolated at its edges; None if it was not read.

        If samples cover most but not all of the window, the counter is extrapolated at the same pace.
        """
        first, last = self.at(name, start), self.at(name, end)
        if first is None or last is None:
            return None
        covered = (min(end, self.times[-1]) - max(start, self.times[0])) / (end - start)
        return (last - first) / (covered if covered >= MOST else 1.0)

    def at(self, name: Hashable, moment: float) -> float | None:
        """A counter at ``moment``, interpolated between samples, or that of the first or last sample beyond them."""
        if not self.times:
            return None
        right = bisect_left(self.times, moment)
        if right < len(self.times) and self.times[right] == moment:
            return self.values[right].get(name)
        if right in {0, len(self.times)}:
            return self.values[max(0, right - 1)].get(name)
        before, after = self.values[right - 1].get(name), self.values[right].get(name)
        if before is None or after is None:
            return None
        share = (moment - self.times[right - 1]) / (self.times[right] - self.times[right - 1])
        return before + share * (after - before)

    def inside(self, name: Hashable, start: float, end: float) -> list[float]:
        """The samples of a level in ``[start, end)``, or if there are none, the last one before."""
        first, last = bisect_left(self.times, start), bisect_left(self.times, end)
        samples = [value for values in self.values[first:last] if (value := values.get(name)) is not None]
        if samples or not first:
            return samples
        before = self.values[first - 1].get(name)
        return [] if before is None else [before]

    def first(self, name: Hashable) -> float | None:
        """The first sampled value."""
        return next((value for values in self.values if (value := values.get(name)) is not None), None)

    def names(self, start: float, end: float) -> set[Hashable]:
        """The names of all values sampled in a window or directly next to it."""
        first, last = bisect_left(self.times, start), bisect_left(self.times, end)
        return {name for values in self.values[max(0, first - 1) : last + 1] for name in values}
