"""What a limit is made of: the first rule that fits. A pure function of the visits and of what was declared."""

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
"""Further from its limit than this share of it, a figure is not near it."""
NEEDED = ("cpu_share", "slots_share", "app_growth", "waiting")


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """The bottleneck, with the deciding figures, how far they are from saying otherwise, and what to do.

    margin: of the condition nearest to failing, relative to its limit; None where no rule fits.
    """

    word: Bottleneck
    evidence: str
    advice: str = ""
    margin: float | None = None
    figures: Figures

    @property
    def points(self) -> dict[str, Estimate]:
        """Rows ``bottleneck`` and ``bottleneck_margin``."""
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
    """Name it from all visits of a run. generator: what the verdict says of the generator, which comes first."""
    found = figures(visits, hold_users, declared, thinking=thinking)
    if generator is not None and generator.value is Generator.LIMITED:
        found = dataclasses.replace(found, generator_limited=1.0)
        named = decide(found)
        return dataclasses.replace(named, evidence=generator.reason or named.evidence)
    named = decide(found)
    if named.word not in NOTHING_YET:
        return named
    # What holds a server back may bind at the knee without being seen there: nobody waits yet. Beyond, everybody does.
    beyond = (
        decide(figures(visits, users, declared, thinking=thinking)) for users in levels_beyond(visits, hold_users)
    )
    return next((other for other in beyond if other.word not in NOTHING_YET), named)


def decide(found: Figures) -> Named:
    """The first rule that fits the figures."""
    for rule in RULES:
        margin = rule.margin(found)
        if margin is not None:
            return _named(rule, found, margin)
    return Named(word=Bottleneck.UNKNOWN, evidence=_why_unknown(found), figures=found)


def _named(rule: Rule, found: Figures, margin: float) -> Named:
    values = {f.name: getattr(found, f.name) for f in dataclasses.fields(found)}
    return Named(
        word=rule.word,
        evidence=filled(rule.evidence, values),
        advice=filled(rule.advice, values),
        margin=margin,
        figures=found,
    )


def _why_unknown(found: Figures) -> str:
    if not found.visits:
        return "no visit to judge"
    missing = [name for name in NEEDED if getattr(found, name) is None]
    why = [f"not measured: {', '.join(missing)}"] if missing else ["no rule fits", *_nearest(found)]
    return "; ".join([*why, found.text()])


def _nearest(found: Figures) -> list[str]:
    """The rule that one figure alone kept from fitting, by the least, in words; none where there is none."""
    lacking = [(lack, rule) for rule in RULES if (lack := rule.lacks(found)) is not None and lack[0] > -NEAR]
    if not lacking:
        return []
    (_, condition), rule = max(lacking, key=lambda pair: pair[0][0])
    value = getattr(found, condition.figure)
    return [f"nearest is {rule.word}: {condition.figure} is {value:.3g}, and would have to be {condition.wanted}"]
