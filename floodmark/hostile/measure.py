"""Measures what well-behaved clients get from a server before, during and after a kind of hostile client."""

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
    """The host and port of a target."""
    parts = urlsplit(running.base_url)
    return parts.hostname or "127.0.0.1", parts.port or 80


def undisturbed(running: Running, conditions: Conditions) -> Service:
    """Measure what well-behaved clients get without hostile ones. Raises TargetError if that is nothing."""
    visitors = Visitors(conditions.users, *place(running))
    begun = time.monotonic()
    visitors.start()
    try:
        time.sleep(BASE_S)
    finally:
        visitors.stop()
    service = serve(visitors.asked(), begun, begun + BASE_S)
    if not service.answered:
        exit_reason = running.ended()
        raise TargetError(
            f"no request was answered within {BASE_S} s, even without hostile clients; {exit_reason or 'see its log'}"
        )
    return service


def disturbed(running: Running, kind: Kind, conditions: Conditions) -> Observation:
    """Measure the same with hostile clients, and how soon the server recovers once they have left."""
    if running.ledger_path is None:
        raise TargetError("the target has no probe, so the requests inside the app cannot be counted")
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
    while (again_s := served_again_s(visitors.asked(), left, visitors.users)) is None:
        if time.monotonic() > left + AGAIN_S:
            return None
        time.sleep(POLL_S)
    return again_s


def calm(running: Running) -> bool:
    """Wait until the server answers normally again. False if it does not in time."""
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
    """Measure a server under each kind of hostile client, restarting it if it does not recover.

    ``up`` starts the target; ``add`` is called with each row as soon as it is known. Raises TargetError.
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
                say("the server does not recover; restarting it")
                stack.close()
                running = start()
