"""Both clients against a hostile server: whatever it says, a request ends as a success or as one failure, in time."""

from __future__ import annotations

import contextlib
import time
from collections import Counter
from collections.abc import Sequence
from typing import Any

import gevent
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from locust import User
from locust.exception import StopUser

from floodmark.load import HttpStep, LeanHttpUser, StepHttpUser, back_off
from floodmark.load import answer as answer_module
from floodmark.load import reactor as reactor_module
from floodmark.load.answer import Answer
from floodmark.load.controls import CONTROLS
from floodmark.load.failure import Malformed, RequestFailed
from floodmark.load.reporting import Reports
from floodmark.load.response import Headers, Response, cookies_in
from floodmark.load.step_driver import driver as driver_module
from floodmark.load.wire import origin
from tests.load.drive import Drive
from tests.load.hostile import CUTS, MARK, VISITS, Hostile, ValidAnswer, Visit, answers, cut, spoilt
from tests.load.readers import readers
from tests.load.scripted import scripted

# The same cases in every run, however slow the machine is.
cases = settings(derandomize=True, deadline=None, database=None, suppress_health_check=list(HealthCheck))

# A failing case on real connections depends on their timing: looking for a smaller one would take minutes.
live_cases = settings(cases, phases=[Phase.generate])


# What arrives, in whatever pieces.


@settings(cases, max_examples=6000)
@given(spoilt(), CUTS, st.booleans(), st.booleans())
def test_all_readers_make_the_same_of_anything_however_it_is_cut(
    raw: bytes, lengths: list[int], head_only: bool, ends: bool
) -> None:
    outcomes, reusable = set(), []
    for pieces in (cut(raw, lengths), cut(raw, [])):
        all_readers = readers()
        outcomes |= {reader.read(pieces, head_only=head_only, ends=ends) for reader in all_readers}
        reusable.append({reader.reusable for reader in all_readers})
    assert len(outcomes) == 1
    if outcomes.pop().how == "done":
        assert [len(said) for said in reusable] == [1, 1]


@settings(cases, max_examples=2000)
@given(st.booleans().flatmap(lambda head_only: st.tuples(answers(head_only=head_only), st.just(head_only))), CUTS)
def test_a_valid_answer_is_read_as_it_was_meant(said: tuple[ValidAnswer, bool], lengths: list[int]) -> None:
    answer, head_only = said
    for reader in readers():
        outcome = reader.read(cut(answer.raw, lengths), head_only=head_only, ends=answer.until_close)
        assert outcome[:4] == ("done", answer.status, len(answer.body), MARK in answer.body)
        if not head_only:
            assert reader.reusable is answer.keep


@settings(cases, max_examples=1500)
@given(
    st.lists(st.tuples(st.booleans().flatmap(lambda head: answers(head_only=head)), CUTS), min_size=1, max_size=3),
    st.lists(st.integers(0, 2), min_size=2, max_size=5),
)
def test_answers_that_follow_each_other_do_not_disturb_each_other(
    said: list[tuple[ValidAnswer, list[int]]], order: list[int]
) -> None:
    # Each comes several times, so that known answers mix with new ones.
    all_readers = readers()
    for number in order:
        answer, lengths = said[number % len(said)]
        pieces = cut(answer.raw, lengths)
        for reader in all_readers:
            outcome = reader.read(pieces, head_only=answer.head_only, ends=answer.until_close)
            assert outcome[:4] == ("done", answer.status, len(answer.body), MARK in answer.body)
            if not reader.reusable:
                reader.renew()


UNITS = [
    b"X: y\r\n",
    b"X-Long" * 50,
    b"HTTP/1.1 100 Continue\r\n\r\n",
    b"\r\n",
    b" ",
    b"0",
    b"1\r\nx\r\n",
    b"x" * 99,
    b";a=1",
]
STARTS = [
    b"",
    b"HTTP/1.1 200 ",
    b"HTTP/1.1 200 OK\r\n",
    b"HTTP/1.1 200 OK\r\nX: ",
    b"HTTP/1.1 200 OK\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nContent-Length: ",
    b"HTTP/1.1 200 OK\r\nContent-Length: 999999999\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nX: ",
]
MOST_HEAD, MOST_BODY = 2000, 4000


@settings(cases, max_examples=600)
@given(st.sampled_from(STARTS), st.sampled_from(UNITS), st.integers(1, 500), st.booleans())
def test_what_never_ends_is_stopped(start: bytes, unit: bytes, length: int, head_only: bool) -> None:
    most = len(start) + MOST_HEAD + 6 * MOST_BODY + 2 * length  # a body in chunks of one byte takes six on the wire
    stream = start + unit * (most // len(unit) + 1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(answer_module, "MAX_HEAD_BYTES", MOST_HEAD)
        patch.setattr(answer_module, "MAX_BODY_BYTES", MOST_BODY)
        pieces = cut(stream, [length] * len(stream))
        outcomes = {reader.read(pieces, head_only=head_only, ends=False) for reader in readers()}
    assert len(outcomes) == 1
    assert outcomes.pop().how in {Malformed, "done"}


LINES = st.one_of(
    st.sampled_from(
        [b"hex", b"undefined", b"idna", b"utf-16", b"\xe4=\xe4", b"a=b c", b'a="\\015\\012X: y"', b'a="\\"']
    ),
    st.binary(max_size=60).map(lambda line: line.translate(None, b"\r\n\x00")),
)


@settings(cases, max_examples=500)
@given(st.lists(LINES, max_size=2), st.binary(max_size=30))
def test_whatever_stands_in_headers_and_body_an_answer_can_be_looked_at(lines: list[bytes], body: bytes) -> None:
    here = origin("http://127.0.0.1")
    fields = [(b"Set-Cookie", line) for line in lines] + [(b"Content-Type", b"text/plain; charset=" + b"".join(lines))]
    answer = Answer(200, b"", body, len(body), keep_alive=True)
    answer._headers = fields
    response = Response(here, "/", answer, None, 0.0)
    assert isinstance(response.text, str)
    cookies = cookies_in(Headers(fields))
    here.message("GET", "/", b"", {"Cookie": "; ".join(f"{name}={value}" for name, value in cookies.items())})
    with contextlib.suppress(ValueError):
        response.json()


# What happens on real connections.

USERS, SHOTS = 6, 4
TIMEOUT_S, SCAN_S = 0.15, 0.05
PAGE = HttpStep("GET", "/", expect=MARK)


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Scans and pauses that suit timeouts as short as ours."""
    for module in (reactor_module, driver_module):
        monkeypatch.setattr(module, "SCAN_S", SCAN_S)
    monkeypatch.setattr(back_off, "FIRST_S", 0.001)
    monkeypatch.setattr(back_off, "MOST_S", 0.01)


class Lag:
    """How long in all this process kept its users waiting."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self._greenlet = gevent.spawn(self._measure)

    def _measure(self) -> None:
        while True:
            due = time.monotonic() + 0.005
            gevent.sleep(0.005)
            self.seconds += time.monotonic() - due

    def stop(self) -> None:
        self._greenlet.kill()


def settle_accounts(drive: Drive, server: Hostile, told: Sequence[dict[str, Any]], good: int) -> None:
    """Every request is accounted for, once, and nothing is left over."""
    window = drive.window
    stats = drive.environment.stats.total
    failed = [facts["exception"] for facts in told if facts["exception"] is not None]
    assert all(isinstance(error, RequestFailed) for error in failed)
    assert (stats.num_requests, stats.num_failures) == (good + len(failed), len(failed))
    assert (window.good, window.failed) == (good, len(failed))
    assert good <= server.seen <= good + len(failed) + min(window.reconnects, server.resets)
    assert CONTROLS.recorder._in_flight == 0


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("base", [StepHttpUser, LeanHttpUser])
@settings(live_cases, max_examples=20)
@given(VISITS)
def test_every_request_ends_once_and_in_time_and_the_user_goes_on(base: type[User], visits: list[Visit]) -> None:
    server = Hostile(visits)
    shots: Counter[User] = Counter()
    told: list[dict[str, Any]] = []

    def listen(context: dict[str, Any], **facts: Any) -> None:
        told.append(facts)
        shots[context["user"]] += 1
        server.calm = len(shots) == USERS and min(shots.values()) >= SHOTS
        if server.calm and facts["exception"] is None:
            raise StopUser

    with scripted(server) as address:
        drive = Drive(
            address.url,
            PAGE,
            base=base,
            connect_timeout=TIMEOUT_S,
            timeout=TIMEOUT_S,
            context=lambda user: {"user": user},
        )
        drive.environment.events.request.add_listener(listen)
        lag = Lag()
        drive.runner.start(USERS, 10_000)
        with gevent.Timeout(60):
            while not server.calm or drive.runner.user_count:
                gevent.sleep(0.002)
        drive.stop()
        lag.stop()
    settle_accounts(drive, server, told, good=sum(facts["exception"] is None for facts in told))
    longest_s = max(facts["response_time"] for facts in told) / 1000
    assert longest_s <= TIMEOUT_S + SCAN_S + lag.seconds + 0.03


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("base", [StepHttpUser, LeanHttpUser])
@settings(live_cases, max_examples=40)
@given(VISITS)
def test_the_same_while_nobody_listens_and_users_never_pause(base: type[User], visits: list[Visit]) -> None:
    server = Hostile(visits)
    told: list[dict[str, Any]] = []

    def listen(**facts: Any) -> None:
        told.append(facts)

    listen.__module__ = "floodmark.load.plugin"  # whose listener is told of failures only, and costs no detour
    with scripted(server) as address:
        drive = Drive(address.url, PAGE, base=base, connect_timeout=TIMEOUT_S, timeout=TIMEOUT_S)
        drive.environment.events.request.add_listener(listen)
        drive.runner.start(USERS, 10_000)
        with gevent.Timeout(60):
            while server.seen + len(told) < USERS * SHOTS:
                gevent.sleep(0.002)
            server.calm, seen = True, server.seen
            while server.seen < seen + 3 * USERS:
                gevent.sleep(0.002)
        drive.stop()
    Reports.of(drive.environment).flush()
    stats = drive.environment.stats.total
    assert stats.num_requests - stats.num_failures >= USERS
    settle_accounts(drive, server, told, good=stats.num_requests - stats.num_failures)
