"""From stored rounds to what a night says: the arrays that are judged, and the rows that come of it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from floodmark.compare.enums import Finding, Role
from floodmark.nightly.files import METRICS, NightRow, RoundRow, night_folders, read_night_rows, read_rounds
from floodmark.nightly.judge import LOOK_BACK, History, Judged, Member, judge, twins_apart
from floodmark.stats.intervals import t_quantile

NOISY_SHARE = 5 / 11
"""A night with this share of noisy visits was the machine's, and is no verdict on anything else."""
LEAST_ROUNDS = 2
REPORTED = {Finding.REGRESSION, Finding.IMPROVEMENT, Finding.PLATFORM}


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """Nights before tonight, oldest first: their rounds, and what they said."""

    names: tuple[str, ...]
    rounds: tuple[tuple[RoundRow, ...], ...]
    rows: tuple[tuple[NightRow, ...], ...]


def read_past(root: Path, tonight: str) -> Past:
    """The last nights below ``root`` that were finished before ``tonight``. Raises UsageError."""
    folders = [f for f in night_folders(root) if (f.name, len(f.name)) != (tonight, len(tonight))]
    before = [f for f in folders if _stamp(f.name) < _stamp(tonight)][-LOOK_BACK:]
    return Past(
        names=tuple(folder.name for folder in before),
        rounds=tuple(tuple(read_rounds(folder)) for folder in before),
        rows=tuple(tuple(read_night_rows(folder)) for folder in before),
    )


def _stamp(name: str) -> tuple[str, int]:
    number = name[11:]
    return name[:10], int(number) if number.isdecimal() else 1


def machine_noisy(rows: Sequence[RoundRow]) -> bool:
    """Whether so many visits of a night were noisy that the machine was."""
    told = [row.noisy for row in rows if row.metric == "ceiling_rps" and row.noisy is not None]
    return len(told) >= LEAST_ROUNDS and sum(told) >= NOISY_SHARE * len(told) and sum(told) >= LEAST_ROUNDS


def judge_night(tonight: Sequence[RoundRow], past: Past, *, night: str, started: str, confirm: bool) -> list[NightRow]:
    """Every metric of every setup of tonight. confirm: alarms were measured again."""
    rows: list[NightRow] = []
    noisy = machine_noisy(tonight)
    for metric in METRICS:
        mine = [row for row in tonight if row.metric == metric]
        history = _history(metric, mine, past)
        judged = judge(history, confirm=confirm)
        apart = {member.name: word for member, word in twins_apart(history)}
        for one in judged:
            its = [row for row in mine if row.setup == one.member.name]
            rows.append(_row(one, its, [*past.names, night], started, apart.get(one.member.name), noisy=noisy))
    return rows


def _history(metric: str, mine: Sequence[RoundRow], past: Past) -> History:
    first = {row.setup: row for row in reversed(mine)}
    members = [
        Member(name=row.setup, group=row.workload, role=row.role, twin_of=row.twin_of or None)
        for row in sorted(first.values(), key=lambda row: row.setup)
    ]
    nights = [*past.rounds, tuple(mine)]
    of_metric = [[row for row in rows if row.metric == metric] for rows in nights]
    rounds = max((row.round for rows in of_metric for row in rows if not row.again), default=1)
    repeats = max((_second(row, rows) for rows in of_metric for row in rows if row.again), default=0)
    logs = np.full((len(nights), len(members), rounds + repeats), np.nan)
    index = {member.name: i for i, member in enumerate(members)}
    for night, rows in enumerate(of_metric):
        if night < len(past.rounds) and machine_noisy(past.rounds[night]):
            continue
        for row in rows:
            same = row.setup in index and row.series == first[row.setup].series
            if same and row.valid and row.value is not None and _enough(row, rows):
                place = rounds + _second(row, rows) - 1 if row.again else row.round - 1
                logs[night, index[row.setup], place] = math.log(row.value) * (-1 if METRICS[metric] else 1)
    return History(members=members, logs=logs, rounds=rounds, reported=_reported(metric, past))


def _second(row: RoundRow, rows: Sequence[RoundRow]) -> int:
    """Number of a second measurement within its night, from 1."""
    return row.round - max((other.round for other in rows if not other.again), default=0)


def _enough(row: RoundRow, rows: Sequence[RoundRow]) -> bool:
    """Whether a setup has the rounds that a night's value needs: one valid of several is none."""
    its = [other for other in rows if other.setup == row.setup and not other.again]
    return sum(other.valid for other in its) >= min(LEAST_ROUNDS, len(its))


def _reported(metric: str, past: Past) -> dict[str, list[int]]:
    places = {name: i for i, name in enumerate(past.names)}
    found: dict[str, list[int]] = {}
    for rows in past.rows:
        for row in rows:
            if row.metric == metric and row.finding in REPORTED and row.since in places:
                found.setdefault(row.setup, []).append(places[row.since])
    return found


def _row(
    one: Judged, its: Sequence[RoundRow], names: Sequence[str], started: str, apart: bool | None, *, noisy: bool
) -> NightRow:
    valid = [row for row in its if row.valid and row.value is not None]
    value, lo, hi = _interval([math.log(row.value) for row in valid if row.value is not None])
    finding, reason = one.finding, one.reason
    if noisy and finding is not Finding.NO_VERDICT:
        finding, reason = Finding.NO_VERDICT, "the machine was too noisy tonight"
    elif finding is Finding.NO_VERDICT:
        why = next((row.reason for row in its if row.reason), "")
        reason = f"{len(valid)} of {len(its)} rounds valid" + (f": {why}" if why else "")
    first = its[0]
    # Where less is better, the logarithm judged had its sign turned: 1 / ratio is what the metric did.
    turned = METRICS[first.metric]

    def as_seen(ratio: float | None) -> float | None:
        return ratio if ratio is None or not turned else 1 / ratio

    return NightRow(
        night=names[-1],
        started=started,
        setup=one.member.name,
        role=one.member.role,
        twin_of=one.member.twin_of or "",
        workload=one.member.group,
        metric=first.metric,
        value=value,
        lo=lo,
        hi=hi,
        unit=next((row.unit for row in its if row.unit), ""),
        n_rounds=len(its),
        n_valid=len(valid),
        finding=finding,
        tier=one.tier,
        ratio=as_seen(one.ratio),
        lowest=as_seen(one.lowest),
        p=one.p,
        nights=one.nights,
        since=names[one.at] if one.at is not None else "",
        normalised=one.adjusted,
        again=one.again,
        twins_apart=apart,
        reason=reason,
        series=first.series,
        server_version=first.server_version,
        app_hash=first.app_hash,
    )


def _interval(logs: Sequence[float]) -> tuple[float | None, float | None, float | None]:
    """Geometric mean with Student's t between rounds."""
    if not logs:
        return None, None, None
    mean = sum(logs) / len(logs)
    if len(logs) < LEAST_ROUNDS:
        return math.exp(mean), None, None
    error = math.sqrt(sum((v - mean) ** 2 for v in logs) / (len(logs) - 1) / len(logs))
    half = t_quantile(len(logs) - 1) * error
    return math.exp(mean), math.exp(mean - half), math.exp(mean + half)


def false_alarms(rows: Sequence[NightRow]) -> tuple[int, int]:
    """Nights whose ceilings tell a setup from its twin, and nights that could have."""
    told = [row.twins_apart for row in rows if row.metric == "ceiling_rps" and row.twins_apart is not None]
    return sum(told), len(told)


def alarmed(rows: Sequence[NightRow]) -> list[str]:
    """Setups with an alarm, each once."""
    return list(dict.fromkeys(row.setup for row in rows if row.finding is Finding.ALARM))


def regressions(rows: Sequence[NightRow]) -> list[NightRow]:
    """What is confirmed."""
    return [row for row in rows if row.finding is Finding.REGRESSION]


def below(rows: Sequence[NightRow], gates: Mapping[str, float]) -> list[str]:
    """Setups whose ceiling lies below its gate with its whole interval."""
    ceilings = {row.setup: row for row in rows if row.metric == "ceiling_rps"}
    found = []
    for name, least in gates.items():
        row = ceilings.get(name)
        if row is not None and row.value is not None and (row.hi if row.hi is not None else row.value) < least:
            found.append(f"{name}: {row.value:.1f}/s lies below --fail-under {least:g}")
    return found


def references(rows: Sequence[RoundRow], names: Sequence[str]) -> list[str]:
    """References of the workloads that ``names`` have."""
    groups = {row.workload for row in rows if row.setup in names}
    return list(dict.fromkeys(r.setup for r in rows if r.role is Role.REFERENCE and r.workload in groups))
