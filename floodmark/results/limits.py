"""Rows of results.csv on what the limit is made of."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from floodmark.results.metrics import row
from floodmark.results.schema import Result
from floodmark.verdict.bottleneck import Named
from floodmark.verdict.estimate import Estimate
from floodmark.verdict.saturation import Saturation


def bottleneck_rows(run_id: str, named: Named) -> list[Result]:
    """The word with its evidence and advice, and how clear it was."""
    units = {"bottleneck": "word", "bottleneck_margin": "share"}
    return [row(run_id, metric, units[metric], point) for metric, point in named.points.items()]


def slots_row(run_id: str, verdict: Saturation, slots: int | None) -> Result:
    """c_eff = C R0: how many parallel servers, each as fast as one request alone, the target behaves like."""
    knee, r0 = verdict.knee_inflight, verdict.r0_ms.value
    reason = knee.reason
    if isinstance(knee.value, float) and isinstance(r0, float):
        configured = f"{slots} slots were configured" if slots is not None else "no number of slots was configured"
        reason = f"behaves like {knee.value:.1f} parallel servers of {r0:.3g} ms; {configured}"
    point = Estimate(
        value=knee.value,
        lo=knee.lo,
        hi=knee.hi,
        method=knee.method,
        n_visits=knee.n_visits,
        valid=knee.valid,
        reason=reason,
    )
    return row(run_id, "effective_slots", "slots", point)


def advice_rows(run_id: str, advice: Mapping[str, Any] | None) -> list[Result]:
    """What trying the advice gave, where that was asked for."""
    if advice is None:
        return []
    rate = advice["goodput_rps"]
    return [
        row(
            run_id,
            "advice_rps",
            "requests/s",
            Estimate(
                value=rate,
                lo=advice["goodput_lo"],
                hi=advice["goodput_hi"],
                method=advice["change"],
                n_visits=1 if rate is not None else None,
                valid=rate is not None,
                reason=advice["note"],
            ),
        ),
        row(run_id, "advice", "word", Estimate(value=advice["word"], valid=rate is not None, reason=advice["note"])),
    ]
