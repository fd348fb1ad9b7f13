"""Users who are answered together: each goes on, then the requests of all are sent."""

from __future__ import annotations

import contextlib
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import gevent
import pytest
from gevent import get_hub
from gevent.event import Event
from greenlet import greenlet

from floodmark.load import HttpStep, LeanHttpUser
from floodmark.load import reactor as module
from floodmark.load.controls import CONTROLS
from floodmark.load.failure import ConnectionRefused
from floodmark.load.reactor import reactor
from floodmark.load.wire import resolve
from floodmark.records.recorder import Recorder
from tests.load.drive import Client, Drive
from tests.load.scripted import OK, Peer, Scripted, always, scripted
from tests.support.processes import free_port

GoOn = Callable[[int, Client], Any]


@dataclass
class Together:
    """Users that were answered in one turn. server: what it saw."""

    server: Scripted
    clients: list[Client]
    users: list[gevent.Greenlet[..., Any]]

    def join(self) -> None:
        gevent.joinall(self.users, timeout=10, raise_error=True)
        assert all(user.ready() for user in self.users)
        assert not reactor().turning

    def paths(self) -> list[bytes]:
        return sorted(request.split()[1] for request in self.server.requests)


@contextlib.contextmanager
def answered_together(many: int, go_on: GoOn, *, keeps: bool = True) -> Iterator[Together]:
    """``many`` users whose first answers come in one turn, after which each does ``go_on``. keeps: the connections."""
    asked, gate = [], Event()

    def handle(peer: Peer) -> None:
        peer.request()
        asked.append(peer.number)
        gate.wait()
        peer.send(OK)
        if keeps:
            always(OK)(peer)

    def use(number: int, client: Client) -> Any:
        assert client.get("/first").error is None
        return go_on(number, client)

    with scripted(handle) as server:
        clients = [Client(server.url) for _ in range(many)]
        CONTROLS.recorder = Recorder()
        users = [gevent.spawn(use, number, client) for number, client in enumerate(clients)]
        with gevent.Timeout(10):
            while len(asked) < many:
                gevent.sleep(0.01)
        gate.set()
        yield Together(server, clients, users)
        gevent.killall(users)


def test_what_users_of_one_turn_send_next_is_sent_after_all_of_them_went_on() -> None:
    waiting = []

    def go_on(number: int, client: Client) -> None:
        waiting.append(len(reactor().outgoing))
        client.get("/second")

    with answered_together(4, go_on) as together:
        together.join()
        assert waiting == [0, 1, 2, 3]
        assert together.paths() == [b"/first"] * 4 + [b"/second"] * 4
        for client in together.clients:
            assert [facts["name"] for facts in client.reported] == ["/first", "/second"]


class User:
    """What a client knows of its user."""

    ready_at = 0.0
    yielded = False

    def context(self) -> dict[str, Any]:
        return {}


def busy(seconds: float) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        pass


def test_a_request_starts_when_it_leaves_and_its_wait_for_others_is_lateness() -> None:
    def go_on(number: int, client: Client) -> None:
        if number == 1:
            busy(0.2)  # the other's request waits meanwhile
        client.get("/second")

    with answered_together(2, go_on) as together:
        first = together.clients[0]
        first._user = User()
        together.join()
        before, after = first.reported
        answered = before["start_time"] + before["response_time"] / 1000
        assert after["start_time"] - answered >= 0.2
        assert 0.2 <= first._late_s[-1] <= after["start_time"] - answered
        assert first._connection.sent == after["start_time"]  # where its time-out counts from, as any other's


def test_nobody_waits_for_more_than_a_few_busy_users() -> None:
    many = module.A_FEW + 4
    went_on = []

    def go_on(number: int, client: Client) -> None:
        busy(0.004)
        went_on.append(time.time())
        client.get("/second")

    with answered_together(many, go_on) as together:
        together.join()
        left = min(client.reported[-1]["start_time"] for client in together.clients)
        assert went_on[module.A_FEW - 1] <= left <= went_on[-1]


def test_who_was_closed_by_the_server_meanwhile_connects_anew() -> None:
    with answered_together(3, lambda _, client: client.get("/second"), keeps=False) as together:
        together.join()
        assert [user.get().error for user in together.users] == [None] * 3
        assert together.server.connections == 6
        reconnects = sum(gauges.reconnects for gauges in CONTROLS.recorder._gauges.values())
        assert reconnects == 3


def test_a_request_too_long_to_leave_at_once_is_sent_to_its_end() -> None:
    body = b"x" * 8_000_000
    with answered_together(2, lambda _, client: client.post("/second", data=body)) as together:
        for client in together.clients:
            client.timeout_s = 10.0
        together.join()
        assert [user.get().error for user in together.users] == [None] * 2
        assert sum(request.endswith(body) for request in together.server.requests) == 2


def test_who_is_refused_is_told_so_and_the_others_go_on() -> None:
    closed = resolve("127.0.0.1", free_port())

    def go_on(number: int, client: Client) -> Any:
        if number == 0:
            client.close()
            client._connection.address = closed
        return client.get("/second")

    with answered_together(3, go_on) as together:
        together.join()
        refused, *others = (user.get() for user in together.users)
        assert isinstance(refused.error, ConnectionRefused)
        assert [response.error for response in others] == [None] * 2
        assert CONTROLS.recorder._in_flight == 0


def test_new_connections_are_made_after_all_went_on_and_the_old_ones_are_closed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(CONTROLS, "new_connections", True)

    def go_on(number: int, client: Client) -> None:
        assert not client._connection.is_open
        for _ in range(3):
            assert client.get("/again").error is None

    with answered_together(3, go_on) as together:
        together.join()
        assert together.server.connections == len(together.server.requests) == 12
        assert not reactor()._closing
        assert not any(client._connection._fd in reactor()._handlers for client in together.clients)


def test_an_exception_that_nobody_catches_costs_nobody_else_an_answer() -> None:
    def fail() -> None:
        stray.get("/stray")
        raise ValueError("of a bare greenlet: only the loop hears of it")

    with answered_together(3, lambda _, client: client.get("/second")) as together:
        stray = Client(together.server.url)
        get_hub().loop.run_callback(lambda: greenlet(fail).switch())
        together.join()
        assert [user.get().error for user in together.users] == [None] * 3
        assert together.clients[0].get("/third").error is None


def test_a_ctrl_c_in_the_middle_of_sending_reaches_the_program_and_ends_nobody_else_s_requests(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def interrupted() -> None:
        raise KeyboardInterrupt

    with answered_together(3, lambda _, client: client.get("/second")) as together:
        monkeypatch.setattr(together.clients[0], "proceed", interrupted)
        with pytest.raises(KeyboardInterrupt):
            together.join()
        others = together.users[1:]
        gevent.joinall(others, timeout=5)
        assert [user.get().error for user in others] == [None] * 2
        assert together.clients[1].get("/third").error is None


def test_a_ctrl_c_at_the_beginning_of_a_turn_costs_nobody_an_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted() -> None:
        monkeypatch.undo()
        raise KeyboardInterrupt

    with answered_together(3, lambda _, client: client.get("/second")) as together:
        monkeypatch.setattr(reactor(), "before_turn", [interrupted])
        with pytest.raises(KeyboardInterrupt):
            together.join()
        together.join()
        assert [user.get().error for user in together.users] == [None] * 3


@contextlib.contextmanager
def turn() -> Iterator[None]:
    """As in the hub, while users go on."""
    gevent.sleep(0)  # out of the turn that brought the last answer
    reactor().turning = True
    try:
        yield
        reactor()._go_on()
    finally:
        reactor().turning = False


def test_who_is_killed_before_its_request_was_sent_sends_nothing() -> None:
    with scripted(always(OK)) as server:
        client = Client(server.url)
        client.get("/first")
        with turn():
            user = gevent.spawn(client.get, "/second")
            gevent.sleep(0)
            assert len(reactor().outgoing) == 1
            user.kill()
        assert [request.split()[1] for request in server.requests] == [b"/first"]
        assert [facts["name"] for facts in client.reported] == ["/first"]
        assert CONTROLS.recorder._in_flight == 0


def test_who_gives_up_and_asks_for_something_else_in_the_same_turn_sends_that_once() -> None:
    def use() -> None:
        with contextlib.suppress(RuntimeError):
            client.get("/given-up")
        client.get("/instead")

    with scripted(always(OK)) as server:
        client = Client(server.url)
        client.get("/first")
        with turn():
            user = gevent.spawn(use)
            gevent.sleep(0)
            user.kill(RuntimeError("give up"), block=False)
            gevent.sleep(0)
            gevent.sleep(0)
        user.join(timeout=5)
        assert [request.split()[1] for request in server.requests] == [b"/first", b"/instead"]


def test_what_goes_wrong_in_sending_is_raised_where_the_request_was_made(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> None:
        raise ZeroDivisionError("of the clock")

    with answered_together(2, lambda _, client: client.get("/second")) as together:
        monkeypatch.setattr(together.clients[0], "proceed", fail)
        gevent.joinall(together.users, timeout=5)
        assert isinstance(together.users[0].exception, ZeroDivisionError)
        assert together.users[1].get().error is None


def test_users_of_both_clients_are_served_by_one_reactor() -> None:
    lean = HttpStep("GET", "/lean", expect=b"ok")
    others = set(reactor()._connections)
    with scripted(always(OK)) as server:
        drive = Drive(server.url, HttpStep("GET", "/step", expect=b"ok"))
        other = type("Lean", (LeanHttpUser,), {"tasks": [lean], "timeout": 1.0})
        drive.environment.user_classes.append(other)
        window = drive.run(users=8, seconds=0.5).window
        counts = Counter(request.split()[1].decode() for request in server.requests)
        assert window.failed == 0
        assert window.good == len(server.requests)
        assert server.connections == window.connections_opened == 8
        assert min(counts.values()) > 50
        assert counts == {name: entry.num_requests for (name, _), entry in drive.environment.stats.entries.items()}
        assert CONTROLS.recorder._in_flight == 0
        assert reactor()._connections <= others
