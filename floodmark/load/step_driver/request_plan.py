"""What the step users of one class send: their steps, compiled to bytes once."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field

from floodmark.load.http_step import HttpStep
from floodmark.load.request import Request
from floodmark.load.tally import Tally
from floodmark.load.wire import Address, Origin, resolve


@dataclass(slots=True, kw_only=True, eq=False)
class PreparedRequest:
    """One step at its place in the mix, ready to be sent."""

    step: HttpStep
    request: Request
    """The same for all places of a step, as is the tally."""
    tally: Tally
    after: PreparedRequest = field(init=False)
    """What the same user sends next."""


@dataclass(slots=True, kw_only=True)
class RequestPlan:
    """The steps of a user class against one origin."""

    origin: Origin
    address: Address
    mix: Sequence[PreparedRequest]
    """Every step as often as its weight says, shuffled once with a fixed seed. Each user goes through it again and
    again, from a place of its own: the proportions are exact, and the same in every run."""
    connect_timeout_s: float
    timeout_s: float | None
    started: int = field(default=0)
    """Users that have begun."""

    def first(self) -> PreparedRequest:
        """Where the next user begins."""
        self.started += 1
        return self.mix[self.started % len(self.mix)]

    def for_arrival(self, number: int) -> PreparedRequest:
        """The request of the n-th arrival of a schedule, whoever sends it."""
        return self.mix[number % len(self.mix)]

    @property
    def waits(self) -> bool:
        """Whether any step has a pause of its own."""
        return any(prepared.step.wait_s for prepared in self.mix)

    @property
    def tallies(self) -> Sequence[Tally]:
        """One per step."""
        return list({id(prepared.tally): prepared.tally for prepared in self.mix}.values())


def compile_plan(
    steps: Sequence[HttpStep],
    origin: Origin,
    *,
    cookies: str,
    new_connections: bool,
    connect_timeout_s: float,
    timeout_s: float | None,
) -> RequestPlan:
    """Make a plan; a step that is listed several times has that weight.

    Raises ConnectionRefused where the host does not resolve, ValueError for an unfit path.
    """
    compiled: dict[HttpStep, tuple[Request, Tally]] = {}
    mix = []
    for step in steps:
        if step not in compiled:
            request = _compile(step, origin, cookies=cookies, new_connections=new_connections)
            compiled[step] = request, Tally(step.method, step.name)
        request, tally = compiled[step]
        mix.append(PreparedRequest(step=step, request=request, tally=tally))
    random.Random(0).shuffle(mix)
    for prepared, after in zip(mix, [*mix[1:], mix[0]], strict=True):
        prepared.after = after
    return RequestPlan(
        origin=origin,
        address=resolve(origin.host, origin.port),
        mix=mix,
        connect_timeout_s=connect_timeout_s,
        timeout_s=timeout_s,
    )


def _compile(step: HttpStep, origin: Origin, *, cookies: str, new_connections: bool) -> Request:
    headers = dict(step.headers)
    if cookies:
        headers.setdefault("Cookie", cookies)
    if new_connections:
        headers["Connection"] = "close"
    return Request(
        message=origin.message(step.method, step.path, step.body, headers),
        head_only=step.method == "HEAD",
        closes=new_connections,
        marker=step.expect or b"",
    )
