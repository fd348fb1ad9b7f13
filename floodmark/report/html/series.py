"""The data of charts as plain rows: visits, levels, marks of the verdict, and seconds."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from floodmark.report.cells import parts
from floodmark.results.run import Run
from floodmark.results.schema import BucketCount, Result, Second
from floodmark.verdict.enums import Model, Phase
from floodmark.verdict.visit import Visit

Row = dict[str, Any]

QUANTILES = ("p50", "p95", "p99")
MOST_SECONDS = 240
"""The most points of a chart over time; longer runs are averaged over several seconds."""
BUCKETS_PER_DECADE = 24


def drawn(visits: Iterable[Visit], think_time_ms: float) -> list[Visit]:
    """The visits of a curve, without the warm-up and, if there is think time, without visits that omit it."""
    left_out = {Phase.WARM} | ({Phase.BASE, Phase.BRACKET} if think_time_ms else set())
    return [v for v in visits if v.phase not in left_out and v.model is Model.CLOSED and v.users > 0]


def against_users(name: str, run: Run) -> dict[str, list[Row]]:
    """The data of a run for the charts against users."""
    visits = drawn(run.visits, run.record.scenario.load.think_time_ms)
    return {"points": points(name, visits), "levels": levels(name, visits), "marks": marks(name, run.results)}


def points(name: str, visits: Iterable[Visit]) -> list[Row]:
    """A row per visit, valid or not, with all details."""
    return [_point(name, visit) for visit in visits]


def _point(name: str, visit: Visit) -> Row:
    row: Row = {
        "server": name,
        "visit": visit.number,
        "phase": str(visit.phase),
        "users": visit.users,
        "goodput": _short(visit.goodput_rps),
        "lo": _short(visit.goodput_lo),
        "hi": _short(visit.goodput_hi),
        "errors": _short(visit.error_share),
        "valid": visit.valid,
        "reason": visit.reason or ("" if visit.valid else "not valid"),
    }
    for quantile in QUANTILES:
        row[quantile] = _short(getattr(visit, f"r_{quantile}_ms"))
    return row


def levels(name: str, visits: Iterable[Visit]) -> list[Row]:
    """A row per level: medians of its valid visits and their intervals, without recovery."""
    by_users: dict[int, list[Visit]] = {}
    for visit in visits:
        if visit.valid and visit.phase is not Phase.RECOVERY:
            by_users.setdefault(visit.users, []).append(visit)
    rows = []
    for users in sorted(by_users):
        visits = by_users[users]
        row: Row = {
            "server": name,
            "users": users,
            "goodput": _median(v.goodput_rps for v in visits),
            "lo": _median(v.goodput_lo for v in visits),
            "hi": _median(v.goodput_hi for v in visits),
        }
        for quantile in QUANTILES:
            row[quantile] = _median(getattr(v, f"r_{quantile}_ms") for v in visits)
        rows.append(row)
    return rows


def marks(name: str, metrics: Mapping[str, Result]) -> list[Row]:
    """The ceiling of a server or its lower bound, and its knee."""
    ceiling, knee = metrics.get("ceiling_rps"), metrics.get("knee_users")
    rows: list[Row] = []
    if ceiling is not None and ceiling.valid and isinstance(ceiling.value, float):
        text = f"{name}: ceiling {' '.join(parts(ceiling, 4))} good/s"
        interval = {"lo": _short(ceiling.lo), "hi": _short(ceiling.hi)}
        rows.append({"server": name, "kind": "ceiling", "goodput": _short(ceiling.value), **interval, "label": text})
        if knee is not None and knee.valid and isinstance(knee.value, float):
            text = f"{name}: knee at {' '.join(parts(knee, 3))} users"
            point = {"users": _short(knee.value), "goodput": _short(ceiling.value)}
            rows.append({"server": name, "kind": "knee", **point, "label": text})
    elif ceiling is not None and ceiling.lo is not None:
        text = f"{name}: ceiling {parts(ceiling, 4)[0]} good/s, not confirmed"
        rows.append({"server": name, "kind": "bound", "goodput": _short(ceiling.lo), "label": text})
    return rows


PLACES = ("in the app", "in the server", "in the kernel", "waiting")
CORES = ("all processes of the target", "busiest process of the target", "busiest process of the generator")


def seconds(timeline: Sequence[Second]) -> list[Row]:
    """Where requests were, and what used CPU, over time."""
    size = max(1, math.ceil(len(timeline) / MOST_SECONDS))
    return [_second(timeline[first : first + size]) for first in range(0, len(timeline), size)]


def _second(part: Sequence[Second]) -> Row:
    inside, flight = _mean(part, "app_inflight_mean"), _mean(part, "inflight_mean")
    server, kernel = _mean(part, "waiting_in_server"), _mean(part, "waiting_in_kernel")
    waiting = None
    if server is None and kernel is None and flight is not None:
        # Without samples of server and kernel, the generator's count shows how many are not in the app yet.
        waiting = max(0.0, flight - (inside or 0.0))
    cores = (_mean(part, name) for name in ("cpu_cores", "cpu_proc_max", "gen_cpu_max"))
    return {
        "t": part[0].t_s,
        **dict(zip(PLACES, map(_coarse, (inside, server, kernel, waiting)), strict=True)),
        **dict(zip(CORES, map(_coarse, cores), strict=True)),
    }


def known(rows: Sequence[Row], names: Sequence[str]) -> bool:
    """Whether any row has a value for any of these names."""
    return any(row[name] is not None for row in rows for name in names)


def columns(rows: Sequence[Row]) -> dict[str, dict[str, list[Any]]]:
    """The rows as columns, which is shorter. The page's script converts them back."""
    return {"columns": {name: [row[name] for row in rows] for name in rows[0]} if rows else {}}


def visit_spans(visits: Iterable[Visit]) -> list[Row]:
    """The time span of each visit."""
    return [
        {
            "from": _short(visit.t_start_s),
            "to": _short(visit.t_end_s),
            "label": f"visit {visit.number}, {visit.phase}, {visit.users} users"
            + ("" if visit.valid else f"; left out: {visit.reason or 'not valid'}"),
        }
        for visit in visits
    ]


def latencies(buckets: Iterable[BucketCount], visits: Iterable[Visit]) -> list[Row]:
    """Good answers by visit and latency, in wider buckets, as shares of the visit."""
    by_number = {visit.number: visit for visit in visits}
    counts: dict[int, dict[int, int]] = {}
    for bucket in buckets:
        if bucket.kind == "good" and bucket.bucket_hi_ms > 0:
            wide = math.floor(BUCKETS_PER_DECADE * math.log10(max(bucket.bucket_hi_ms, 1e-3)))
            buckets_of = counts.setdefault(bucket.visit, {})
            buckets_of[wide] = buckets_of.get(wide, 0) + bucket.count
    rows = []
    for number, wides in sorted(counts.items()):
        visit, total = by_number.get(number), sum(wides.values())
        for wide, count in sorted(wides.items()):
            rows.append(
                {
                    "visit": f"{number} {visit.phase} {visit.users}" if visit else str(number),
                    "bucket": wide,
                    "share": float(f"{count / total:.3g}"),
                }
            )
    return rows


def _mean(part: Sequence[Second], name: str) -> float | None:
    values = [value for second in part if (value := getattr(second, name, None)) is not None]
    return sum(values) / len(values) if values else None


def _median(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return _short(statistics.median(known)) if known else None


def _short(number: float | None) -> float | None:
    """The number with five significant digits, which is enough for a chart."""
    return None if number is None or not math.isfinite(number) else float(f"{number:.5g}")


def _coarse(number: float | None) -> float | None:
    return None if number is None else float(f"{number:.3g}")
