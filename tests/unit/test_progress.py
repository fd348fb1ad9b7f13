"""Every phase a search can be in has its words on the terminal."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from floodmark.report.progress import TerminalProgress
from floodmark.search.order import Order
from floodmark.verdict.enums import Model, Phase
from floodmark.verdict.visit import Visit


def told(order: Order, visit: Visit) -> str:
    output = io.StringIO()
    progress = TerminalProgress(Console(file=output, width=200))
    progress.order(order)
    progress.visit(visit)
    progress.close()
    return output.getvalue()


@pytest.mark.parametrize("phase", Phase)
def test_every_phase_is_told(phase: Phase) -> None:
    order = Order(phase=phase, users=8, think=True, settle_s=1, min_s=5, max_s=5, left_s=60)
    visit = Visit(number=1, phase=phase, t_start_s=0, t_end_s=5, users=8, good=800, goodput_rps=160)
    assert "8 users     160.0 good/s" in told(order, visit)


def test_an_open_visit_is_told_by_its_arrivals() -> None:
    order = Order(phase=Phase.SLO, users=300, think=True, settle_s=1, min_s=5, max_s=5, rate_rps=142.5)
    visit = Visit(
        number=1,
        phase=Phase.SLO,
        t_start_s=0,
        t_end_s=5,
        model=Model.OPEN,
        users=300,
        rate_intended_rps=142.4,
        goodput_rps=141,
    )
    assert "142.4/s due" in told(order, visit)
    assert "300" not in told(order, visit)
