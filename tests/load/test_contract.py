"""What both clients owe: the same servers, good and bad, and the same demands on the step and on the lean client.

What only one of them can do is tested in a module of its own.
"""

from __future__ import annotations

import contextlib
import errno
import socket
import time
from typing import Any

import gevent
import pytest
from locust import User, constant

from floodmark.load import HttpStep, LeanHttpUser, StepHttpUser, back_off, connection
from floodmark.load.controls import CONTROLS
from floodmark.load.failure import BadStatus, ConnectionLost, ConnectionRefused, Malformed, TimedOut, WrongBody
from tests.load.drive import Drive, errors
from tests.load.scripted import FRAMINGS, OK, Peer, after, always, in_turn, once, reset, scripted, too_large
from tests.support.processes import free_port, slot_server

Client = type[User]
GOOD = type(None)


@pytest.fixture(params=[StepHttpUser, LeanHttpUser], ids=["step", "lean"])
def base(request: pytest.FixtureRequest) -> Client:
    """The user class whose client is tested."""
    client: Client = request.param
    return client


# Answers.


@pytest.mark.parametrize(("answer", "body"), FRAMINGS.values(), ids=list(FRAMINGS))
def test_every_framing_is_read_whole_and_keeps_the_connection(base: Client, answer: bytes, body: bytes) -> None:
    with scripted(always(answer)) as server:
        told = Drive(server.url, HttpStep("GET", "/", expect=body[-2:]), base=base).shots(3)
        assert errors(told) == [GOOD] * 3
        assert [facts["response_length"] for facts in told] == [len(body)] * 3
        assert server.connections == 1
        assert len(server.requests) == 3


@pytest.mark.parametrize("answer", [a for a, _ in list(FRAMINGS.values())[:6]], ids=list(FRAMINGS)[:6])
def test_every_framing_survives_arriving_byte_by_byte(base: Client, answer: bytes) -> None:
    def drip(peer: Peer) -> None:
        while peer.request() is not None:
            for index in range(len(answer)):
                peer.send(answer[index : index + 1])
                gevent.sleep(0)

    with scripted(drip) as server:
        assert errors(Drive(server.url, HttpStep("GET", "/"), base=base).shots(2)) == [GOOD] * 2
        assert server.connections == 1


def test_a_body_that_ends_with_the_connection(base: Client) -> None:
    with scripted(once(b"HTTP/1.1 200 OK\r\n\r\nok until the end")) as server:
        told = Drive(server.url, base=base).shots(3)
        assert errors(told) == [GOOD] * 3
        assert [facts["response"].text for facts in told] == ["ok until the end"] * 3
        assert server.connections == 3


def test_head_has_no_body_whatever_its_length_says(base: Client) -> None:
    with scripted(always(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")) as server:
        told = Drive(server.url, HttpStep("HEAD", "/"), base=base).shots(3)
        assert errors(told) == [GOOD] * 3
        assert server.connections == 1


def test_a_marker_is_found_across_pieces_of_a_long_body(base: Client) -> None:
    body = b"y" * 200_000 + b"floodmark" + b"z" * 200_000

    def handle(peer: Peer) -> None:
        while peer.request() is not None:
            peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body[:200_004])
            gevent.sleep(0.02)
            peer.send(body[200_004:])

    with scripted(handle) as server:
        told = Drive(server.url, HttpStep("GET", "/", expect=b"floodmark"), base=base).shots(2)
        assert errors(told) == [GOOD] * 2
        assert [facts["response_length"] for facts in told] == [len(body)] * 2


def test_an_empty_line_before_an_answer_is_passed_over(base: Client) -> None:
    def handle(peer: Peer) -> None:
        peer.request()
        peer.send(OK)
        peer.request()
        peer.send(b"\r\n")
        gevent.sleep(0.02)
        peer.send(b"HTTP/1.1 200 OK\r\n\r\nok until the end")

    with scripted(handle) as server:
        assert errors(Drive(server.url, base=base).shots(4)) == [GOOD] * 4


def test_an_answer_that_comes_between_two_that_are_alike_is_none_of_them(base: Client) -> None:
    other = b"HTTP/1.1 201 Made\r\nX-A: 1\r\nContent-Length: 8\r\n\r\nok other"
    answers = [OK, OK, other, OK, other, other, OK]
    with scripted(in_turn(*answers, b"")) as server:
        told = Drive(server.url, base=base).shots(len(answers) + 1)
        *good, lost = told
        assert [(facts["response"].status_code, facts["response_length"]) for facts in good] == [
            (201, 8) if answer is other else (200, 2) for answer in answers
        ]
        assert [facts["response"].headers.get("X-A") for facts in good] == [
            "1" if a is other else None for a in answers
        ]
        assert errors(told) == [GOOD] * len(answers) + [ConnectionLost]
        assert lost["response"].status_code == 0
        assert server.connections == 1


BAD = [
    (b"", ConnectionLost),
    (b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc", ConnectionLost),
    (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabc", ConnectionLost),
    (b"HTTP/1.1 200 OK\r\nContent-", ConnectionLost),
    (b"SSH-2.0-OpenSSH_9.2\r\n", Malformed),
    (b"HTTP/1.1 200 OK\r\nContent-Length: two\r\n\r\nok", Malformed),
    (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nnot hex\r\n", Malformed),
    (b"HTTP/1.1 200 OK\r\n" + b"X-Long: " + b"x" * 1000 + b"\r\n" * 1 + b"Y: y\r\n" * 100_000, Malformed),
    (b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n", BadStatus),
    (b"HTTP/1.1 404 None\r\nContent-Length: 2\r\n\r\nno", BadStatus),
    (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nno", WrongBody),
]


@pytest.mark.parametrize(("answer", "error"), BAD)
def test_a_bad_answer_is_one_failure_of_its_kind_and_never_retried(
    base: Client, answer: bytes, error: type[Exception]
) -> None:
    with scripted(once(answer)) as server:
        drive = Drive(server.url, base=base)
        told = drive.shots(1)
        assert errors(told) == [error]
        assert type(told[0]["response"].error) is error
        assert len(server.requests) == 1
        assert drive.environment.stats.total.num_failures == 1
        assert drive.window.failed == 1
        assert drive.window.good == 0


def test_a_head_without_end_is_malformed_and_bounded(base: Client) -> None:
    def handle(peer: Peer) -> None:
        peer.request()
        peer.send(b"HTTP/1.1 200 OK\r\n")
        while True:
            peer.send(b"X-Filler: " + b"y" * 8000 + b"\r\n")

    with scripted(handle) as server:
        assert errors(Drive(server.url, base=base).shots(1)) == [Malformed]


@pytest.mark.parametrize("status", [b"000", b"042", b"999"])
def test_the_status_is_one_of_http(base: Client, status: bytes) -> None:
    with scripted(always(b"HTTP/1.1 %s Odd\r\nContent-Length: 2\r\n\r\nok" % status)) as server:
        assert errors(Drive(server.url, base=base).shots(1)) == [BadStatus]


@pytest.mark.parametrize(
    "more", [b"HTTP/1.1 200 OK\r\nContent-Le", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nforgotten"]
)
def test_bytes_beyond_the_answer_cost_the_connection_but_not_the_answer(base: Client, more: bytes) -> None:
    with scripted(always(OK + more)) as server:
        told = Drive(server.url, base=base).shots(3)
        assert errors(told) == [GOOD] * 3
        assert [facts["response"].content for facts in told] == [b"ok"] * 3
        assert server.connections == 3


# Connections.


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok",
        b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok",
    ],
)
def test_a_server_that_announces_its_close_gets_a_new_connection_each_time(base: Client, answer: bytes) -> None:
    with scripted(once(answer)) as server:
        assert errors(Drive(server.url, base=base).shots(5)) == [GOOD] * 5
        assert server.connections == 5


def test_a_server_that_closes_without_saying_so_costs_no_error(base: Client) -> None:
    with scripted(once(OK)) as server:
        drive = Drive(server.url, base=base, wait_time=constant(0.02))
        assert errors(drive.shots(5)) == [GOOD] * 5
        assert server.connections == len(server.requests) == 5


def test_a_connection_closed_before_the_request_reached_it_is_replaced_once_and_counted(base: Client) -> None:
    with scripted(once(OK)) as server:
        drive = Drive(server.url, base=base)
        # Nobody listens, so that users go on at once: the server, in this same loop, gets no turn to close before
        # the next request lies in its socket unread.
        drive.run(users=1, seconds=0.3)
        window = drive.window
        assert window.failed == 0
        assert window.good == len(server.requests)
        assert window.good - 2 <= window.reconnects <= window.good
        assert window.reconnects > 0


def test_a_request_is_sent_again_only_once(base: Client) -> None:
    def handle(peer: Peer) -> None:
        if peer.number == 1:
            peer.request()
            peer.send(OK)
        if peer.number <= 2:
            peer.request()
            gevent.sleep(0.02)
            reset(peer)
        else:
            always(OK)(peer)

    with scripted(handle) as server:
        drive = Drive(server.url, base=base)
        assert errors(drive.shots(3)) == [GOOD, ConnectionLost, GOOD]
        assert server.connections == 3
        assert drive.window.reconnects == 1


def test_a_request_dropped_on_a_kept_connection_is_an_error(base: Client) -> None:
    with scripted(in_turn(OK, OK, b"")) as server:
        assert errors(Drive(server.url, base=base).shots(6)) == [GOOD, GOOD, ConnectionLost] * 2
        assert len(server.requests) == 6


def test_every_fifth_connection_answering_fails_exactly_four_of_five(
    base: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Locust's FastHttpUser reports none of these: it retries in silence.
    def handle(peer: Peer) -> None:
        if peer.number % 5 == 0:
            once(OK)(peer)
        else:
            peer.request()

    monkeypatch.setattr(back_off, "FIRST_S", 0.001)
    with scripted(handle) as server:
        told = Drive(server.url, base=base).shots(20)
        assert [facts["exception"] is None for facts in told] == [False, False, False, False, True] * 4
        assert server.connections == len(server.requests) == 20


def test_nobody_listening_is_refused_and_slows_the_user_down(base: Client) -> None:
    drive = Drive(f"http://127.0.0.1:{free_port()}", base=base)
    begun = time.monotonic()
    told = drive.shots(4)
    assert errors(told) == [ConnectionRefused] * 4
    assert time.monotonic() - begun >= 0.05 + 0.1 + 0.2
    assert all(facts["response_time"] < 100 for facts in told)


def test_a_host_that_does_not_resolve_is_a_failed_request(base: Client) -> None:
    told = Drive("http://no-such-host.invalid:80", base=base).shots(2)
    assert errors(told) == [ConnectionRefused] * 2
    assert "does not resolve" in str(told[0]["exception"])


BUSY = b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n"


def test_an_error_much_faster_than_an_answer_can_be_slows_the_user_down_while_a_ramp_measures(base: Client) -> None:
    with scripted(always(BUSY)) as server:
        drive = Drive(server.url, base=base)
        CONTROLS.ramping, CONTROLS.fast_error_s = True, 10.0
        window = drive.run(users=2, seconds=0.8).window
        # Pauses of 50, 100, 200 and 400 ms.
        assert 2 <= len(server.requests) <= 2 * 5
        assert window.paused_s >= 2 * 0.05
        assert window.pauses == window.failed
        assert window.think_s == 0


@pytest.mark.parametrize("ramping", [True, False])
def test_an_error_that_took_as_long_as_an_answer_slows_nobody_down(base: Client, *, ramping: bool) -> None:
    with scripted(always(BUSY)) as server:
        drive = Drive(server.url, base=base)
        CONTROLS.ramping, CONTROLS.fast_error_s = ramping, 0.0 if ramping else 10.0
        window = drive.run(users=2, seconds=0.5).window
        assert window.failed > 2 * 5
        assert window.pauses == 0


def test_good_answers_end_the_back_off(base: Client) -> None:
    with scripted(in_turn(*[BUSY, OK] * 4)) as server:
        drive = Drive(server.url, base=base)
        CONTROLS.ramping, CONTROLS.fast_error_s = True, 10.0
        begun = time.time()
        drive.shots(8)
        assert time.time() - begun < 4 * 0.05 + 1.0  # doubled each time, it would be 0.75 s more
        assert len(server.requests) >= 8


def test_users_without_a_time_out_of_their_own_have_that_of_the_ramp(base: Client) -> None:
    with scripted(after(5.0)) as server:
        drive = Drive(server.url, base=base, timeout=None)
        CONTROLS.timeout_s = 0.3
        (told,) = drive.shots(1)
        assert isinstance(told["exception"], TimedOut)
        assert told["response_time"] >= 300
        assert len(server.requests) == 1


def test_no_descriptor_left_is_refused(base: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def none(*_: Any, **__: Any) -> Any:
        raise OSError(errno.EMFILE, "Too many open files")

    monkeypatch.setattr(connection, "open_socket", none)
    told = Drive("http://127.0.0.1:1", base=base).shots(1)
    assert errors(told) == [ConnectionRefused]
    assert CONTROLS.recorder._in_flight == 0


def test_a_reset_in_the_middle_is_lost(base: Client) -> None:
    def handle(peer: Peer) -> None:
        peer.request()
        peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nabc")
        reset(peer)

    with scripted(handle) as server:
        assert errors(Drive(server.url, base=base).shots(1)) == [ConnectionLost]


def test_keep_alive_holds_above_descriptor_1023(base: Client) -> None:
    # FastHttpUser reconnects for every request there.
    held = [socket.socket() for _ in range(1100)]
    try:
        with scripted(always(OK)) as server:
            window = Drive(server.url, base=base).run(users=5, seconds=0.5).window
            assert server.connections == 5
            assert window.failed == 0
            assert window.good == len(server.requests) > 50
    finally:
        for one in held:
            one.close()


def test_new_connections_are_an_axis(base: Client) -> None:
    with scripted(always(OK)) as server:
        drive = Drive(server.url, base=base)
        CONTROLS.new_connections = True
        assert errors(drive.shots(5)) == [GOOD] * 5
        assert server.connections == len(server.requests) == 5
        assert all(b"\r\nConnection: close\r\n" in request for request in server.requests)


def test_a_new_generation_connects_anew(base: Client) -> None:
    with scripted(always(OK)) as server:
        drive = Drive(server.url, base=base)
        drive.runner.start(5, 1000)
        gevent.sleep(0.3)
        CONTROLS.generation += 1
        CONTROLS.announce()
        gevent.sleep(0.3)
        drive.stop()
        assert server.connections == 10
        assert drive.environment.stats.total.num_failures == 0


@pytest.mark.parametrize("shots", [1, 5])
def test_a_late_close_is_as_late_as_asked_and_delays_no_answer(base: Client, shots: int) -> None:
    late_s = 0.08
    closed_after_s: list[float] = []

    def handle(peer: Peer) -> None:
        while peer.request() is not None:
            peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok")
            answered = time.monotonic()
            assert peer.socket.recv(1) == b""
            closed_after_s.append(time.monotonic() - answered)
            return

    with scripted(handle) as server:
        drive = Drive(server.url, base=base)
        CONTROLS.close_delay_s = late_s
        told = drive.shots(shots)
        assert errors(told) == [GOOD] * shots
        with gevent.Timeout(10):
            while len(closed_after_s) < shots:
                gevent.sleep(0.01)
        assert server.connections >= shots
    CONTROLS.close_delay_s = 0.0
    # The server may see the answer sent a little later than the client took it in.
    assert min(closed_after_s[:shots]) > 0.5 * late_s


# Requests that do not leave whole.


def test_both_clients_send_the_same_bytes() -> None:
    step = HttpStep("POST", "/p?q=1", json={"a": 1}, headers={"X-One": "1"})
    sent = []
    for base in (StepHttpUser, LeanHttpUser):
        with scripted(always(OK)) as server:
            Drive(server.url, step, base=base).shots(1)
            sent.append(server.requests[0].partition(b"Host:")[0] + server.requests[0].partition(b"User-Agent")[2])
    assert sent[0] == sent[1]


def test_a_body_larger_than_the_socket_takes_is_sent_whole(base: Client) -> None:
    big = b"x" * 8_000_000

    def handle(peer: Peer) -> None:
        while (message := peer.request()) is not None:
            peer.send(OK if message.endswith(big) else b"HTTP/1.1 400 Bad\r\nContent-Length: 0\r\n\r\n")

    with scripted(handle) as server:
        step = HttpStep("POST", "/up", data=big, expect=b"ok")
        assert errors(Drive(server.url, step, base=base, timeout=10.0).shots(2)) == [GOOD] * 2


SMALL, LARGE = HttpStep("GET", "/", expect=b"ok"), HttpStep("POST", "/", data=b"x" * 20_000_000)


def test_an_answer_before_the_whole_request_was_read_counts(base: Client) -> None:
    with scripted(too_large) as server:
        told = Drive(server.url, SMALL, LARGE, base=base, timeout=10.0).shots(6)
        posts = [facts for facts in told if facts["request_type"] == "POST"]
        assert {(facts["request_type"], type(facts["exception"])) for facts in told} == {
            ("GET", GOOD),
            ("POST", BadStatus),
        }
        assert all(facts["response"].status_code == 413 for facts in posts)
        assert server.connections in {len(posts), len(posts) + 1}


def test_a_request_that_was_partly_read_is_not_sent_again(base: Client) -> None:
    def handle(peer: Peer) -> None:
        while b"POST" not in (begun := peer.socket.recv(65536)):
            if not begun:
                return
            peer.send(OK)
        gevent.sleep(0.1)

    with scripted(handle) as server:
        drive = Drive(server.url, SMALL, LARGE, base=base, timeout=10.0)
        told = drive.shots(4)
        assert sorted((facts["request_type"], type(facts["exception"]).__name__) for facts in told) == [
            *[("GET", "NoneType")] * 2,
            *[("POST", "ConnectionLost")] * 2,
        ]
        assert server.connections in {2, 3}
        assert drive.window.reconnects == 0


# Time.


def test_silence_times_out_and_the_next_request_starts_afresh(base: Client) -> None:
    def handle(peer: Peer) -> None:
        peer.request()
        if peer.number <= 2:
            gevent.sleep(5)
        peer.send(OK)

    with scripted(handle) as server:
        told = Drive(server.url, base=base, timeout=0.3).shots(3)
        assert errors(told) == [TimedOut, TimedOut, GOOD]
        assert all(300 <= facts["response_time"] < 900 for facts in told[:2])
        assert server.connections == 3


def test_a_slow_drip_does_not_outlive_the_total_timeout(base: Client) -> None:
    def handle(peer: Peer) -> None:
        peer.request()
        peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
        for _ in range(1000):
            peer.send(b"x")
            gevent.sleep(0.05)

    with scripted(handle) as server:
        told = Drive(server.url, base=base, timeout=0.4).shots(2)
        assert errors(told) == [TimedOut] * 2
        assert all(400 <= facts["response_time"] < 1500 for facts in told)


def test_a_connection_that_is_not_accepted_times_out(base: Client) -> None:
    # With its queue full, the kernel drops what would begin another connection.
    with socket.socket() as listener, contextlib.ExitStack() as held:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for _ in range(3):
            waiting = held.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(listener.getsockname())
        drive = Drive(f"http://127.0.0.1:{listener.getsockname()[1]}", base=base, connect_timeout=0.3, timeout=8.0)
        told = drive.shots(1)
        assert errors(told) == [TimedOut]
        assert 300 <= told[0]["response_time"] < 1500
        assert drive.window.connections_opened == 0


def test_a_body_is_sent_within_the_timeout_of_the_answer_not_of_the_connection(base: Client) -> None:
    def handle(peer: Peer) -> None:
        gevent.sleep(0.8)
        peer.request()
        peer.send(OK)

    with scripted(handle) as server:
        told = Drive(server.url, LARGE, base=base, connect_timeout=0.3, timeout=30.0).shots(1)
        assert errors(told) == [GOOD]
        assert told[0]["response_time"] > 800


def test_a_request_that_is_sent_again_has_no_more_time_than_any(base: Client) -> None:
    def handle(peer: Peer) -> None:
        if peer.number == 1:
            peer.request()
            peer.send(OK)
            peer.request()
            gevent.sleep(0.8)
            reset(peer)
        else:
            gevent.sleep(10)

    with scripted(handle) as server:
        drive = Drive(server.url, base=base, timeout=1.0)
        told = drive.shots(2)
        assert errors(told) == [GOOD, TimedOut]
        assert server.connections == 2
        assert 1000 <= told[1]["response_time"] < 1700
        assert drive.window.reconnects == 1  # though it failed in the end


def test_latency_is_the_kernel_s_even_when_the_generator_is_busy(base: Client) -> None:
    port = free_port()
    busy: list[float] = []

    def keep_busy() -> None:
        busy.append(time.time())
        while time.time() < busy[0] + 0.6:
            pass

    with slot_server(port, slots=1, ms=150):
        drive = Drive(f"http://127.0.0.1:{port}", HttpStep("GET", "/"), base=base, wait_time=constant(0.1))
        # When the first request is over the second leaves after 0.1 s, and nobody has a turn when it is answered.
        drive.environment.events.request.add_listener(lambda **_: busy or gevent.spawn_later(0.18, keep_busy))
        told = drive.shots(2)
    assert errors(told) == [GOOD] * 2
    assert 150 <= told[1]["response_time"] < 400
    assert busy[0] < told[1]["start_time"] + told[1]["response_time"] / 1000 < busy[0] + 0.6


# Users and what is recorded of them.


def test_statistics_agree_with_the_server(base: Client) -> None:
    steps = HttpStep("GET", "/a", expect=b"ok"), HttpStep("GET", "/b", expect=b"ok")
    with scripted(always(OK)) as server:
        drive = Drive(server.url, *steps, base=base).run(users=4, seconds=0.5)
        stats, window = drive.environment.stats, drive.window
        a, b = (stats.entries[path, "GET"].num_requests for path in ("/a", "/b"))
        assert a == sum(request.startswith(b"GET /a ") for request in server.requests) > 50
        assert a + b == stats.total.num_requests == len(server.requests) == window.good
        assert stats.total.num_failures == window.failed == 0
        assert stats.total.total_content_length == 2 * (a + b)
        assert sum(stats.total.response_times.values()) == a + b
        assert sum(stats.total.num_reqs_per_sec.values()) == a + b
        assert server.connections == window.connections_opened == 4


def test_in_flight_and_latency_obey_littles_law(base: Client) -> None:
    with scripted(after(0.05)) as server:
        window = Drive(server.url, base=base).run(users=8, seconds=2.0).window
        assert window.in_flight_s is not None
        assert window.response_s == pytest.approx(window.in_flight_s, rel=0.05)


def test_wait_time_paces_users_and_stopping_is_prompt(base: Client) -> None:
    with scripted(always(OK)) as server:
        drive = Drive(server.url, base=base, wait_time=constant(0.1))
        begun = time.monotonic()
        drive.run(users=5, seconds=1.0)
        assert time.monotonic() - begun < 3.0
        assert 30 <= len(server.requests) <= 55


def test_a_user_stopped_with_a_timeout_finishes_its_request(base: Client) -> None:
    with scripted(after(0.2)) as server:
        drive = Drive(server.url, base=base).run(users=10, seconds=0.5)
        assert drive.window.good == len(server.requests) == drive.environment.stats.total.num_requests


def test_users_stopped_between_two_requests_leave_none_in_flight(base: Client) -> None:
    for _ in range(8):
        with scripted(always(OK)) as server:
            window = Drive(server.url, base=base).run(users=6, seconds=0.02).window
            assert (window.good, window.failed) == (len(server.requests), 0)


def test_killed_users_leave_nothing_in_flight_and_no_connection(base: Client) -> None:
    closed = []

    def handle(peer: Peer) -> None:
        peer.request()
        closed.append(peer.socket.recv(1) == b"")

    with scripted(handle) as server:
        drive = Drive(server.url, base=base)
        drive.environment.stop_timeout = 0
        drive.run(users=10, seconds=0.3)
        assert CONTROLS.recorder._in_flight == 0
        with gevent.Timeout(10):
            while len(closed) < 10:
                gevent.sleep(0.01)
        assert closed == [True] * 10
        assert len(server.requests) == 10


def test_on_start_on_stop_and_cookies(base: Client) -> None:
    events = []

    def on_start(user: Any) -> None:
        events.append("start")
        user.client.post("/login", {"name": "x"})

    login = b"HTTP/1.1 200 OK\r\nSet-Cookie: sid=7; Path=/\r\nContent-Length: 2\r\n\r\nok"
    with scripted(always(login)) as server:
        drive = Drive(server.url, base=base, on_start=on_start, on_stop=lambda _: events.append("stop"))
        drive.run(users=2, seconds=0.2)
        assert events == ["start", "start", "stop", "stop"]
        assert all(b"Cookie: sid=7" in request for request in server.requests if request.startswith(b"GET"))
