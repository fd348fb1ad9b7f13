"""How the advice for a bottleneck is tried, and whether it held."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from floodmark.verdict.enums import Advice, Bottleneck

ROSE, STAYED = 1.05, 0.9
"""Goodput relative to the ceiling: above ROSE it rose, below STAYED it fell."""
SMALL_BACKLOG = 1024
NO_SETTING = "this server has no setting for it"

Settings = Mapping[str, int | str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A change of settings that tries an advice."""

    settings: dict[str, int]
    rises: bool
    """Whether goodput is expected to rise."""
    factor: float = 1.0
    """Multiplies the users, so that they can fill the added capacity."""


def change_for(word: Bottleneck, settings: Settings) -> Change | str:
    """The change of settings that tries the advice for this bottleneck, or the reason why there is none."""
    counts = {name: value for name, value in settings.items() if isinstance(value, int)}
    workers = next((name for name in ("workers", "processes") if name in counts), "")
    # A server with a single thread per worker gets more slots by more workers.
    slots = "threads" if counts.get("threads", 0) > 1 or not workers else workers
    match word:
        case Bottleneck.SLOTS:
            return _more(counts, slots, rises=True, factor=2.0)
        case Bottleneck.LOCK:
            return _more(counts, slots, rises=False, factor=2.0)
        case Bottleneck.GIL:
            return _more(counts, workers, rises=True)
        case Bottleneck.BACKLOG:
            return _more(counts, "backlog", rises=True, at_least=SMALL_BACKLOG)
        case Bottleneck.CONNECTIONS:
            return _more(counts, "connections", rises=True)
        case Bottleneck.IMBALANCE:
            if not {workers, "threads"} <= counts.keys():
                return NO_SETTING
            return Change(settings={workers: 1, "threads": counts[workers] * counts["threads"]}, rises=True)
        case Bottleneck.GENERATOR | Bottleneck.MEMORY | Bottleneck.QUOTA | Bottleneck.HOST | Bottleneck.CPU:
            return "it is no setting of the server"
        case Bottleneck.NOT_SATURATED | Bottleneck.UNKNOWN:
            return "nothing was advised"


def _more(counts: Mapping[str, int], name: str, *, rises: bool, factor: float = 1.0, at_least: int = 0) -> Change | str:
    if name not in counts:
        return NO_SETTING
    return Change(settings={name: max(at_least, 2 * counts[name])}, rises=rises, factor=factor)


def judge_advice(change: Change, before_rps: float, after_rps: float) -> Advice:
    """Whether goodput changed as expected."""
    if change.rises:
        return Advice.CONFIRMED if after_rps > ROSE * before_rps else Advice.NOT_CONFIRMED
    return Advice.CONFIRMED if STAYED * before_rps <= after_rps <= ROSE * before_rps else Advice.NOT_CONFIRMED
