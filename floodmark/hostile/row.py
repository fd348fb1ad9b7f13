"""The row of hostile.csv, and how the service to others is summarised, judged and explained."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from floodmark.targets.target import Target

HOSTILE = "hostile.csv"
SLOWED = 1.5
"""Others are slowed if they are served more than this factor slower, or less often, than without hostile clients."""
STARVED = 0.05
"""Others are starved below this share of the normal throughput."""
FAILED = 0.01
"""Others are not unharmed if more than this share of their requests gets no good answer."""
SETTLE_S = 0.8
"""Time for the server to process what hostile clients sent; the slow reader's answer is large."""
PATIENCE_S = 1.0
"""A request that has waited longer when the window closes counts as not answered; a younger one is ignored."""


class Kind(StrEnum):
    """The kinds of hostile clients, by what they do."""

    IDLE_SILENT = "idle-silent"
    IDLE_KEPT = "idle-kept"
    HALF_HEADER = "half-header"
    SLOW_BODY = "slow-body"
    SLOW_READER = "slow-reader"
    ABORTED = "aborted"


class Word(StrEnum):
    """The effect of hostile clients on others."""

    UNHARMED = "unharmed"
    SLOWED = "slowed"
    STARVED = "starved"
    DIED = "died"


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A request of a well-behaved client."""

    user: int
    sent: float
    """Monotonic seconds."""
    answered: float | None = None
    """Monotonic seconds; None while it waits."""
    error: str = ""
    """The kind of error; empty for a good answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """What well-behaved clients got in a window. The latency of an unanswered request is its age."""

    asked: int
    answered: int
    p50_ms: float | None
    max_ms: float | None
    rate_rps: float
    first_s: float | None
    errors: Mapping[str, int]

    @property
    def share(self) -> float:
        """Share of the requests with a good answer."""
        return self.answered / self.asked if self.asked else 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """Where requests were while hostile clients were connected."""

    in_app: int
    """Requests inside the app, median."""
    most_in_app: int
    """Requests inside the app, maximum."""
    in_kernel: int
    """Connections in the accept queue, median."""
    held: int
    """Hostile connections that the server still kept at the end of the window."""
    left_in_app: int
    """Requests inside the app some time after all clients had left."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Conditions:
    """The conditions of a measurement."""

    hostile: int = 8
    """Hostile clients of one kind at once."""
    users: int = 4
    """Well-behaved clients."""
    window_s: float = 3.0
    """How long both are connected."""

    @property
    def usual_s(self) -> float:
        """The usual duration for one kind, in seconds."""
        return SETTLE_S + self.window_s + 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """What was observed with one kind of hostile client."""

    service: Service
    evidence: Evidence
    again_s: float | None
    """Time after they left until all users were served again; None if that took too long."""
    alive: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class HostileRow:
    """A server under one kind of hostile client: a row of hostile.csv, in the order of its columns.

    Counts are of well-behaved requests unless noted.
    """

    server: str
    version: str
    settings: str
    nominal_slots: int | None
    connection_cap: int | None
    kind: Kind
    hostile: int
    """Number of hostile clients."""
    word: Word
    times: float | None
    """How many times slower (p50), or how many times fewer answers, than without them, whichever is larger."""
    users: int
    window_s: float
    asked: int
    """Requests that were answered, failed, or had waited longer than a second."""
    answered: int
    answered_share: float
    p50_ms: float | None
    """``p50_ms`` and ``max_ms`` include the age of unanswered requests."""
    max_ms: float | None
    rate_rps: float
    base_p50_ms: float | None
    base_max_ms: float | None
    base_rate_rps: float
    kept: float
    """Throughput relative to that without hostile clients."""
    first_served_s: float | None
    """Time until the first answer while hostile clients were connected."""
    served_again_s: float | None
    """Time after they left until every user was answered."""
    alive: bool
    held: int
    """Hostile connections that the server still kept at the end of the window."""
    in_app: int
    """Requests inside the app, including hostile ones, median."""
    most_in_app: int
    in_kernel: int
    """Connections in the accept queue, median."""
    left_in_app: int
    """Requests inside the app after all clients had left."""
    errors: str
    note: str

    @property
    def effect(self) -> str:
        """The word, with the factor if slowed."""
        return f"slowed {self.times:.1f}x" if self.word is Word.SLOWED else self.word


def serve(asked: Sequence[Asked], start: float, end: float) -> Service:
    """Summarise a window, ignoring requests that had waited less than a second at its end."""
    good = [a for a in asked if a.answered is not None and start <= a.answered < end and not a.error]
    failed = [a for a in asked if a.answered is not None and start <= a.answered < end and a.error]
    waiting = [a for a in asked if (a.answered is None or a.answered >= end) and start <= a.sent <= end - PATIENCE_S]
    latencies = [1000 * (a.answered - a.sent) for a in good if a.answered is not None]
    latencies += [1000 * (end - a.sent) for a in waiting]
    return Service(
        asked=len(good) + len(failed) + len(waiting),
        answered=len(good),
        p50_ms=statistics.median(latencies) if latencies else None,
        max_ms=max(latencies, default=None),
        rate_rps=len(good) / (end - start),
        first_s=min((a.answered - start for a in good if a.answered is not None), default=None),
        errors=Counter(a.error for a in failed),
    )


def served_again_s(asked: Sequence[Asked], left: float, users: int) -> float | None:
    """Time after ``left`` until every user got a good answer; None if some have not yet."""
    first: dict[int, float] = {}
    for a in asked:
        if a.answered is not None and a.answered >= left and not a.error:
            first[a.user] = min(first.get(a.user, a.answered), a.answered)
    return max(first.values()) - left if len(first) == users else None


def judge(service: Service, base: Service, *, alive: bool) -> tuple[Word, float | None]:
    """The effect on others, and by what factor their answers were slower or fewer."""
    kept = service.rate_rps / base.rate_rps if base.rate_rps else 0.0
    if not alive:
        return Word.DIED, None
    if kept < STARVED:
        return Word.STARVED, None
    times = max(1 / kept, service.p50_ms / base.p50_ms if service.p50_ms and base.p50_ms else 0.0)
    harmed = times > SLOWED or 1 - service.share > FAILED
    return (Word.SLOWED if harmed else Word.UNHARMED), times


def explain(
    kind: Kind,
    word: Word,
    evidence: Evidence,
    *,
    first_s: float | None,
    hostile: int,
    nominal_slots: int | None,
    connection_cap: int | None,
) -> str:
    """Explain in words what the hostile clients held, as seen by the probe and the kernel."""
    let_go = hostile - evidence.held if kind is not Kind.ABORTED else 0
    ended = f"; the server ended {let_go} of the {hostile} hostile connections" if let_go else ""
    match word:
        case Word.DIED:
            return "the server is gone"
        case Word.UNHARMED:
            if kind is Kind.ABORTED:
                return "serves others alongside requests whose clients left"
            return f"holds {evidence.held} of {hostile} hostile connections and serves others{ended}"
        case Word.SLOWED | Word.STARVED:
            if first_s is not None and first_s > PATIENCE_S:
                return f"nobody was served for the first {first_s:.1f} s{ended}"
            return _holder(kind, evidence, hostile, nominal_slots, connection_cap) + ended


def _holder(kind: Kind, evidence: Evidence, hostile: int, nominal_slots: int | None, connection_cap: int | None) -> str:
    queue = (
        f"{evidence.in_kernel} connections wait in the kernel"
        if evidence.in_kernel
        else "others wait inside the server"
    )
    if kind is Kind.ABORTED:
        return f"works on requests whose clients left: {evidence.in_app} in the app; {queue}"
    if connection_cap is not None and connection_cap <= hostile:
        return f"all {connection_cap} connections it may hold are taken; {queue}"
    if nominal_slots is None:
        return f"{evidence.in_app} in the app; {queue}"
    slots = f"all {nominal_slots} slots" if nominal_slots > 1 else "its one slot"
    if evidence.in_app >= nominal_slots:
        return f"hostile clients hold {slots} inside the app; {queue}"
    if kind in {Kind.SLOW_BODY, Kind.SLOW_READER}:
        return f"{evidence.in_app} of {nominal_slots} slots are taken inside the app; {queue}"
    if hostile >= nominal_slots and evidence.in_app == 0:
        return f"{slots} wait for hostile clients, with nothing in the app; {queue}"
    return f"slots wait for hostile clients, with {evidence.in_app} of {nominal_slots} in the app; {queue}"


def row(
    target: Target, version: str, kind: Kind, conditions: Conditions, observation: Observation, base: Service
) -> HostileRow:
    """Build the row of a server under one kind of hostile client. ``base`` is the service without any."""
    service, evidence, alive = observation.service, observation.evidence, observation.alive
    slots, cap = target.nominal_slots, target.server.connection_cap(target.settings)
    word, times = judge(service, base, alive=alive)
    return HostileRow(
        server=target.server.name,
        version=version,
        settings=" ".join(f"{name}={value}" for name, value in target.settings.items()),
        nominal_slots=slots,
        connection_cap=cap,
        kind=kind,
        hostile=conditions.hostile,
        word=word,
        times=_round(times, 2),
        users=conditions.users,
        window_s=conditions.window_s,
        asked=service.asked,
        answered=service.answered,
        answered_share=round(service.share, 4),
        p50_ms=_round(service.p50_ms, 2),
        max_ms=_round(service.max_ms, 2),
        rate_rps=round(service.rate_rps, 2),
        base_p50_ms=_round(base.p50_ms, 2),
        base_max_ms=_round(base.max_ms, 2),
        base_rate_rps=round(base.rate_rps, 2),
        kept=round(service.rate_rps / base.rate_rps if base.rate_rps else 0.0, 4),
        first_served_s=_round(service.first_s, 3),
        served_again_s=_round(observation.again_s, 3),
        alive=alive,
        held=evidence.held,
        in_app=evidence.in_app,
        most_in_app=evidence.most_in_app,
        in_kernel=evidence.in_kernel,
        left_in_app=evidence.left_in_app,
        errors=", ".join(f"{count} {name}" for name, count in sorted(service.errors.items())),
        note=explain(
            kind,
            word,
            evidence,
            first_s=service.first_s,
            hostile=conditions.hostile,
            nominal_slots=slots,
            connection_cap=cap,
        ),
    )


def _round(value: float | None, digits: int) -> float | None:
    return None if value is None else round(value, digits)
