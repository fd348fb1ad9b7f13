"""A restless host, as the summary says it."""

from __future__ import annotations

from floodmark.report.terminal import host_lines
from floodmark.verdict.enums import Phase
from floodmark.verdict.visit import Visit
from tests.support.visits import visit


def stolen(phase: Phase, steal: float | None) -> Visit:
    return visit(phase, steal=steal)


def test_what_the_hypervisor_took_is_said_of_the_visits_that_were_held() -> None:
    base = stolen(Phase.BASE, 0.5)
    held = [stolen(Phase.HOLD, share) for share in (0.01, 0.09, None)]
    ((_, name, text),) = host_lines([base, *held])
    assert name == "host"
    assert "took 5% of the target's CPU time" in text
    assert "up to 9% in a visit" in text
    assert host_lines([base, stolen(Phase.HOLD, 0.01), stolen(Phase.HOLD, 0.02)]) == []


def test_a_run_that_held_no_level_is_told_by_its_other_visits_without_the_warm_up() -> None:
    assert host_lines([stolen(Phase.WARM, 0.5), stolen(Phase.STEP, 0.0)]) == []
    assert host_lines([stolen(Phase.WARM, 0.0), stolen(Phase.STEP, 0.5)])


def test_a_host_that_was_not_asked_is_not_called_restless() -> None:
    assert host_lines([]) == []
    assert host_lines([stolen(Phase.HOLD, None)]) == []
