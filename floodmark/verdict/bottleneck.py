"""Names the bottleneck: the first rule that fits. A pure function of the visits and the declared settings."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from dataclasses import dataclass

from floodmark.verdict.enums import Bottleneck, Generator
from floodmark.verdict.estimate import Estimate
from floodmark.verdict.figures import Declared, Figures, figures, levels_beyond
from floodmark.verdict.rules import RULES, Rule, filled
from floodmark.verdict.visit import Visit

NOTHING_YET = {Bottleneck.NOT_SATURATED, Bottleneck.UNKNOWN}
NEAR = 0.25
"""A figure is near its limit if it misses it by less than this share of the limit."""
NEEDED = ("cpu_share", "slots_share", "app_growth", "waiting")


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """A named bottleneck with its evidence and advice."""

    word: Bottleneck
    evidence: str
    advice: str = ""
    margin: float | None = None
    """Relative distance to its limit of the condition nearest to failing; None if no rule fits."""
    figures: Figures

    @property
    def points(self) -> dict[str, Estimate]:
        """The rows ``bottleneck`` and ``bottleneck_margin`` of results.csv."""
        known = self.word is not Bottleneck.UNKNOWN
        visits = self.figures.visits or None
        reason = f"{self.evidence}: {self.advice}" if self.advice else self.evidence
        method = f"at {self.figures.users:.0f} users" if self.figures.users is not None else ""
        margin = self.margin if self.margin is not None and math.isfinite(self.margin) else None
        return {
            "bottleneck": Estimate(value=self.word, method=method, n_visits=visits, valid=known, reason=reason),
            "bottleneck_margin": Estimate(
                value=margin,
                method="distance of the deciding figure to its limit, over the limit",
                n_visits=visits,
                valid=known,
                reason="" if margin is not None else "no figure decided",
            ),
        }


def name_bottleneck(
    visits: Sequence[Visit],
    hold_users: int | None,
    declared: Declared,
    *,
    thinking: bool = False,
    generator: Estimate | None = None,
) -> Named:
    """Name the bottleneck from all visits of a run.

    A ``generator`` estimate of LIMITED takes precedence over every other rule.
    """
    measured = figures(visits, hold_users, declared, thinking=thinking)
    if generator is not None and generator.value is Generator.LIMITED:
        measured = dataclasses.replace(measured, generator_limited=1.0)
        named = decide(measured)
        return dataclasses.replace(named, evidence=generator.reason or named.evidence)
    named = decide(measured)
    if named.word not in NOTHING_YET:
        return named
    # At the knee a bottleneck may bind without showing, because no request waits yet. At higher levels they do.
    beyond = (
        decide(figures(visits, users, declared, thinking=thinking)) for users in levels_beyond(visits, hold_users)
    )
    return next((other for other in beyond if other.word not in NOTHING_YET), named)


def decide(measured: Figures) -> Named:
    """Name the bottleneck by the first rule that fits; UNKNOWN if none does."""
    for rule in RULES:
        margin = rule.margin(measured)
        if margin is not None:
            return _named(rule, measured, margin)
    return Named(word=Bottleneck.UNKNOWN, evidence=_why_unknown(measured), figures=measured)


def _named(rule: Rule, measured: Figures, margin: float) -> Named:
    values = {f.name: getattr(measured, f.name) for f in dataclasses.fields(measured)}
    return Named(
        word=rule.word,
        evidence=filled(rule.evidence, values),
        advice=filled(rule.advice, values),
        margin=margin,
        figures=measured,
    )


def _why_unknown(measured: Figures) -> str:
    if not measured.visits:
        return "no visit to judge"
    unmeasured = [name for name in NEEDED if getattr(measured, name) is None]
    reasons = [f"not measured: {', '.join(unmeasured)}"] if unmeasured else ["no rule fits", *_nearest(measured)]
    return "; ".join([*reasons, measured.text()])


def _nearest(measured: Figures) -> list[str]:
    """Describe the rule that came closest among those that a single figure kept from fitting; empty if none is near."""
    near_misses = [(lack, rule) for rule in RULES if (lack := rule.lacks(measured)) is not None and lack[0] > -NEAR]
    if not near_misses:
        return []
    (_, condition), rule = max(near_misses, key=lambda pair: pair[0][0])
    value = getattr(measured, condition.figure)
    return [f"nearest is {rule.word}: {condition.figure} is {value:.3g}, and would have to be {condition.wanted}"]
