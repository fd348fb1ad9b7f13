"""The search for the SLO rate, the highest open-model rate that keeps its limit: trials, then a confirming run."""

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
AIM = 0.004
"""Share of misses expected at the first rate that is to be confirmed."""
STEPS_DOWN = (0.97, 0.96, 0.94, 0.92)
"""Factors from each rate that was not confirmed to the next."""
CONFIRMATIONS = 5
SETTLE_S, DRAIN_S, CONFIRM_SETTLE_S = 2.0, 6.0, 4.0
OVERLOADED = 0.3
PRECISE = 0.02
HIGHEST = 1.02
"""No rate above this share of the ceiling is tried, because the target could not follow it."""


def find_slo_rate(state: SearchState, slo: SloSettings) -> Generator[Order, Visit, None]:
    """Search for the SLO rate below a known ceiling. If this search ends early, the ceiling still stands."""
    try:
        yield from _find(state, slo)
    except SearchEnded:
        return


def _find(state: SearchState, slo: SloSettings) -> Generator[Order, Visit, None]:
    effort, ceiling, limit_ms = state.settings.effort, state.ceiling_rps, slo.limit_ms(state.r0_s)
    most = HIGHEST * ceiling
    drain = False

    def offer(phase: Phase, rate: float, seconds: float, settle_s: float) -> Generator[Order, Visit, Visit]:
        users = connections(rate, state.settings.max_users)
        return (yield from state.offer(phase, rate, users, seconds, settle_s=settle_s, slo_ms=limit_ms))

    trials: list[Trial] = []
    estimate = first_guess(ceiling, limit_ms / 1000)
    while len(trials) < effort.trials_max:
        # Alternate just above and just below the estimate, so that the slope is fitted where it is used.
        rate = min(most, estimate * (1 + (APART if len(trials) % 2 else -APART)))
        visit = yield from offer(Phase.SLO, rate, effort.trial_s, DRAIN_S if drain else SETTLE_S)
        trial = trial_of(visit)
        trials.append(trial)
        drain = trial.misses > OVERLOADED * trial.arrivals
        fitted = sustainable(trials, ceiling, limit_ms / 1000)
        estimate = min(most, fitted.value)
        if len(trials) >= effort.trials_min and fitted.half_width <= PRECISE:
            break
    # A run of this length shows that less than 1 % miss only where clearly less do.
    estimate = min(most, sustainable(trials, ceiling, limit_ms / 1000, AIM).value)
    missed_before = False
    for attempt in range(1, CONFIRMATIONS + 1):
        run: list[Visit] = []
        while len(run) < PIECES and not hopeless(run):
            settle_s = 0.0 if run else DRAIN_S if drain else CONFIRM_SETTLE_S
            run.append((yield from offer(Phase.CONFIRM, estimate, effort.confirm_s / PIECES, settle_s)))
        if kept(run, slo.error_share, attempt):
            return
        drain = True
        # Far off, although the trials promised otherwise: perhaps a stall of the host, so try the same rate once more.
        if far_off(run) and not missed_before:
            missed_before = True
            continue
        missed_before = False
        estimate *= STEPS_DOWN[min(attempt - 1, len(STEPS_DOWN) - 1)]
