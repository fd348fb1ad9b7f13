"""Every phase a search can be in has its words on the terminal."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from floodmark.report.progress import TerminalProgress
from floodmark.search.order import Order
from floodmark.search.settings import Span
from floodmark.verdict.enums import Model, Phase
from floodmark.verdict.visit import Visit
from tests.support.visits import visit


def told(order: Order, visit: Visit) -> str:
    output = io.StringIO()
    progress = TerminalProgress(Console(file=output, width=200))
    progress.order(order)
    progress.visit(visit)
    progress.close()
    return output.getvalue()


@pytest.mark.parametrize("phase", Phase)
def test_every_phase_is_told(phase: Phase) -> None:
    order = Order(phase=phase, users=8, think=True, settle_s=1, span=Span.fixed(5), most_s=5, left_s=60)
    assert "8 users     160.0 good/s" in told(order, visit(phase, 8, 160.0))


def test_an_open_visit_is_told_by_its_arrivals() -> None:
    order = Order(phase=Phase.SLO, users=300, think=True, settle_s=1, span=Span.fixed(5), most_s=5, rate_rps=142.5)
    open_visit = visit(Phase.SLO, 300, 141.0, model=Model.OPEN, rate_intended_rps=142.4)
    assert "142.4/s due" in told(order, open_visit)
    assert "300" not in told(order, open_visit)
