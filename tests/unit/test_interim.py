"""What a search knows while at work, and the words for it."""

from __future__ import annotations

import dataclasses
import io
import itertools
from collections.abc import Sequence

from rich.console import Console

from floodmark.report import search_status as doing
from floodmark.report.progress import TerminalProgress
from floodmark.report.reading_progress import Counting
from floodmark.results.run import read_run
from floodmark.search.order import Order
from floodmark.search.settings import Span
from floodmark.verdict.enums import Generator, Phase
from floodmark.verdict.interim import Interim, interim
from floodmark.verdict.visit import Visit
from tests.support.stored import KEPT
from tests.support.visits import visit as made_up

STEPS = read_run(KEPT[0]).visits
HELD = "153.4 good/s [150.4, 156.5]"


def upto(phase: Phase, count: int = 1) -> Sequence[Visit]:
    """All visits up to the ``count``-th one of a phase."""
    last = [n for n, visit in enumerate(STEPS) if visit.phase is phase][count - 1]
    return STEPS[: last + 1]


def test_before_the_first_visit_that_counts_nothing_is_known() -> None:
    assert interim([]) == interim(STEPS[:2]) == Interim()
    assert doing.estimate(Interim()) == doing.bracket(Interim()) == ""


def test_the_bracket_closes_around_eight_slots() -> None:
    levels = [
        made_up(Phase.BRACKET, users, min(users, 8) / 0.05, efficiency=min(1.0, 8 / users)) for users in (2, 4, 8, 16)
    ]
    rising = interim(levels[:2])
    assert (rising.free, rising.full) == (4, None)
    assert doing.bracket(rising) == "above 4 users"
    found = interim(levels)
    assert found.free == 8
    assert found.full == 16
    assert doing.bracket(found) == "8 to 16 users"


def test_the_estimate_is_of_the_highest_level_and_then_of_the_held_one() -> None:
    before = interim(upto(Phase.PLACE))
    assert not before.held
    first = interim(upto(Phase.HOLD, 1))
    assert first.held
    assert first.visits == 1
    assert first.goodput is not None
    assert first.goodput.lo < first.goodput.value < first.goodput.hi < 1.2 * first.goodput.value
    done = interim(STEPS)
    assert done.goodput is not None
    assert (done.users, done.visits) == (32, 3)
    assert doing.estimate(done) == f"{HELD}, 3 visits held at 32 users"


def test_visits_left_out_count_for_nothing() -> None:
    void = [dataclasses.replace(visit, valid=False) for visit in STEPS]
    assert interim(void) == Interim()


def test_the_generator_s_health_is_told_as_far_as_it_is_known() -> None:
    visit = dataclasses.replace(STEPS[-1], gen_verdict=Generator.SUSPECT, gen_cpu_max=0.61, loop_lag_p99_ms=None)
    assert doing.generator(visit) == "suspect, 61% of a core"
    assert doing.generator(dataclasses.replace(visit, gen_verdict=None)) == ""


def order(phase: Phase, users: int) -> Order:
    return Order(phase=phase, users=users, think=True, settle_s=1, span=Span.fixed(5), most_s=5, left_s=60)


def test_without_a_terminal_a_plain_line_tells_each_new_phase_with_estimate_and_time_left() -> None:
    output = io.StringIO()
    progress = TerminalProgress(Console(file=output, width=200))
    for number, visit in enumerate(STEPS):
        progress.order(order(visit.phase, visit.users))
        progress.visit(STEPS[number])
    progress.close()
    lines = output.getvalue().splitlines()
    changes = sum(now.phase is not before.phase for before, now in itertools.pairwise(STEPS)) + 1
    assert len(lines) == len(STEPS) + changes
    assert "\x1b" not in output.getvalue()
    (verify,) = (line for line in lines if "verifying beyond" in line)
    assert f"about 60 s left, so far {HELD}" in verify


def test_on_a_terminal_the_status_line_tells_phase_level_estimate_and_time_left() -> None:
    output = io.StringIO()
    progress = TerminalProgress(Console(file=output, width=200, force_terminal=True))
    for visit in STEPS[:-1]:
        progress.visit(visit)
    progress.order(order(Phase.RECOVERY, 4))
    progress.close()
    assert f"looking for recovery: 4 users, about 60 s left, so far {HELD}" in output.getvalue()


def test_counting_is_silent_where_nobody_looks() -> None:
    output = io.StringIO()
    with Counting(Console(file=output, width=80), "reading") as counting:
        counting.update(1, 1000)
    assert output.getvalue() == ""
