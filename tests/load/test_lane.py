"""The fast lane against the same servers as the lean client, good and bad."""

from __future__ import annotations

import socket
import struct
import time
from collections import deque
from collections.abc import Sequence
from typing import Any

import gevent
import pytest
from locust import User, constant, task
from locust.env import Environment
from locust.exception import InterruptTaskSet, RescheduleTask, RescheduleTaskImmediately, StopUser

from floodmark.load import HttpStep, LeanHttpUser, StepHttpUser
from floodmark.load.arrivals import Schedule
from floodmark.load.controls import CONTROLS
from floodmark.load.failure import BadStatus, ConnectionLost, ConnectionRefused, Malformed, TimedOut, WrongBody
from floodmark.load.plugin import record
from floodmark.load.reporting import Reports
from floodmark.load.step_driver.connection import Line, send_next
from floodmark.records.recorder import bin_of
from floodmark.records.timeline import Timeline
from floodmark.stats.window import Window
from floodmark.verdict.enums import Spacing
from tests.load.scripted import OK, Peer, always, once, scripted
from tests.load.test_client import FRAMINGS, too_large
from tests.support.processes import free_port

HOME = HttpStep("GET", "/", name="home", expect=b"ok")


class Drive:
    """Runs step users in this process, as Locust does."""

    def __init__(self, url: str, *steps: Any, base: type[User] = StepHttpUser, **attributes: Any) -> None:
        CONTROLS.__init__()  # type: ignore[misc]  # a fresh process' controls, in the one object everybody holds
        self.environment = Environment(
            user_classes=[type("Driven", (base,), {"tasks": list(steps) or [HOME], "timeout": 1.0, **attributes})],
            host=url,
            stop_timeout=5,
        )
        self.environment.events.request.add_listener(record)
        self.runner = self.environment.create_local_runner()
        self.told: list[dict[str, Any]] = []
        self.begun = time.time()

    def shots(self, count: int, users: int = 1) -> list[dict[str, Any]]:
        """Until so many requests were over; returns what listeners of the request event were told."""

        def listen(**facts: Any) -> None:
            if len(self.told) < count:
                self.told.append(facts)
            if len(self.told) >= count:
                raise StopUser

        self.environment.events.request.add_listener(listen)
        self.runner.start(users, 10_000)
        with gevent.Timeout(20):
            while len(self.told) < count:
                gevent.sleep(0.005)
        self.stop()
        return self.told

    def run(self, users: int, seconds: float) -> Drive:
        self.runner.start(users, 10_000)
        gevent.sleep(seconds)
        self.stop()
        return self

    def stop(self) -> None:
        self.runner.quit()

    @property
    def window(self) -> Window:
        """Everything recorded."""
        timeline = Timeline()
        until = bin_of(time.time()) + 1
        timeline.add("here", until, CONTROLS.recorder.take(until))
        return timeline.window(bin_of(self.begun), until, self.begun)


def errors(told: Sequence[dict[str, Any]]) -> list[type[Any]]:
    return [type(facts["exception"]) for facts in told]


@pytest.mark.parametrize(("answer", "body"), FRAMINGS.values(), ids=list(FRAMINGS))
def test_every_framing_is_read_whole_and_keeps_the_connection(answer: bytes, body: bytes) -> None:
    with scripted(always(answer)) as server:
        told = Drive(server.url, HttpStep("GET", "/", expect=body[-2:])).shots(3)
        assert errors(told) == [type(None)] * 3
        assert [facts["response_length"] for facts in told] == [len(body)] * 3
        assert server.connections == 1


@pytest.mark.parametrize("answer", [a for a, _ in list(FRAMINGS.values())[:6]], ids=list(FRAMINGS)[:6])
def test_every_framing_survives_arriving_byte_by_byte(answer: bytes) -> None:
    def drip(peer: Peer) -> None:
        while peer.request() is not None:
            for index in range(len(answer)):
                peer.send(answer[index : index + 1])
                gevent.sleep(0)

    with scripted(drip) as server:
        assert errors(Drive(server.url, HttpStep("GET", "/")).shots(2)) == [type(None)] * 2
        assert server.connections == 1


def test_a_body_that_ends_with_the_connection() -> None:
    with scripted(once(b"HTTP/1.1 200 OK\r\n\r\nok until the end")) as server:
        assert errors(Drive(server.url).shots(3)) == [type(None)] * 3
        assert server.connections >= 3


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok",
        b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok",
    ],
)
def test_a_server_that_announces_its_close_gets_a_new_connection_each_time(answer: bytes) -> None:
    with scripted(once(answer)) as server:
        assert errors(Drive(server.url).shots(5)) == [type(None)] * 5
        assert server.connections >= 5


def test_a_server_that_closes_without_saying_so_costs_no_error() -> None:
    with scripted(once(OK)) as server:
        drive = Drive(server.url, wait_time=constant(0.02))
        assert errors(drive.shots(5)) == [type(None)] * 5
        assert server.connections >= 5


def test_head_has_no_body_whatever_its_length_says() -> None:
    with scripted(always(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")) as server:
        assert errors(Drive(server.url, HttpStep("HEAD", "/")).shots(3)) == [type(None)] * 3
        assert server.connections == 1


@pytest.mark.parametrize(
    ("answer", "error"),
    [
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
    ],
)
def test_a_bad_answer_is_one_failure_of_its_kind_and_never_retried(answer: bytes, error: type[Exception]) -> None:
    with scripted(once(answer)) as server:
        drive = Drive(server.url)
        assert errors(drive.shots(1)) == [error]
        assert len(server.requests) == 1
        assert drive.environment.stats.total.num_failures == 1
        assert drive.window.failed == 1
        assert drive.window.good == 0


def test_every_fifth_connection_answering_fails_exactly_four_of_five() -> None:
    def handle(peer: Peer) -> None:
        if peer.number % 5 == 0:
            once(OK)(peer)
        else:
            peer.request()

    with scripted(handle) as server:
        told = Drive(server.url, connect_timeout=1.0).shots(10)
        assert [facts["exception"] is None for facts in told] == [False, False, False, False, True] * 2
        assert len(server.requests) in {10, 11}


def test_a_request_dropped_on_a_kept_connection_is_an_error() -> None:
    def handle(peer: Peer) -> None:
        peer.request()
        peer.send(OK)
        peer.request()

    with scripted(handle) as server:
        assert errors(Drive(server.url).shots(4)) == [type(None), ConnectionLost] * 2


def test_nobody_listening_is_refused_and_slows_the_user_down() -> None:
    drive = Drive(f"http://127.0.0.1:{free_port()}")
    begun = time.monotonic()
    assert errors(drive.shots(4)) == [ConnectionRefused] * 4
    assert time.monotonic() - begun > 0.3  # .05 + .1 + .2


def test_silence_times_out_and_the_next_request_starts_afresh() -> None:
    def handle(peer: Peer) -> None:
        peer.request()
        gevent.sleep(5)

    with scripted(handle) as server:
        told = Drive(server.url, timeout=0.3).shots(2)
        assert errors(told) == [TimedOut] * 2
        assert all(250 < facts["response_time"] < 900 for facts in told)
        assert server.connections >= 2


def test_a_reset_in_the_middle_is_lost() -> None:
    def handle(peer: Peer) -> None:
        peer.request()
        peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc")
        peer.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    with scripted(handle) as server:
        assert errors(Drive(server.url).shots(1)) == [ConnectionLost]


def test_bytes_beyond_the_answer_cost_the_connection_but_not_the_answer() -> None:
    with scripted(always(OK + b"HTTP/1.1 200 OK\r\nContent-Le")) as server:
        assert errors(Drive(server.url).shots(3)) == [type(None)] * 3
        assert server.connections >= 3


def test_a_body_larger_than_the_socket_takes_is_sent_whole() -> None:
    big = b"x" * 8_000_000

    def handle(peer: Peer) -> None:
        while (message := peer.request()) is not None:
            peer.send(OK if message.endswith(big) else b"HTTP/1.1 400 Bad\r\nContent-Length: 0\r\n\r\n")

    with scripted(handle) as server:
        told = Drive(server.url, HttpStep("POST", "/up", data=big, expect=b"ok"), timeout=10.0).shots(2)
        assert errors(told) == [type(None)] * 2


def test_a_marker_is_found_across_pieces_of_a_long_body() -> None:
    body = b"y" * 200_000 + b"floodmark" + b"z" * 200_000

    def handle(peer: Peer) -> None:
        while peer.request() is not None:
            peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body[:200_004])
            gevent.sleep(0.02)
            peer.send(body[200_004:])

    with scripted(handle) as server:
        told = Drive(server.url, HttpStep("GET", "/", expect=b"floodmark")).shots(2)
        assert errors(told) == [type(None)] * 2


def test_both_lanes_send_the_same_bytes() -> None:
    step = HttpStep("POST", "/p?q=1", json={"a": 1}, headers={"X-One": "1"})
    sent = []
    for base in (StepHttpUser, LeanHttpUser):
        with scripted(always(OK)) as server:
            Drive(server.url, step, base=base).shots(1)
            sent.append(server.requests[0].partition(b"Host:")[0] + server.requests[0].partition(b"User-Agent")[2])
    assert sent[0] == sent[1]


def test_weights_are_kept_exactly_and_statistics_agree_with_the_server() -> None:
    steps = {HttpStep("GET", "/a", expect=b"ok"): 3, HttpStep("GET", "/b", expect=b"ok"): 1}
    with scripted(always(OK)) as server:
        drive = Drive(server.url)
        drive.environment.user_classes[0].tasks = [s for s, weight in steps.items() for _ in range(weight)]
        drive.run(users=4, seconds=0.5)
        stats = drive.environment.stats
        a, b = stats.entries["/a", "GET"].num_requests, stats.entries["/b", "GET"].num_requests
        assert abs(a - 3 * b) <= 8
        assert a + b == stats.total.num_requests == len(server.requests) == drive.window.good
        assert stats.total.num_failures == drive.window.failed == 0
        assert stats.total.total_content_length == 2 * (a + b)
        assert sum(stats.total.response_times.values()) == a + b
        assert sum(stats.total.num_reqs_per_sec.values()) == a + b


def test_tags_leave_steps_out() -> None:
    slow, fast = HttpStep("GET", "/slow", tags={"slow"}), HttpStep("GET", "/fast", tags={"fast"})
    with scripted(always(OK)) as server:
        drive = Drive(server.url, slow, fast)
        drive.environment.tags = ["fast"]
        drive.environment._filter_tasks_by_tags()
        drive.shots(4)
        assert all(b"/fast" in request for request in server.requests)


def test_steps_are_attributes_that_locust_weighs_like_tasks() -> None:
    class Visitor(StepHttpUser):
        host = "http://127.0.0.1:1"
        home = HttpStep("GET", "/", weight=2)
        other = HttpStep("GET", "/other")

    assert Visitor.tasks == [Visitor.home, Visitor.home, Visitor.other]
    assert Visitor.json()["tasks"] == ["home", "home", "other"]  # type: ignore[no-untyped-call]


def test_functions_among_the_steps_run_too() -> None:
    class Mixed(StepHttpUser):
        abstract = True
        home = HttpStep("GET", "/step", expect=b"ok")

        @task
        def function(self) -> None:
            self.client.get("/function", expect=b"ok")

    with scripted(always(OK)) as server:
        drive = Drive(server.url, *Mixed.tasks, base=Mixed)
        drive.shots(20)
        assert {request.split(b" ")[1] for request in server.requests} == {b"/step", b"/function"}


def test_on_start_on_stop_and_cookies() -> None:
    events = []

    class Member(StepHttpUser):
        abstract = True

        def on_start(self) -> None:
            events.append("start")
            self.client.post("/login", {"name": "x"})

        def on_stop(self) -> None:
            events.append("stop")

    login = b"HTTP/1.1 200 OK\r\nSet-Cookie: sid=7; Path=/\r\nContent-Length: 2\r\n\r\nok"
    with scripted(always(login)) as server:
        Drive(server.url, base=Member).run(users=2, seconds=0.2)
        assert events == ["start", "start", "stop", "stop"]
        assert all(b"Cookie: sid=7" in request for request in server.requests if request.startswith(b"GET"))


def test_wait_time_paces_users_and_stopping_is_prompt() -> None:
    with scripted(always(OK)) as server:
        drive = Drive(server.url, wait_time=constant(0.1))
        begun = time.monotonic()
        drive.run(users=5, seconds=1.0)
        assert time.monotonic() - begun < 3.0
        assert 30 <= len(server.requests) <= 55


def test_a_user_stopped_with_a_timeout_finishes_its_request() -> None:
    def handle(peer: Peer) -> None:
        while peer.request() is not None:
            gevent.sleep(0.2)
            peer.send(OK)

    with scripted(handle) as server:
        drive = Drive(server.url)
        drive.run(users=10, seconds=0.5)
        assert drive.environment.stats.total.num_requests == len(server.requests) == drive.window.good


def test_killed_users_leave_nothing_in_flight() -> None:
    def handle(peer: Peer) -> None:
        peer.request()
        gevent.sleep(5)

    with scripted(handle) as server:
        drive = Drive(server.url)
        drive.environment.stop_timeout = 0
        drive.run(users=10, seconds=0.3)
        assert CONTROLS.recorder._in_flight == 0


def test_a_new_generation_connects_anew() -> None:
    with scripted(always(OK)) as server:
        drive = Drive(server.url)
        drive.runner.start(5, 1000)
        gevent.sleep(0.3)
        CONTROLS.generation += 1
        CONTROLS.announce()
        gevent.sleep(0.3)
        drive.stop()
        assert server.connections == 10
        assert drive.environment.stats.total.num_failures == 0


def test_new_connections_are_an_axis() -> None:
    with scripted(always(OK)) as server:
        drive = Drive(server.url)
        CONTROLS.new_connections = True
        drive.shots(5)
        assert server.connections >= 5
        assert b"Connection: close" in server.requests[0]


def test_in_flight_and_latency_obey_littles_law() -> None:
    def handle(peer: Peer) -> None:
        while peer.request() is not None:
            gevent.sleep(0.05)
            peer.send(OK)

    with scripted(handle) as server:
        drive = Drive(server.url)
        drive.run(users=8, seconds=2.0)
        window = drive.window
        assert window.in_flight_s is not None
        assert window.response_s == pytest.approx(window.in_flight_s, rel=0.05)


def test_the_open_model_sends_every_arrival_of_its_schedule_and_counts_from_when_it_was_due() -> None:
    def handle(peer: Peer) -> None:
        while peer.request() is not None:
            gevent.sleep(0.02)
            peer.send(OK)

    with scripted(handle) as server:
        drive = Drive(server.url)
        drive.runner.start(50, 1000)
        gevent.sleep(0.2)
        before = len(server.requests)
        start = time.time() + 0.1
        CONTROLS.open = True
        CONTROLS.schedule = Schedule(rate_rps=200, start=start, spacing=Spacing.CONSTANT, seed=1)
        CONTROLS.announce()
        gevent.sleep(1.6)
        CONTROLS.schedule = None
        CONTROLS.announce()
        gevent.sleep(0.2)
        drive.stop()
        window = drive.window
        assert 280 <= window.offered <= 320
        assert window.sent == window.offered
        assert window.settled.total >= window.offered
        assert len(server.requests) > before


def test_an_arrival_that_finds_no_connection_waits_and_its_wait_counts() -> None:
    def handle(peer: Peer) -> None:
        while peer.request() is not None:
            gevent.sleep(0.1)
            peer.send(OK)

    with scripted(handle) as server:
        drive = Drive(server.url)
        CONTROLS.open = True
        CONTROLS.schedule = Schedule(rate_rps=40, start=time.time() + 0.1, spacing=Spacing.CONSTANT, seed=1)
        drive.runner.start(1, 1000)  # one connection carries 10/s of the 40/s offered
        gevent.sleep(2.0)
        window = drive.window
        drive.stop()
        assert window.offered - window.sent > 30
        latest = window.settled.quantile(1.0)
        assert latest is not None
        assert latest > 1000


def test_many_arrivals_that_are_refused_at_once_are_as_many_failures() -> None:
    drive = Drive(f"http://127.0.0.1:{free_port()}")
    CONTROLS.open = True
    CONTROLS.schedule = Schedule(rate_rps=500, start=time.time() + 0.1, spacing=Spacing.CONSTANT, seed=1)
    gevent.sleep(1.5)  # many are due when the first user comes
    drive.runner.start(1, 1000)
    gevent.sleep(0.5)
    CONTROLS.schedule = None
    CONTROLS.announce()
    drive.stop()
    window = drive.window
    assert window.failed == window.sent > 500
    assert CONTROLS.recorder._in_flight == 0


def test_all_users_of_a_class_share_one_course() -> None:
    # Resolving the host lets other users run: each laid out a course of its own, and folding two hundred tallies
    # ten times a second cost a fifth of the generator.
    with scripted(always(OK)) as server:
        drive = Drive(server.url.replace("127.0.0.1", "localhost"))
        drive.run(users=20, seconds=0.3)
        assert len(Reports.of(drive.environment)._adopted) == 1


def test_a_listener_that_ends_the_task_does_not_end_the_user() -> None:
    with scripted(always(OK)) as server:
        drive = Drive(server.url)
        for end in (RescheduleTask, RescheduleTaskImmediately, InterruptTaskSet):

            def listen(end: type[Exception] = end, **_: Any) -> None:
                raise end

            drive.environment.events.request.add_listener(listen)
            seen = len(server.requests)
            drive.runner.start(2, 1000)
            with gevent.Timeout(20):
                while len(server.requests) < seen + 10:
                    gevent.sleep(0.005)
            drive.runner.stop()
            drive.environment.events.request.remove_listener(listen)
        assert server.connections == 6
        assert CONTROLS.recorder._in_flight == 0


def test_an_answer_before_the_whole_request_was_read_counts() -> None:
    small, large = HttpStep("GET", "/", expect=b"ok"), HttpStep("POST", "/", data=b"x" * 20_000_000)
    with scripted(too_large) as server:
        told = Drive(server.url, small, large, timeout=10.0).shots(6)
        assert {(facts["request_type"], type(facts["exception"])) for facts in told} == {
            ("GET", type(None)),
            ("POST", BadStatus),
        }
        assert all(facts["response"].status_code == 413 for facts in told if facts["request_type"] == "POST")
        assert server.connections in {3, 4}


def test_a_request_that_was_partly_read_is_not_sent_again() -> None:
    def handle(peer: Peer) -> None:
        while b"POST" not in (begun := peer.socket.recv(65536)):
            if not begun:
                return
            peer.send(OK)
        gevent.sleep(0.1)

    small, large = HttpStep("GET", "/"), HttpStep("POST", "/", data=b"x" * 20_000_000)
    with scripted(handle) as server:
        drive = Drive(server.url, small, large, timeout=10.0)
        told = drive.shots(4)
        assert [facts["exception"] is None for facts in told if facts["request_type"] == "GET"] == [True, True]
        assert errors([facts for facts in told if facts["request_type"] == "POST"]) == [ConnectionLost] * 2
        assert drive.window.reconnects == 0


def test_a_slow_drip_does_not_outlive_the_total_timeout() -> None:
    def handle(peer: Peer) -> None:
        peer.request()
        peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
        for _ in range(1000):
            peer.send(b"x")
            gevent.sleep(0.05)

    with scripted(handle) as server:
        told = Drive(server.url, timeout=0.4).shots(2)
        assert errors(told) == [TimedOut] * 2
        assert all(350 < facts["response_time"] < 2000 for facts in told)


def test_a_connection_closed_before_the_request_reached_it_is_replaced_once_and_counted() -> None:
    with scripted(once(OK)) as server:
        drive = Drive(server.url)
        # Nobody listens, so that users go on at once: the server, in this same loop, gets no turn to close before
        # the next request lies in its socket unread.
        drive.run(users=1, seconds=0.3)
        window = drive.window
        assert window.failed == 0
        assert window.good == len(server.requests)
        assert window.good - 2 <= window.reconnects <= window.good
        assert window.reconnects > 0


def test_keep_alive_holds_above_descriptor_1023() -> None:
    # FastHttpUser reconnects for every request there.
    held = [socket.socket() for _ in range(1100)]
    try:
        with scripted(always(OK)) as server:
            drive = Drive(server.url).run(users=5, seconds=0.5)
            window = drive.window
            assert server.connections == 5
            assert window.failed == 0
            assert window.good == len(server.requests) > 50
    finally:
        for one in held:
            one.close()


def test_the_status_is_one_of_http() -> None:
    for status in (b"000", b"042", b"999"):
        with scripted(always(b"HTTP/1.1 %s Odd\r\nContent-Length: 2\r\n\r\nok" % status)) as server:
            assert errors(Drive(server.url).shots(1)) == [BadStatus]


def test_a_head_in_pieces_is_not_known_by_its_end() -> None:
    def handle(peer: Peer) -> None:
        while peer.request() is not None:
            peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n")
            gevent.sleep(0.005)
            peer.send(b"\r\n")

    with scripted(handle) as server:
        drive = Drive(server.url, HttpStep("HEAD", "/")).run(users=1, seconds=0.2)
        assert all(tally.known == b"" for tally in Reports.of(drive.environment)._adopted)
        assert drive.window.good == len(server.requests) > 2


def test_an_empty_line_before_an_answer_is_passed_over() -> None:
    def handle(peer: Peer) -> None:
        peer.request()
        peer.send(OK)
        peer.request()
        peer.send(b"\r\n")
        gevent.sleep(0.02)
        peer.send(b"HTTP/1.1 200 OK\r\n\r\nok until the end")

    with scripted(handle) as server:
        assert errors(Drive(server.url).shots(4)) == [type(None)] * 4


@pytest.mark.parametrize("base", [StepHttpUser, LeanHttpUser])
def test_users_stopped_between_two_requests_leave_none_in_flight(base: type[User]) -> None:
    answered = 0

    def count(peer: Peer) -> None:
        nonlocal answered
        while peer.request() is not None:
            answered += 1
            peer.send(OK)

    for _ in range(8):
        with scripted(count) as server:
            answered = 0
            drive = Drive(server.url, base=base).run(users=6, seconds=0.02)
            window = drive.window
            assert (window.good, window.failed) == (answered, 0)


def test_a_user_without_pauses_lets_others_run_whether_it_sends_or_not() -> None:
    turns = {"idle": 0, "busy": 0}

    def idle(user: User) -> None:
        turns["idle"] += 1

    def busy(user: LeanHttpUser) -> None:
        good = user.client.get("/").status_code == 200
        turns["busy"] += good

    with scripted(always(OK)) as server:
        drive = Drive(server.url, idle, busy, base=LeanHttpUser)
        drive.run(users=3, seconds=0.3)
        assert drive.window.good == turns["busy"] > 0
        assert turns["idle"] > 0


@pytest.mark.parametrize("base", [StepHttpUser, LeanHttpUser])
def test_a_host_that_does_not_resolve_is_a_failed_request(base: type[User]) -> None:
    told = Drive("http://no-such-host.invalid:80", base=base).shots(2)
    assert errors(told) == [ConnectionRefused] * 2
    assert "does not resolve" in str(told[0]["exception"])


@pytest.mark.parametrize("shots", [1, 5])
def test_a_late_close_is_as_late_as_asked_and_delays_no_answer(shots: int) -> None:
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
        drive = Drive(server.url)
        CONTROLS.close_delay_s = late_s
        told = drive.shots(shots)
        assert errors(told) == [type(None)] * shots
        with gevent.Timeout(10):
            while len(closed_after_s) < shots:
                gevent.sleep(0.01)
        assert server.connections >= shots
    CONTROLS.close_delay_s = 0.0
    # The server may see the answer sent a little later than the client took it in.
    assert min(closed_after_s[:shots]) > 0.5 * late_s


def test_a_line_that_was_closed_in_the_middle_of_a_turn_sends_nothing() -> None:
    # Its descriptor may be another connection's by now.
    line = Line.__new__(Line)  # with nothing set: whatever else is asked of it fails
    line.sock = None
    send_next(pending := deque([line]))
    assert not pending
