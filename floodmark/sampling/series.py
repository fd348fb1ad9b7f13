"""Counters and levels over time, asked for any window afterwards."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field

Values = Mapping[Hashable, float]


MOST = 0.5


@dataclass(slots=True)
class Series:
    """Samples by time, epoch s. A value may be missing from any of them."""

    times: list[float] = field(default_factory=list)
    values: list[Values] = field(default_factory=list)

    def add(self, time: float, values: Values) -> None:
        self.times.append(time)
        self.values.append(values)

    def change(self, name: Hashable, start: float, end: float) -> float | None:
        """How far a counter went in a window, interpolated at its edges; None where it was not read.

        Where samples cover most of the window and not all, it is taken to have gone on at the same pace.
        """
        first, last = self.at(name, start), self.at(name, end)
        if first is None or last is None:
            return None
        covered = (min(end, self.times[-1]) - max(start, self.times[0])) / (end - start)
        return (last - first) / (covered if covered >= MOST else 1.0)

    def at(self, name: Hashable, moment: float) -> float | None:
        """A counter at ``moment``, between the samples around it; at the edges, the nearest sample's."""
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
        """A level's samples in ``[start, end)``; where there are none, the last one before."""
        first, last = bisect_left(self.times, start), bisect_left(self.times, end)
        found = [value for values in self.values[first:last] if (value := values.get(name)) is not None]
        if found or not first:
            return found
        before = self.values[first - 1].get(name)
        return [] if before is None else [before]

    def first(self, name: Hashable) -> float | None:
        """The first value of all."""
        return next((value for values in self.values if (value := values.get(name)) is not None), None)

    def names(self, start: float, end: float) -> set[Hashable]:
        """Everything that was read in a window, or next to it."""
        first, last = bisect_left(self.times, start), bisect_left(self.times, end)
        return {name for values in self.values[max(0, first - 1) : last + 1] for name in values}
