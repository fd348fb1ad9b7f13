"""Judges a night in two tiers: tonight against the last nights, and change points of the whole history."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from floodmark.compare.enums import Finding, Role
from floodmark.nightly.normalise import Array, Normalised, mean, normalise
from floodmark.nightly.predictive import NIGHTS, PRIOR_SD, Prediction, predict, twin_spread
from floodmark.stats.change_points import change_points

LOOK_BACK = 90
"""The number of nights searched for change points."""
RECENT = 10
"""Change points more nights ago are ignored: an earlier night could have reported them."""
NEAR = 2
"""A change point within this many nights of a reported one is the same change."""
MUCH_STEADIER = 0.6
"""Raw values are used instead of normalised ones only if their spread is below this share of the normalised spread."""
SEEN_AGAIN = 0.7
"""The second measurement must show at least this share of the effect by itself."""
LARGE = math.log1p(-0.08)
"""An effect of 8 % or more is confirmed in the same night; a smaller one waits for the next."""
LASTING_NIGHTS = 2
"""A change that has lasted so many nights has been seen again."""
SPREAD_NIGHTS = 10
"""The number of nights needed to compare two spreads."""
LEAST_NIGHTS = 4
"""The least number of nights to search for change points."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """A setup of a suite."""

    name: str
    group: str
    """Setups of one group depend on the machine in the same way."""
    role: Role = Role.SETUP
    twin_of: str | None = None
    """The setup that this one repeats."""


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """A metric of a suite, by night, member and round. The last night is tonight."""

    members: Sequence[Member]
    logs: Array
    """Logarithms by (night, member, round). Greater is better; NaN: no valid value."""
    rounds: int
    """The number of regular rounds; later ones were measured again because of an alarm."""
    reported: Mapping[str, Collection[int]] = field(default_factory=dict)
    """By member, the indices of nights at which a change was reported before."""
    alarmed: Mapping[str, Collection[int]] = field(default_factory=dict)
    """By member, the indices of nights that ended with an alarm that the next night was to confirm."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """The judgement of tonight on one member."""

    member: Member
    finding: Finding
    ratio: float | None = None
    """Tonight over the expected value."""
    lowest: float | None = None
    """The lowest ratio that is still fine."""
    p: float | None = None
    nights: int = 0
    """The number of nights that the expected value is based on."""
    at: int | None = None
    """The index of the night in which the change began."""
    tier: str = ""
    adjusted: bool = False
    """Whether the effect of the machine has been removed."""
    again: bool = False
    """Whether there is a second measurement of tonight."""
    reason: str = ""


def judge(history: History, *, confirm: bool = False) -> list[Judged]:
    """Judge the last night. ``confirm``: alarms have been measured again if possible, so decide on them."""
    window = slice(max(0, len(history.logs) - LOOK_BACK), None)
    logs = history.logs[window]
    offset = len(history.logs) - len(logs)
    roles = [member.role is Role.REFERENCE for member in history.members]
    normal = normalise(logs, [member.group for member in history.members], roles, history.rounds)
    judged = []
    assumed_sd = prior_sd(history)
    for index, member in enumerate(history.members):
        reported = [night - offset for night in history.reported.get(member.name, ()) if night >= offset]
        alarmed = [night - offset for night in history.alarmed.get(member.name, ()) if night >= offset]
        series = _Series(member, index, normal, reported, alarmed, assumed_sd)
        judged.append(series.judge(offset, confirm=confirm))
    return judged


def prior_sd(history: History) -> float:
    """The spread between nights to assume of a setup: the prior, or more if its twin shows more."""
    return max(PRIOR_SD, twin_sd(history) or 0.0)


def twin_sd(history: History) -> float | None:
    """The spread between nights that the twins show, the greatest of them; None without a twin of enough nights."""
    names = [member.name for member in history.members]
    raw = mean(history.logs[-LOOK_BACK:, :, : history.rounds], axis=2)
    found = []
    for index, member in enumerate(history.members):
        if member.twin_of in names:
            differences = raw[:-1, index] - raw[:-1, names.index(member.twin_of)]
            found.append(twin_spread(differences[~np.isnan(differences)].tolist()))
    return max((sd for sd in found if sd is not None), default=None)


def twins_apart(history: History) -> list[tuple[Member, bool | None]]:
    """For each twin, whether the rule of tier one claims a difference from its original; None if it does not apply."""
    names = [member.name for member in history.members]
    raw = mean(history.logs[-LOOK_BACK:, :, : history.rounds], axis=2)
    pairs: list[tuple[Member, bool | None]] = []
    for index, member in enumerate(history.members):
        if member.twin_of not in names:
            continue
        differences = raw[:, index] - raw[:, names.index(member.twin_of)]
        earlier = differences[:-1][~np.isnan(differences[:-1])]
        prediction = None if math.isnan(differences[-1]) else predict(earlier.tolist())
        apart = None
        if prediction is not None:
            mirrored = 2 * prediction.expected - differences[-1]
            apart = prediction.outside(float(differences[-1])) or prediction.outside(float(mirrored))
        pairs.append((member, apart))
    return pairs


class _Series:
    """The nights of one member."""

    def __init__(
        self,
        member: Member,
        index: int,
        normal: Normalised,
        reported: Collection[int],
        alarmed: Collection[int],
        assumed_sd: float,
    ) -> None:
        self._member = member
        self._reported = reported
        self._alarmed = alarmed
        self._assumed_sd = assumed_sd
        raw, adjusted = normal.raw[:, index], normal.adjusted[:, index]
        self._adjusted = member.role is not Role.REFERENCE and _steadier(raw, adjusted)
        self._values = adjusted if self._adjusted else raw
        self._repeat = float((normal.adjusted_again if self._adjusted else normal.raw_again)[-1, index])
        self._again = not math.isnan(self._repeat)

    def judge(self, offset: int, *, confirm: bool) -> Judged:
        tonight = float(self._values[-1])
        if math.isnan(tonight):
            return self._judged(Finding.NO_VERDICT, reason="no valid result tonight")
        baseline = max(self._reported, default=0)
        before = self._values[baseline:-1]
        prediction = predict(before[~np.isnan(before)].tolist(), self._assumed_sd)
        if prediction is None:
            return self._judged(Finding.YOUNG, reason="too few valid nights before this one")
        return (
            self._tonight(tonight, prediction, offset, confirm=confirm)
            or self._trend(prediction, offset, confirm=confirm)
            or self._finding(Finding.FINE, tonight, prediction)
        )

    def _tonight(self, tonight: float, prediction: Prediction, offset: int, *, confirm: bool) -> Judged | None:
        at = offset + len(self._values) - 1
        if prediction.outside(tonight) and not self._refuted(prediction.expected, prediction.lowest, confirm=confirm):
            worse = self._worse(tonight - prediction.expected, confirm=confirm)
            return self._finding(worse, tonight, prediction, at=at, tier="tonight")
        mirrored = 2 * prediction.expected - tonight
        if self._member.role is Role.REFERENCE and prediction.outside(mirrored):
            return self._finding(Finding.PLATFORM, tonight, prediction, at=at, tier="tonight")
        return None

    def _trend(self, prediction: Prediction, offset: int, *, confirm: bool) -> Judged | None:
        nights = np.flatnonzero(~np.isnan(self._values))
        nights = nights[nights >= max(self._reported, default=0)]
        if len(nights) < LEAST_NIGHTS:
            return None
        points = change_points(np.exp(self._values[nights]).tolist())
        for point in reversed(points):
            at = int(nights[point.index])
            too_old = len(self._values) - at > RECENT
            if too_old or any(abs(at - reported) <= NEAR for reported in self._reported):
                continue
            if point.ratio > 1:
                finding = Finding.PLATFORM if self._member.role is Role.REFERENCE else Finding.IMPROVEMENT
            elif self._refuted(math.log(point.before), math.log(point.after), confirm=confirm):
                continue
            else:
                lasting = len(self._values) - at >= LASTING_NIGHTS
                finding = self._worse(math.log(point.ratio), confirm=confirm, lasting=lasting)
            return self._judged(
                finding,
                ratio=point.ratio,
                p=point.p,
                at=offset + at,
                nights=min(NIGHTS, prediction.nights),
                tier="trend",
            )
        return None

    def _refuted(self, expected: float, low: float, *, confirm: bool) -> bool:
        """Whether the second measurement by itself does not show the effect."""
        return confirm and self._again and self._repeat > expected + SEEN_AGAIN * (low - expected)

    def _worse(self, effect: float, *, confirm: bool, lasting: bool = False) -> Finding:
        """The finding for a member that got slower by ``effect``, a logarithm.

        What is measured again in the same night shares the machine's mood of that night, so a small effect is only a
        regression once another night shows it too.
        """
        if self._member.role is Role.REFERENCE:
            return Finding.PLATFORM
        seen_before = lasting or self._last_valid_night in self._alarmed
        confirmed = confirm and self._again and (effect <= LARGE or seen_before)
        return Finding.REGRESSION if confirmed else Finding.ALARM

    @property
    def _last_valid_night(self) -> int:
        """The index of the last night before tonight with a value; -1 if there is none."""
        valid = np.flatnonzero(~np.isnan(self._values[:-1]))
        return int(valid[-1]) if len(valid) else -1

    def _finding(
        self, finding: Finding, tonight: float, prediction: Prediction, at: int | None = None, tier: str = ""
    ) -> Judged:
        return self._judged(
            finding,
            ratio=math.exp(tonight - prediction.expected),
            lowest=math.exp(prediction.lowest - prediction.expected),
            p=prediction.p(tonight),
            nights=prediction.nights,
            at=at,
            tier=tier,
        )

    def _judged(
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
    """Whether to use the normalised values: yes, unless the raw values of the earlier nights clearly vary less."""
    if math.isnan(adjusted[-1]):
        return False
    spreads = []
    for values in (adjusted, raw):
        valid = values[:-1][~np.isnan(values[:-1])][-3 * NIGHTS :]
        if len(valid) < SPREAD_NIGHTS:
            return True
        spreads.append(float(np.median(np.abs(np.diff(valid)))))
    return MUCH_STEADIER * spreads[0] < spreads[1]
