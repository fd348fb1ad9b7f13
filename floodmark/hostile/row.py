"""The row of hostile.csv: what a server still serves to others, and what that is called."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from floodmark.targets.target import Target

HOSTILE = "hostile.csv"
SLOWED = 1.5
"""Times as slow, or as few, as without hostile clients, from which on others are called slowed."""
STARVED = 0.05
"""Share of the throughput below which nobody is served to speak of."""
FAILED = 0.01
"""Share of requests without a good answer beyond which others are not unharmed."""
SETTLE_S = 0.8
"""For the server to take in what hostile clients sent: the slow reader's answer is large."""
PATIENCE_S = 1.0
"""A request that waits longer when the window closes counts as not answered; a younger one is left out."""


class Kind(StrEnum):
    """What a hostile client does."""

    IDLE_SILENT = "idle-silent"
    IDLE_KEPT = "idle-kept"
    HALF_HEADER = "half-header"
    SLOW_BODY = "slow-body"
    SLOW_READER = "slow-reader"
    ABORTED = "aborted"


class Word(StrEnum):
    """What hostile clients do to others."""

    UNHARMED = "unharmed"
    SLOWED = "slowed"
    STARVED = "starved"
    DIED = "died"


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One well-behaved request, monotonic s. answered: None while it waits. error: what went wrong, or nothing."""

    user: int
    sent: float
    answered: float | None = None
    error: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """What well-behaved clients got in a window. Requests that were not answered count with their age."""

    asked: int
    answered: int
    p50_ms: float | None
    max_ms: float | None
    rate_rps: float
    first_s: float | None
    errors: Mapping[str, int]

    @property
    def share(self) -> float:
        """Share of the requests that got a good answer."""
        return self.answered / self.asked if self.asked else 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """Where requests were while hostile clients were there, medians over the window; most_in_app: at any moment.

    held: hostile connections that the server still kept at the end. left_in_app: requests inside the app some time
    after everybody had left.
    """

    in_app: int
    most_in_app: int
    in_kernel: int
    held: int
    left_in_app: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Conditions:
    """hostile: clients of a kind at once. users: well-behaved ones. window_s: how long both are there."""

    hostile: int = 8
    users: int = 4
    window_s: float = 3.0

    @property
    def usual_s(self) -> float:
        """How long one kind mostly takes, s."""
        return SETTLE_S + self.window_s + 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """What one kind did. again_s: until everybody was served again; None when that took too long."""

    service: Service
    evidence: Evidence
    again_s: float | None
    alive: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class HostileRow:
    """One server under one kind of hostile client. Counts are of well-behaved requests, but for those named otherwise.

    hostile: hostile clients; held: their connections that the server still kept at the end of the window. times: how
    many times as slow (p50) or as few answers as without them, the larger. answered_share: of the requests that were
    answered, failed, or had waited longer than a second. p50_ms, max_ms: their latencies, with the age of those not
    answered. kept: throughput against that without hostile clients. first_served_s: until the first answer while
    hostile clients were there. served_again_s: after they left, until every user was answered. in_app, in_kernel:
    requests inside the app (hostile ones too) and connections in the accept queue, medians; left_in_app: requests
    inside the app after everybody had left.
    """

    server: str
    version: str
    settings: str
    nominal_slots: int | None
    connection_cap: int | None
    kind: Kind
    hostile: int
    word: Word
    times: float | None
    users: int
    window_s: float
    asked: int
    answered: int
    answered_share: float
    p50_ms: float | None
    max_ms: float | None
    rate_rps: float
    base_p50_ms: float | None
    base_max_ms: float | None
    base_rate_rps: float
    kept: float
    first_served_s: float | None
    served_again_s: float | None
    alive: bool
    held: int
    in_app: int
    most_in_app: int
    in_kernel: int
    left_in_app: int
    errors: str
    note: str

    @property
    def effect(self) -> str:
        """The word, with its number."""
        return f"slowed {self.times:.1f}x" if self.word is Word.SLOWED else self.word


def serve(asked: Sequence[Asked], start: float, end: float) -> Service:
    """Sum up one window. Requests that had waited less than a second at its end are left out."""
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
    """Time after ``left`` until each of the users had a good answer; None when one never had."""
    first: dict[int, float] = {}
    for a in asked:
        if a.answered is not None and a.answered >= left and not a.error:
            first[a.user] = min(first.get(a.user, a.answered), a.answered)
    return max(first.values()) - left if len(first) == users else None


def judge(found: Service, base: Service, *, alive: bool) -> tuple[Word, float | None]:
    """What the hostile clients did to others, and how many times as slow or as few their answers were."""
    kept = found.rate_rps / base.rate_rps if base.rate_rps else 0.0
    if not alive:
        return Word.DIED, None
    if kept < STARVED:
        return Word.STARVED, None
    times = max(1 / kept, found.p50_ms / base.p50_ms if found.p50_ms and base.p50_ms else 0.0)
    harmed = times > SLOWED or 1 - found.share > FAILED
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
    """In words: what the hostile clients held, as the probe and the kernel saw it."""
    let_go = hostile - evidence.held if kind is not Kind.ABORTED else 0
    ended = f"; the server ended {let_go} of the {hostile} hostile connections" if let_go else ""
    match word:
        case Word.DIED:
            return "the server is gone"
        case Word.UNHARMED:
            if kind is Kind.ABORTED:
                return "serves others beside requests whose clients left"
            return f"holds {evidence.held} of {hostile} beside what it serves{ended}"
        case Word.SLOWED | Word.STARVED:
            if first_s is not None and first_s > PATIENCE_S:
                return f"nobody was served for the first {first_s:.1f} s{ended}"
            return _holder(kind, evidence, hostile, nominal_slots, connection_cap) + ended


def _holder(kind: Kind, seen: Evidence, hostile: int, nominal_slots: int | None, connection_cap: int | None) -> str:
    queue = f"{seen.in_kernel} connections wait in the kernel" if seen.in_kernel else "others wait inside the server"
    if kind is Kind.ABORTED:
        return f"works on requests whose clients left: {seen.in_app} in the app; {queue}"
    if connection_cap is not None and connection_cap <= hostile:
        return f"all {connection_cap} connections it may hold are taken; {queue}"
    if nominal_slots is None:
        return f"{seen.in_app} in the app; {queue}"
    slots = f"all {nominal_slots} slots" if nominal_slots > 1 else "its one slot"
    if seen.in_app >= nominal_slots:
        return f"hostile clients hold {slots} inside the app; {queue}"
    if kind in {Kind.SLOW_BODY, Kind.SLOW_READER}:
        return f"{seen.in_app} of {nominal_slots} slots are taken inside the app; {queue}"
    if hostile >= nominal_slots and seen.in_app == 0:
        return f"{slots} wait for hostile clients, with nothing in the app; {queue}"
    return f"slots wait for hostile clients, with {seen.in_app} of {nominal_slots} in the app; {queue}"


def row(
    target: Target, version: str, kind: Kind, conditions: Conditions, observation: Observation, base: Service
) -> HostileRow:
    """Sum up one server under one kind of hostile client. base: what others got without any."""
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
