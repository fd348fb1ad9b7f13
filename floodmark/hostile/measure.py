"""One server, one kind of hostile client: what well-behaved clients get, before, meanwhile and afterwards."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from urllib.parse import urlsplit

from floodmark.errors import TargetError
from floodmark.hostile.client import Gang
from floodmark.hostile.row import (
    SETTLE_S,
    Conditions,
    Evidence,
    HostileRow,
    Kind,
    Observation,
    Service,
    row,
    serve,
    served_again_s,
)
from floodmark.hostile.visitors import MARKER, PATH, Visitors
from floodmark.hostile.watch import Watch
from floodmark.targets.ready import ask
from floodmark.targets.target import Check, Running, Target

BASE_S = 1.5
AGAIN_S = 2.0
EMPTY_S = 1.0
CALM_S = 5.0
POLL_S = 0.02


def place(running: Running) -> tuple[str, int]:
    """Where a target listens."""
    parts = urlsplit(running.base_url)
    return parts.hostname or "127.0.0.1", parts.port or 80


def undisturbed(running: Running, conditions: Conditions) -> Service:
    """What well-behaved clients get without hostile ones. Raises TargetError when that is nothing."""
    visitors = Visitors(conditions.users, *place(running))
    begun = time.monotonic()
    visitors.start()
    try:
        time.sleep(BASE_S)
    finally:
        visitors.stop()
    service = serve(visitors.asked(), begun, begun + BASE_S)
    if not service.answered:
        how = running.ended()
        raise TargetError(f"nobody was answered within {BASE_S} s, without any hostile client; {how or 'see its log'}")
    return service


def disturbed(running: Running, kind: Kind, conditions: Conditions) -> Observation:
    """The same with hostile clients, and whether they are forgotten when they have left."""
    if running.ledger_path is None:
        raise TargetError("the target has no probe, so nobody can tell what is inside the app")
    host, port = place(running)
    gang = Gang(kind, conditions.hostile, host, port)
    visitors = Visitors(conditions.users, host, port)
    watch = Watch(running.ledger_path, port)
    try:
        gang.enter()
        time.sleep(SETTLE_S)
        watch.start()
        begun = time.monotonic()
        visitors.start()
        time.sleep(conditions.window_s)
        held = gang.held
        in_app, most_in_app, in_kernel = watch.stop()
        left = time.monotonic()
        gang.leave()
        again_s = _again(visitors, left)
        visitors.stop()
        return Observation(
            service=serve(visitors.asked(), begun, left),
            evidence=Evidence(
                in_app=in_app,
                most_in_app=most_in_app,
                in_kernel=in_kernel,
                held=held,
                left_in_app=watch.left_in_app(EMPTY_S),
            ),
            again_s=again_s,
            alive=running.ended() is None,
        )
    finally:
        gang.leave()
        visitors.stop()
        watch.close()


def _again(visitors: Visitors, left: float) -> float | None:
    while (found := served_again_s(visitors.asked(), left, visitors.users)) is None:
        if time.monotonic() > left + AGAIN_S:
            return None
        time.sleep(POLL_S)
    return found


def calm(running: Running) -> bool:
    """Whether the server serves again as if nothing had been."""
    host, port = place(running)
    deadline = time.monotonic() + CALM_S
    while time.monotonic() < deadline:
        if running.ended() is not None:
            return False
        try:
            status, body = ask(host, port, Check(path=PATH, marker=MARKER), timeout_s=CALM_S)
        except OSError:
            time.sleep(POLL_S)
        else:
            return status == 200 and MARKER in body
    return False


def measure_server(
    target: Target,
    up: Callable[[Target], Running],
    kinds: Sequence[Kind],
    conditions: Conditions,
    add: Callable[[HostileRow], None],
    say: Callable[[str], None],
) -> None:
    """One server under each kind of hostile client; started anew where it does not serve again.

    up: starts the target. add: called with each row as soon as it is known. Raises TargetError.
    """
    with ExitStack() as stack:

        def start() -> Running:
            running = up(target)
            stack.callback(running.down)
            return running

        running = start()
        base = undisturbed(running, conditions)
        for kind in kinds:
            observation = disturbed(running, kind, conditions)
            measured = row(target, running.effective.version or "", kind, conditions, observation, base)
            add(measured)
            say(f"{kind}: others are {measured.effect}; {measured.note}")
            if kind is not kinds[-1] and not calm(running):
                say("it does not serve again; started anew")
                stack.close()
                running = start()
