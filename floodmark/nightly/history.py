"""Judges a night from stored rounds: builds the arrays that are judged, and the rows of the result."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from floodmark.compare.enums import Finding, Role
from floodmark.nightly.files import METRICS, NightRow, RoundRow, night_folders, read_night_rows, read_rounds
from floodmark.nightly.judge import LOOK_BACK, History, Judged, Member, judge, prior_sd, twin_sd, twins_apart
from floodmark.stats.intervals import t_quantile

NOISY_SHARE = 5 / 11
"""If this share of the visits is noisy, the machine was, and the night has no verdicts."""
LEAST_ROUNDS = 2
REPORTED = {Finding.REGRESSION, Finding.IMPROVEMENT, Finding.PLATFORM}


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """The nights before tonight, oldest first."""

    names: tuple[str, ...]
    rounds: tuple[tuple[RoundRow, ...], ...]
    """rounds.csv of each night."""
    rows: tuple[tuple[NightRow, ...], ...]
    """night.csv of each night."""


def read_past(root: Path, tonight: str) -> Past:
    """Read the last nights in ``root`` before ``tonight``. Raises UsageError."""
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
    """Whether so many visits of a night were noisy that the machine must have been."""
    noisy = [row.noisy for row in rows if row.metric == "ceiling_rps" and row.noisy is not None]
    return len(noisy) >= LEAST_ROUNDS and sum(noisy) >= NOISY_SHARE * len(noisy) and sum(noisy) >= LEAST_ROUNDS


def judge_night(tonight: Sequence[RoundRow], past: Past, *, night: str, started: str, confirm: bool) -> list[NightRow]:
    """Judge every metric of every setup of tonight. ``confirm``: alarms have been measured again."""
    rows: list[NightRow] = []
    noisy = machine_noisy(tonight)
    for metric in METRICS:
        rounds = [row for row in tonight if row.metric == metric]
        history = _history(metric, rounds, past)
        apart = {member.name: differs for member, differs in twins_apart(history)}
        for judged in judge(history, confirm=confirm):
            name = judged.member.name
            of_setup = [row for row in rounds if row.setup == name]
            row = _row(judged, of_setup, [*past.names, night], started, apart.get(name), noisy=noisy)
            if judged.member.role is Role.TWIN:
                row = dataclasses.replace(row, twin_sd=twin_sd(history), assumed_sd=prior_sd(history))
            rows.append(row)
    return rows


def _history(metric: str, tonight: Sequence[RoundRow], past: Past) -> History:
    first = {row.setup: row for row in reversed(tonight)}
    members = [
        Member(name=row.setup, group=row.workload, role=row.role, twin_of=row.twin_of or None)
        for row in sorted(first.values(), key=lambda row: row.setup)
    ]
    nights = [*past.rounds, tuple(tonight)]
    of_metric = [[row for row in rows if row.metric == metric] for rows in nights]
    rounds = max((row.round for rows in of_metric for row in rows if not row.again), default=1)
    repeats = max((_repeat(row, rows) for rows in of_metric for row in rows if row.again), default=0)
    logs = np.full((len(nights), len(members), rounds + repeats), np.nan)
    index = {member.name: i for i, member in enumerate(members)}
    for night, rows in enumerate(of_metric):
        if night < len(past.rounds) and machine_noisy(past.rounds[night]):
            continue
        for row in rows:
            comparable = row.setup in index and row.series == first[row.setup].series
            if comparable and row.valid and row.value is not None and _enough(row, rows):
                column = rounds + _repeat(row, rows) - 1 if row.again else row.round - 1
                logs[night, index[row.setup], column] = math.log(row.value) * (-1 if METRICS[metric] else 1)
    return History(
        members=members, logs=logs, rounds=rounds, reported=_reported(metric, past), alarmed=_alarmed(metric, past)
    )


def _repeat(row: RoundRow, rows: Sequence[RoundRow]) -> int:
    """The number of a repeated measurement within its night, from 1."""
    return row.round - max((other.round for other in rows if not other.again), default=0)


def _enough(row: RoundRow, rows: Sequence[RoundRow]) -> bool:
    """Whether the setup of a row has enough valid rounds: one out of several is not enough."""
    of_setup = [other for other in rows if other.setup == row.setup and not other.again]
    return sum(other.valid for other in of_setup) >= min(LEAST_ROUNDS, len(of_setup))


def _reported(metric: str, past: Past) -> dict[str, list[int]]:
    places = {name: i for i, name in enumerate(past.names)}
    reported: dict[str, list[int]] = {}
    for rows in past.rows:
        for row in rows:
            if row.metric == metric and row.finding in REPORTED and row.since in places:
                reported.setdefault(row.setup, []).append(places[row.since])
    return reported


def _alarmed(metric: str, past: Past) -> dict[str, list[int]]:
    """By setup, the nights whose alarm was still open when they ended."""
    nights: dict[str, list[int]] = {}
    for index, rows in enumerate(past.rows):
        for row in rows:
            if row.metric == metric and row.finding is Finding.ALARM:
                nights.setdefault(row.setup, []).append(index)
    return nights


def _row(
    judged: Judged, rounds: Sequence[RoundRow], names: Sequence[str], started: str, apart: bool | None, *, noisy: bool
) -> NightRow:
    valid = [row for row in rounds if row.valid and row.value is not None]
    value, lo, hi = _interval([math.log(row.value) for row in valid if row.value is not None])
    finding, reason = judged.finding, judged.reason
    if noisy and finding is not Finding.NO_VERDICT:
        finding, reason = Finding.NO_VERDICT, "the machine was too noisy tonight"
    elif finding is Finding.NO_VERDICT:
        cause = next((row.reason for row in rounds if row.reason), "")
        reason = f"{len(valid)} of {len(rounds)} rounds valid" + (f": {cause}" if cause else "")
    first = rounds[0]
    # If less is better, the judged logarithms have the opposite sign, so the metric itself changed by 1 / ratio.
    inverted = METRICS[first.metric]

    def of_metric(ratio: float | None) -> float | None:
        return ratio if ratio is None or not inverted else 1 / ratio

    return NightRow(
        night=names[-1],
        started=started,
        setup=judged.member.name,
        role=judged.member.role,
        twin_of=judged.member.twin_of or "",
        workload=judged.member.group,
        metric=first.metric,
        value=value,
        lo=lo,
        hi=hi,
        unit=next((row.unit for row in rounds if row.unit), ""),
        n_rounds=len(rounds),
        n_valid=len(valid),
        finding=finding,
        tier=judged.tier,
        ratio=of_metric(judged.ratio),
        lowest=of_metric(judged.lowest),
        p=judged.p,
        nights=judged.nights,
        since=names[judged.at] if judged.at is not None else "",
        normalised=judged.adjusted,
        again=judged.again,
        twins_apart=apart,
        reason=reason,
        series=first.series,
        server_version=first.server_version,
        app_hash=first.app_hash,
    )


def _interval(logs: Sequence[float]) -> tuple[float | None, float | None, float | None]:
    """The geometric mean, with an interval by Student's t between rounds."""
    if not logs:
        return None, None, None
    mean = sum(logs) / len(logs)
    if len(logs) < LEAST_ROUNDS:
        return math.exp(mean), None, None
    error = math.sqrt(sum((v - mean) ** 2 for v in logs) / (len(logs) - 1) / len(logs))
    half = t_quantile(len(logs) - 1) * error
    return math.exp(mean), math.exp(mean - half), math.exp(mean + half)


def false_alarms(rows: Sequence[NightRow]) -> tuple[int, int]:
    """The number of twin comparisons of the ceiling that claimed a difference, and of all of them."""
    apart = [row.twins_apart for row in rows if row.metric == "ceiling_rps" and row.twins_apart is not None]
    return sum(apart), len(apart)


def alarmed(rows: Sequence[NightRow]) -> list[str]:
    """The setups with an alarm, each once."""
    return list(dict.fromkeys(row.setup for row in rows if row.finding is Finding.ALARM))


def regressions(rows: Sequence[NightRow]) -> list[NightRow]:
    """The rows with a confirmed regression."""
    return [row for row in rows if row.finding is Finding.REGRESSION]


def below(rows: Sequence[NightRow], gates: Mapping[str, float]) -> list[str]:
    """A message for each setup whose ceiling, with its whole interval, lies below its gate."""
    ceilings = {row.setup: row for row in rows if row.metric == "ceiling_rps"}
    messages = []
    for name, least in gates.items():
        row = ceilings.get(name)
        if row is not None and row.value is not None and (row.hi if row.hi is not None else row.value) < least:
            messages.append(f"{name}: {row.value:.1f}/s lies below --fail-under {least:g}")
    return messages


def references(rows: Sequence[RoundRow], names: Sequence[str]) -> list[str]:
    """The references for the workloads of the setups in ``names``."""
    groups = {row.workload for row in rows if row.setup in names}
    return list(dict.fromkeys(r.setup for r in rows if r.role is Role.REFERENCE and r.workload in groups))
