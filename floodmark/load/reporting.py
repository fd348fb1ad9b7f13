"""Telling Locust of finished requests: by its event, or, while nobody else listens to that, many at a time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, Protocol

from locust.env import Environment
from locust.event import EventHook

from floodmark.load.controls import CONTROLS
from floodmark.load.response import Response
from floodmark.load.tally import Tally

_OURS = {"locust.runners", "floodmark.load.plugin"}
"""Listeners of the request event whose work the tallies do."""


class Reports:
    """The good answers of one environment's users, tallied per request; the rest goes through the event."""

    def __init__(self, environment: Environment) -> None:
        self._environment = environment
        self.event: EventHook = environment.events.request
        self.foreign = EventHook()
        """Has those listeners of the request event whose work the tallies do not do."""
        self.listened = False
        """Whether there were any when ``find_listeners`` was last called."""
        self._seen: list[Any] = []
        self.tallies: dict[tuple[str, str], Tally] = {}
        self._adopted: list[Tally] = []
        self.by_arrival = False
        """Whether the open model is under way: latencies count from when arrivals were due."""
        self.find_listeners()
        CONTROLS.recorder.sources.append(self.flush)

    @classmethod
    def of(cls, environment: Environment) -> Reports:
        """The one of this environment."""
        found: Reports | None = getattr(environment, "floodmark_reports", None)
        if found is None:
            found = environment.floodmark_reports = cls(environment)  # type: ignore[attr-defined]
        return found

    def find_listeners(self) -> bool:
        """Whether anybody but Locust and floodmark listens to the request event now."""
        everyone = self.event._handlers  # noqa: SLF001 - Locust offers no other way
        if everyone != self._seen:
            self._seen = everyone.copy()
            self.foreign._handlers = [h for h in everyone if getattr(h, "__module__", "") not in _OURS]  # noqa: SLF001
            self.listened = bool(self.foreign._handlers)  # noqa: SLF001
        return self.listened

    def tally(self, method: str, name: str) -> Tally:
        """Where good answers to one request are recorded."""
        tally = self.tallies.get((method, name))
        if tally is None:
            tally = self.tallies[method, name] = Tally(method, name)
        return tally

    def adopt(self, tallies: Sequence[Tally]) -> None:
        """Fold these too."""
        self._adopted.extend(tallies)

    def flush(self) -> None:
        """Fold everything recorded so far into our records and Locust's statistics."""
        for tally in (*self.tallies.values(), *self._adopted):
            tally.fold(CONTROLS.recorder, self._environment.stats, by_arrival=self.by_arrival)


class Contextual(Protocol):
    """A user that adds to its requests' context."""

    def context(self) -> dict[str, Any]: ...


class LeanUser(Contextual, Protocol):
    """The user that a client belongs to."""

    ready_at: float
    """When it wanted to send its next request, epoch s; 0 if it did not say."""
    yielded: bool
    """Set with every answer, as others ran while it waited for that."""


class Report(NamedTuple):
    """What is to be told of one finished request. started, ended: epoch s."""

    reports: Reports
    user: Contextual | None
    method: str
    name: str
    started: float
    ended: float
    context: Mapping[str, Any] | None

    def tell(self, response: Response, failure: BaseException | None) -> None:
        """Say it: to the tally if it was good, and to the event if it failed or somebody listens."""
        reports = self.reports
        if failure is None:
            tally = reports.tally(self.method, self.name)
            tally.started.append(self.started)
            tally.ended.append(self.ended)
            tally.body_bytes += len(response.content)
            if not reports.find_listeners():
                return
        self.fire(response, failure, len(response.content))

    def fire(self, response: Response, failure: BaseException | None, length: int) -> None:
        """The event: to everybody for a failure, otherwise to those whose work the tallies do not do."""
        reports = self.reports
        told = reports.foreign if failure is None else reports.event
        context = self.user.context() if self.user is not None else {}
        told.fire(
            request_type=self.method,
            name=self.name,
            response_time=(self.ended - self.started) * 1000,
            response_length=length,
            response=response,
            context={**context, **(self.context or {})},
            exception=failure,
            start_time=self.started,
            url=response.url,
        )
