"""What only the step client does: declared steps, weights, and the open model."""

from __future__ import annotations

import time
from typing import Any

import gevent
import pytest
from locust import task
from locust.exception import InterruptTaskSet, RescheduleTask, RescheduleTaskImmediately

from floodmark.load import HttpStep, StepHttpUser
from floodmark.load.answer import NO_ANSWER
from floodmark.load.arrivals import Schedule
from floodmark.load.controls import CONTROLS
from floodmark.load.reporting import Reports
from floodmark.load.step_driver.request_plan import compile_plan
from floodmark.verdict.enums import Spacing
from tests.load.drive import Drive
from tests.load.scripted import OK, Peer, after, always, scripted
from tests.support.processes import free_port


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


def test_the_open_model_sends_every_arrival_of_its_schedule_and_counts_from_when_it_was_due() -> None:
    with scripted(after(0.02)) as server:
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


def test_a_user_stopped_while_its_plan_is_made_sends_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def slowly(*steps: Any, **options: Any) -> Any:
        gevent.sleep(0.3)
        return compile_plan(*steps, **options)

    monkeypatch.setattr("floodmark.load.user.compile_plan", slowly)
    with scripted(always(OK)) as server:
        drive = Drive(server.url)
        drive.runner.start(3, 10_000)
        gevent.sleep(0.1)
        begun = time.monotonic()
        drive.stop()
        assert time.monotonic() - begun < 3  # its stop time-out is 5 s
        assert server.requests == []


def test_an_arrival_that_finds_no_connection_waits_and_its_wait_counts() -> None:
    with scripted(after(0.1)) as server:
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


def test_all_users_of_a_class_share_one_plan() -> None:
    # Resolving the host lets other users run: each compiled a plan of its own, and folding two hundred tallies
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


def test_a_head_in_pieces_is_not_known_by_its_end() -> None:
    def handle(peer: Peer) -> None:
        while peer.request() is not None:
            peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n")
            gevent.sleep(0.005)
            peer.send(b"\r\n")

    with scripted(handle) as server:
        drive = Drive(server.url, HttpStep("HEAD", "/")).run(users=1, seconds=0.2)
        assert all(tally.known is NO_ANSWER for tally in Reports.of(drive.environment)._adopted)
        assert drive.window.good == len(server.requests) > 2
