"""SLO rate: in the open model, the highest rate whose answers still come in time. Trials, then a confirming run."""

from __future__ import annotations

from collections.abc import Generator

from floodmark.search.fixed_rate import connections
from floodmark.search.order import Order, SearchEnded
from floodmark.search.settings import SloSettings
from floodmark.search.state import SearchState
from floodmark.stats.tail import Trial, first_guess, sustainable
from floodmark.verdict.enums import Phase
from floodmark.verdict.slo import PIECES, far_off, hopeless, kept, trial_of
from floodmark.verdict.visit import Visit

APART = 0.04
STEPS_DOWN = (0.98, 0.97, 0.96, 0.94, 0.92)
"""First below the estimate, then below what was not confirmed: ever further, so that it ends."""
CONFIRMATIONS = 6
SETTLE_S, DRAIN_S, CONFIRM_SETTLE_S = 2.0, 6.0, 4.0
OVERLOADED = 0.3
PRECISE = 0.02
HIGHEST = 1.02
"""Share of the ceiling beyond which no rate is tried: nothing follows it there."""


def find_slo_rate(state: SearchState, slo: SloSettings) -> Generator[Order, Visit, None]:
    """Search it, from a known ceiling. What ends this search does not end the one for the ceiling."""
    try:
        yield from _find(state, slo)
    except SearchEnded:
        return


def _find(state: SearchState, slo: SloSettings) -> Generator[Order, Visit, None]:
    effort, ceiling, limit_ms = state.settings.effort, state.ceiling_rps, slo.limit_ms(state.r0_s)
    most = HIGHEST * ceiling
    drain = False

    def offer(phase: Phase, rate: float, seconds: float, settle_s: float) -> Generator[Order, Visit, Visit]:
        visit = yield from state.visit(
            phase,
            connections(rate, state.settings.max_users),
            seconds,
            think=True,
            may_fail=True,
            settle_s=settle_s,
            rate_rps=rate,
            slo_ms=limit_ms,
        )
        return visit

    trials: list[Trial] = []
    estimate = first_guess(ceiling, limit_ms / 1000)
    while len(trials) < effort.trials_max:
        # Just above and just below in turn: the slope is fitted where it is used.
        rate = min(most, estimate * (1 + (APART if len(trials) % 2 else -APART)))
        visit = yield from offer(Phase.SLO, rate, effort.trial_s, DRAIN_S if drain else SETTLE_S)
        trial = trial_of(visit)
        trials.append(trial)
        drain = trial.misses > OVERLOADED * trial.arrivals
        found = sustainable(trials, ceiling, limit_ms / 1000)
        estimate = min(most, found.value)
        if len(trials) >= effort.trials_min and found.half_width <= PRECISE:
            break
    # At the estimate itself, every other confirmation would fail.
    estimate *= STEPS_DOWN[0]
    missed_before = False
    for attempt in range(CONFIRMATIONS):
        run: list[Visit] = []
        while len(run) < PIECES and not hopeless(run):
            settle_s = 0.0 if run else DRAIN_S if drain else CONFIRM_SETTLE_S
            run.append((yield from offer(Phase.CONFIRM, estimate, effort.confirm_s / PIECES, settle_s)))
        if kept(run, slo.error_share):
            return
        drain = True
        # Far off after trials that said otherwise: a burst of the host, perhaps. The same rate has one more chance.
        if far_off(run) and not missed_before:
            missed_before = True
            continue
        missed_before = False
        estimate *= STEPS_DOWN[min(attempt + 1, len(STEPS_DOWN) - 1)]
