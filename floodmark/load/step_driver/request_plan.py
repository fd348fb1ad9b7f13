"""What the step users of one class send: their steps, made into bytes once."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field

from floodmark.load.http_step import HttpStep
from floodmark.load.tally import Tally
from floodmark.load.wire import Address, Origin, resolve


@dataclass(slots=True, kw_only=True, eq=False)
class Leg:
    """One step at its place in the course, ready to be sent.

    after: what the same user sends next. closes: the connection is not used again after it.
    """

    step: HttpStep
    message: bytes
    length: int
    expect: bytes
    head_only: bool
    closes: bool
    tally: Tally
    after: Leg = field(init=False)


@dataclass(slots=True, kw_only=True)
class Course:
    """The steps of a user class against one origin.

    deck: every step as often as its weight says, shuffled once with a fixed seed. Each user goes through it again
    and again, from a place of its own: the mix is exact, and the same in every run.
    """

    origin: Origin
    address: Address
    deck: Sequence[Leg]
    connect_timeout_s: float
    timeout_s: float
    started: int = field(default=0)

    def first_leg(self) -> Leg:
        """Where the next user begins."""
        self.started += 1
        return self.deck[self.started % len(self.deck)]

    def leg_of(self, number: int) -> Leg:
        """The step of the n-th arrival of a schedule, whoever sends it."""
        return self.deck[number % len(self.deck)]

    @property
    def waits(self) -> bool:
        """Whether any step has a pause of its own."""
        return any(leg.step.wait_s for leg in self.deck)

    @property
    def tallies(self) -> Sequence[Tally]:
        """One per step."""
        return list({id(leg.tally): leg.tally for leg in self.deck}.values())


def lay_out(
    steps: Sequence[HttpStep],
    origin: Origin,
    *,
    cookies: str,
    new_connections: bool,
    connect_timeout_s: float,
    timeout_s: float,
) -> Course:
    """Make a course; a step that is listed several times has that weight.

    Raises ConnectionRefused where the host does not resolve, ValueError for an unfit path.
    """
    tallies = {step: Tally(step.method, step.name) for step in steps}
    deck = []
    for step in steps:
        headers = dict(step.headers)
        if cookies:
            headers.setdefault("Cookie", cookies)
        if new_connections:
            headers["Connection"] = "close"
        message = origin.message(step.method, step.path, step.body, headers)
        deck.append(
            Leg(
                step=step,
                message=message,
                length=len(message),
                expect=step.expect or b"",
                head_only=step.method == "HEAD",
                closes=new_connections,
                tally=tallies[step],
            )
        )
    random.Random(0).shuffle(deck)
    for leg, after in zip(deck, [*deck[1:], deck[0]], strict=True):
        leg.after = after
    return Course(
        origin=origin,
        address=resolve(origin.host, origin.port),
        deck=deck,
        connect_timeout_s=connect_timeout_s,
        timeout_s=timeout_s,
    )
