"""A connection by itself: when its owner is told, and when not."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator

import gevent
import pytest

from floodmark.load.connection import HttpConnection
from floodmark.load.controls import CONTROLS
from floodmark.load.failure import ConnectionRefused, RequestFailed
from floodmark.load.reactor import reactor
from floodmark.load.request import Request
from floodmark.load.wire import resolve
from floodmark.records.recorder import Recorder
from tests.load.scripted import OK, always, scripted
from tests.support.processes import free_port

REQUEST = Request(message=b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")


class Owner:
    """Keeps what it is told."""

    def __init__(self, port: int) -> None:
        CONTROLS.recorder = Recorder()
        self.told: list[RequestFailed | None] = []
        self.connection = HttpConnection(self, resolve("127.0.0.1", port))

    def answered(self) -> None:
        self.told.append(None)

    def failed(self, error: RequestFailed) -> None:
        self.told.append(error)


@contextlib.contextmanager
def listening() -> Iterator[socket.socket]:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield listener


def test_the_owner_is_told_of_an_answer_once() -> None:
    with scripted(always(OK)) as server:
        owner = Owner(int(server.url.rpartition(":")[2]))
        owner.connection.send(REQUEST, 1.0)
        assert owner.told == []
        gevent.sleep(0.05)
        assert owner.told == [None]
        assert owner.connection.answer.body == b"ok"


def test_the_owner_is_told_of_a_failure_but_never_from_within_send() -> None:
    owner = Owner(free_port())
    owner.connection.send(REQUEST, 1.0)
    assert owner.told == []
    gevent.sleep(0.05)
    assert [type(error) for error in owner.told] == [ConnectionRefused]
    assert not owner.connection.is_open


def test_an_owner_that_closes_hears_no_more_of_a_failure() -> None:
    owner = Owner(free_port())
    owner.connection.send(REQUEST, 1.0)
    owner.connection.close()
    gevent.sleep(0.05)
    assert owner.told == []


@pytest.mark.parametrize("closes", [False, True])
def test_an_owner_that_closes_in_the_turn_of_its_answer_hears_no_more_of_it(closes: bool) -> None:
    # A user was stopped while others were told of their answers: it must not send its next request.
    with listening() as listener:
        owner = Owner(listener.getsockname()[1])
        owner.connection.send(REQUEST, 1.0)
        peer, _ = listener.accept()
        with peer:
            assert peer.recv(1000) == REQUEST.message
            peer.send(OK)
            reactor().turning = True
            owner.connection.receive()
            if closes:
                owner.connection.close()
            reactor()._go_on()
            reactor().turning = False
            assert owner.told == ([] if closes else [None])
