"""What a night says, in two tiers: tonight against the last nights, and change points of the whole history."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from floodmark.compare.enums import Finding, Role
from floodmark.nightly.normalise import Array, Normalised, mean, normalise
from floodmark.nightly.predictive import NIGHTS, Prediction, predict
from floodmark.stats.change_points import change_points

LOOK_BACK = 90
"""Nights that change points are looked for in."""
RECENT = 10
"""A change point longer ago was there to be found before."""
NEAR = 2
"""Change points within so many nights of a reported one are the same."""
MUCH_STEADIER = 0.6
"""The nights as measured are taken only where their spread is below this share of that without the machine."""
SEEN_AGAIN = 0.7
"""Share of the effect that the second measurement must show by itself."""
SPREAD_NIGHTS = 10
"""Nights it takes to tell two spreads apart."""
LEAST_NIGHTS = 4
"""Nights that change points are looked for in at all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """A setup of a suite. group: what depends on the machine alike. twin_of: the setup this one is the same as."""

    name: str
    group: str
    role: Role = Role.SETUP
    twin_of: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """One metric of a suite, by night, member and round; the last night is tonight.

    logs: logarithms, greater being better, NaN where there is no valid value. rounds: those that everything takes part
    in; later ones were measured again because of an alarm. reported: nights, by index, at which a change of a member
    was reported before.
    """

    members: Sequence[Member]
    logs: Array
    rounds: int
    reported: Mapping[str, Collection[int]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """What tonight says of one member. ratio: tonight over what was expected; lowest: the ratio that still is fine.

    at: index of the night in which the change began. adjusted: whether the machine was taken out. again: whether it
    rests on a second measurement of tonight.
    """

    member: Member
    finding: Finding
    ratio: float | None = None
    lowest: float | None = None
    p: float | None = None
    nights: int = 0
    at: int | None = None
    tier: str = ""
    adjusted: bool = False
    again: bool = False
    reason: str = ""


def judge(history: History, *, confirm: bool = False) -> list[Judged]:
    """Judge the last night. confirm: alarms were measured again, as far as they could be: decide on them."""
    window = slice(max(0, len(history.logs) - LOOK_BACK), None)
    logs = history.logs[window]
    offset = len(history.logs) - len(logs)
    roles = [member.role is Role.REFERENCE for member in history.members]
    normal = normalise(logs, [member.group for member in history.members], roles, history.rounds)
    found = []
    for index, member in enumerate(history.members):
        reported = [night - offset for night in history.reported.get(member.name, ()) if night >= offset]
        one = _Series(member, index, normal, reported)
        found.append(one.judge(offset, confirm=confirm))
    return found


def twins_apart(history: History) -> list[tuple[Member, bool | None]]:
    """Whether tonight's rule of tier one tells a setup from itself, by pair; None where it cannot be applied."""
    names = [member.name for member in history.members]
    raw = mean(history.logs[-LOOK_BACK:, :, : history.rounds], axis=2)
    found: list[tuple[Member, bool | None]] = []
    for index, member in enumerate(history.members):
        if member.twin_of not in names:
            continue
        apart = raw[:, index] - raw[:, names.index(member.twin_of)]
        there = apart[:-1][~np.isnan(apart[:-1])]
        prediction = None if math.isnan(apart[-1]) else predict(there.tolist())
        word = None
        if prediction is not None:
            mirrored = 2 * prediction.expected - apart[-1]
            word = prediction.outside(float(apart[-1])) or prediction.outside(float(mirrored))
        found.append((member, word))
    return found


class _Series:
    """One member's nights."""

    def __init__(self, member: Member, index: int, normal: Normalised, reported: Collection[int]) -> None:
        self._member = member
        self._reported = reported
        raw, adjusted = normal.raw[:, index], normal.adjusted[:, index]
        self._adjusted = member.role is not Role.REFERENCE and _steadier(raw, adjusted)
        self._values = adjusted if self._adjusted else raw
        self._second = float((normal.adjusted_again if self._adjusted else normal.raw_again)[-1, index])
        self._again = not math.isnan(self._second)

    def judge(self, offset: int, *, confirm: bool) -> Judged:
        tonight = float(self._values[-1])
        if math.isnan(tonight):
            return self._word(Finding.NO_VERDICT, reason="no valid result tonight")
        baseline = max(self._reported, default=0)
        before = self._values[baseline:-1]
        prediction = predict(before[~np.isnan(before)].tolist())
        if prediction is None:
            return self._word(Finding.YOUNG, reason="too few valid nights before this one")
        return (
            self._tonight(tonight, prediction, offset, confirm=confirm)
            or self._trend(prediction, offset, confirm=confirm)
            or self._say(Finding.FINE, tonight, prediction)
        )

    def _tonight(self, tonight: float, prediction: Prediction, offset: int, *, confirm: bool) -> Judged | None:
        at = offset + len(self._values) - 1
        if prediction.outside(tonight) and not self._refuted(prediction.expected, prediction.lowest, confirm=confirm):
            return self._say(self._bad(confirm=confirm), tonight, prediction, at=at, tier="tonight")
        mirrored = 2 * prediction.expected - tonight
        if self._member.role is Role.REFERENCE and prediction.outside(mirrored):
            return self._say(Finding.PLATFORM, tonight, prediction, at=at, tier="tonight")
        return None

    def _trend(self, prediction: Prediction, offset: int, *, confirm: bool) -> Judged | None:
        nights = np.flatnonzero(~np.isnan(self._values))
        nights = nights[nights >= max(self._reported, default=0)]
        if len(nights) < LEAST_NIGHTS:
            return None
        points = change_points(np.exp(self._values[nights]).tolist())
        for point in reversed(points):
            at = int(nights[point.index])
            old = len(self._values) - at > RECENT
            if old or any(abs(at - known) <= NEAR for known in self._reported):
                continue
            if point.ratio > 1:
                word = Finding.PLATFORM if self._member.role is Role.REFERENCE else Finding.IMPROVEMENT
            elif self._refuted(math.log(point.before), math.log(point.after), confirm=confirm):
                continue
            else:
                word = self._bad(confirm=confirm)
            return self._word(
                word,
                ratio=point.ratio,
                p=point.p,
                at=offset + at,
                nights=min(NIGHTS, prediction.nights),
                tier="trend",
            )
        return None

    def _refuted(self, expected: float, low: float, *, confirm: bool) -> bool:
        """Whether the second measurement, by itself, does not show it."""
        return confirm and self._again and self._second > expected + SEEN_AGAIN * (low - expected)

    def _bad(self, *, confirm: bool) -> Finding:
        if self._member.role is Role.REFERENCE:
            return Finding.PLATFORM
        return Finding.REGRESSION if confirm and self._again else Finding.ALARM

    def _say(
        self, finding: Finding, tonight: float, prediction: Prediction, at: int | None = None, tier: str = ""
    ) -> Judged:
        return self._word(
            finding,
            ratio=math.exp(tonight - prediction.expected),
            lowest=math.exp(prediction.lowest - prediction.expected),
            p=prediction.p(tonight),
            nights=prediction.nights,
            at=at,
            tier=tier,
        )

    def _word(
        self,
        finding: Finding,
        *,
        ratio: float | None = None,
        lowest: float | None = None,
        p: float | None = None,
        nights: int = 0,
        at: int | None = None,
        tier: str = "",
        reason: str = "",
    ) -> Judged:
        return Judged(
            member=self._member,
            finding=finding,
            ratio=ratio,
            lowest=lowest,
            p=p,
            nights=nights,
            at=at,
            tier=tier,
            adjusted=self._adjusted,
            again=self._again,
            reason=reason,
        )


def _steadier(raw: Array, adjusted: Array) -> bool:
    """Whether to take the machine out: unless the nights before this one clearly vary less as measured."""
    if math.isnan(adjusted[-1]):
        return False
    spreads = []
    for values in (adjusted, raw):
        there = values[:-1][~np.isnan(values[:-1])][-3 * NIGHTS :]
        if len(there) < SPREAD_NIGHTS:
            return True
        spreads.append(float(np.median(np.abs(np.diff(there)))))
    return MUCH_STEADIER * spreads[0] < spreads[1]
