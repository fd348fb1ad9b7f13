"""One suite, night after night, judged as ``floodmark nightly`` judges it: re-runs included."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from benchmarks.nights.world import METRICS, ROUNDS, Noise, World
from floodmark.compare.enums import Finding, Role
from floodmark.nightly.judge import History, Judged, judge, twins_apart


@dataclass(frozen=True, slots=True, kw_only=True)
class Night:
    """What one night said: members with an alarm, those it confirmed, and whether a setup differed from its twin."""

    number: int
    alarms: frozenset[str]
    regressions: frozenset[str]
    twins_apart: bool | None


def nights(seed: int, count: int, first: int, noise: Noise, effects: dict[str, tuple[int, float]]) -> Iterator[Night]:
    """Judge nights ``first`` to ``count - 1``; those before only are history."""
    world = World(seed=seed, noise=noise, effects=effects)
    shape = (METRICS, count, len(world.members), 2 * ROUNDS)
    logs = np.full(shape, np.nan)
    reported: list[dict[str, list[int]]] = [{} for _ in range(METRICS)]
    alarmed: list[dict[str, list[int]]] = [{} for _ in range(METRICS)]
    for night in range(count):
        logs[:, night, :, :ROUNDS] = world.night()
        if night < first:
            continue
        histories = [
            History(
                members=world.members,
                logs=logs[m, : night + 1],
                rounds=ROUNDS,
                reported=dict(reported[m]),
                alarmed=dict(alarmed[m]),
            )
            for m in range(METRICS)
        ]
        found = [judge(history) for history in histories]
        alarms = {j.member.name for rows in found for j in rows if j.finding is Finding.ALARM}
        if alarms:
            again = [i for i, m in enumerate(world.members) if m.name in alarms or m.role is Role.REFERENCE]
            logs[:, night, :, ROUNDS:] = world.measure(again)
            found = [judge(history, confirm=True) for history in histories]
        for metric, rows in enumerate(found):
            _report(rows, reported[metric])
            for row in rows:
                if row.finding is Finding.ALARM:
                    alarmed[metric].setdefault(row.member.name, []).append(night)
        yield Night(
            number=night,
            alarms=frozenset(alarms),
            regressions=frozenset(j.member.name for rows in found for j in rows if j.finding is Finding.REGRESSION),
            twins_apart=twins_apart(histories[0])[0][1],
        )


def _report(rows: list[Judged], reported: dict[str, list[int]]) -> None:
    for row in rows:
        if row.at is not None and row.finding is not Finding.ALARM:
            reported.setdefault(row.member.name, []).append(row.at)
