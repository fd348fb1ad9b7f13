"""The verdict on one offered rate in the open model. A pure function of the run's files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from floodmark.verdict.enums import END_TEXT, End, Generator, Phase
from floodmark.verdict.estimate import Estimate
from floodmark.verdict.visit import Visit


@dataclass(frozen=True, slots=True, kw_only=True)
class Sustained:
    """Whether a target follows the offered rate, and its latency from the intended send times."""

    points: Mapping[str, Estimate]
    """Estimates by metric."""
    confirmed: bool
    reason: str
    """Why the figures may not be quoted; empty if they may."""


def judge_rate(visits: Sequence[Visit], end: End, reason: str) -> Sustained:
    """Judge the visit that held the rate."""
    held = next((v for v in reversed(visits) if v.phase is Phase.STEP and v.rate_intended_rps), None)
    if held is None or end is not End.RATE_HELD:
        objection = END_TEXT[end] + (f" ({reason})" if reason else "")
        return Sustained(
            points={"goodput_rps": Estimate(valid=False, reason=objection)}, confirmed=False, reason=objection
        )
    offered = held.rate_intended_rps or 0.0
    follow = held.goodput_rps / offered
    objection = held.reason if not held.valid else ""
    points = {
        "offered_rps": Estimate(value=offered, method="arrivals due in the window", n_visits=1),
        "goodput_rps": Estimate(
            value=held.goodput_rps,
            lo=held.goodput_lo,
            hi=held.goodput_hi,
            method="good answers completed in the window",
            n_visits=1,
            valid=held.valid,
            reason=objection,
        ),
        "follow_ratio": Estimate(value=follow, method="goodput over offered", valid=held.valid, reason=objection),
        "not_sent": Estimate(value=float(held.not_sent or 0), method="arrivals that found no connection in time"),
        **{
            f"r_{name}_ms": Estimate(
                value=value,
                method="from the intended send time",
                n_visits=1,
                valid=held.valid and value is not None,
                reason=objection or ("" if value is not None else "too few answers in the window for this percentile"),
            )
            for name, value in (("p50", held.r_p50_ms), ("p95", held.r_p95_ms), ("p99", held.r_p99_ms))
        },
        "generator": Estimate(
            value=held.gen_verdict, valid=held.gen_verdict is not Generator.LIMITED, reason=held.reason, n_visits=1
        ),
    }
    return Sustained(points=points, confirmed=held.valid, reason=objection)
