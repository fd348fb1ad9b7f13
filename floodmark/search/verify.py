"""Verify: is the held level the ceiling, what happens beyond it, and does the target come back?"""

from __future__ import annotations

from collections.abc import Generator

from floodmark.search.hold import Hold
from floodmark.search.notes import Notes
from floodmark.search.order import Order
from floodmark.verdict.step import Step
from floodmark.verdict.words import Phase

NOT_THE_CEILING = 1.05
COLLAPSED = 0.9
BEYOND = 4.0


def verify(notes: Notes, held: Hold) -> Generator[Order, Step, int | None]:
    """Visit 4 N*, and at least twice the held level.

    Returns a higher level to hold when goodput still rises there, None when the ceiling is confirmed. What
    looks like a collapse is visited twice.
    """
    pace = notes.settings.pace
    users = min(notes.settings.max_users, max(notes.users_for(BEYOND), 2 * held.users))
    ceiling = held.ceiling
    step = yield from notes.visit(Phase.VERIFY, users, pace.verify_s, think=True, fresh=True, may_fail=True)
    rising = max(ceiling.hi, min(NOT_THE_CEILING, 1 + 2 * ceiling.half_width) * ceiling.value)
    if step.goodput_rps > rising and users > held.users:
        return users
    if step.goodput_rps < COLLAPSED * ceiling.value:
        yield from notes.visit(Phase.VERIFY, users, pace.verify_s, think=True, fresh=True, may_fail=True)
    return None


def recover(notes: Notes) -> Generator[Order, Step, None]:
    """Return to half the knee after the overload."""
    users = notes.users_for(0.5)
    yield from notes.visit(Phase.RECOVERY, users, notes.settings.pace.recovery_s, think=True, may_fail=True)
