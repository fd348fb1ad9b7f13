"""A restless host, as the summary says it."""

from __future__ import annotations

from floodmark.report.terminal import host_lines
from floodmark.verdict.enums import Phase
from floodmark.verdict.visit import Visit


def visit(phase: Phase, steal: float | None) -> Visit:
    return Visit(number=1, phase=phase, t_start_s=0.0, t_end_s=5.0, users=8, steal=steal)


def test_what_the_hypervisor_took_is_said_of_the_visits_that_were_held() -> None:
    base = visit(Phase.BASE, 0.5)
    ((_, name, text),) = host_lines([base, visit(Phase.HOLD, 0.01), visit(Phase.HOLD, 0.09), visit(Phase.HOLD, None)])
    assert name == "host"
    assert "took 5% of the target's CPU time" in text
    assert "up to 9% in a visit" in text
    assert host_lines([base, visit(Phase.HOLD, 0.01), visit(Phase.HOLD, 0.02)]) == []


def test_a_run_that_held_no_level_is_told_by_its_other_visits_without_the_warm_up() -> None:
    assert host_lines([visit(Phase.WARM, 0.5), visit(Phase.STEP, 0.0)]) == []
    assert host_lines([visit(Phase.WARM, 0.0), visit(Phase.STEP, 0.5)])


def test_a_host_that_was_not_asked_is_not_called_restless() -> None:
    assert host_lines([]) == []
    assert host_lines([visit(Phase.HOLD, None)]) == []
