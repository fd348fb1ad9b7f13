"""The lean client against servers that behave, and servers that do not."""

from __future__ import annotations

import errno
import socket
import struct
import time
from typing import Any

import gevent
import pytest
from locust.env import Environment

from floodmark.load import raw_socket as link
from floodmark.load.client import LeanClient
from floodmark.load.controls import CONTROLS
from floodmark.load.failure import BadStatus, ConnectionLost, ConnectionRefused, Malformed, TimedOut, WrongBody
from floodmark.records.recorder import Recorder
from tests.load.scripted import OK, Peer, always, once, scripted
from tests.support.processes import free_port, slot_server


class Client(LeanClient):
    """A client that keeps what it reported."""

    def __init__(self, url: str) -> None:
        CONTROLS.recorder = Recorder()
        environment = Environment()
        super().__init__(environment, url)
        self.reported: list[dict[str, Any]] = []
        environment.events.request.add_listener(lambda **facts: self.reported.append(facts))
        self.connect_timeout_s = self.timeout_s = 1.0


FRAMINGS = {
    "length": (OK, b"ok"),
    "chunked": (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\no\r\n1\r\nk\r\n0\r\n\r\n", b"ok"),
    "chunked with trailer": (
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nX-Sum: 1\r\n\r\n",
        b"ok",
    ),
    "interim": (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + OK, b"ok"),
    "no content": (b"HTTP/1.1 204 No Content\r\n\r\n", b""),
    "not modified": (b"HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n", b""),
    "empty": (b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", b""),
    "large": (b"HTTP/1.1 200 OK\r\nContent-Length: 300000\r\n\r\n" + b"x" * 300_000, b"x" * 300_000),
}


@pytest.mark.parametrize(("answer", "body"), FRAMINGS.values(), ids=list(FRAMINGS))
def test_every_framing_is_read_whole_and_keeps_the_connection(answer: bytes, body: bytes) -> None:
    with scripted(always(answer)) as server:
        client = Client(server.url)
        for _ in range(3):
            response = client.get("/x")
            assert response.error is None
            assert response.content == body
        assert server.connections == 1
        assert len(client.reported) == len(server.requests) == 3


@pytest.mark.parametrize("answer", [a for a, _ in list(FRAMINGS.values())[:6]], ids=list(FRAMINGS)[:6])
def test_every_framing_survives_arriving_byte_by_byte(answer: bytes) -> None:
    def drip(peer: Peer) -> None:
        peer.request()
        for index in range(len(answer)):
            peer.send(answer[index : index + 1])
            gevent.sleep(0)

    with scripted(drip) as server:
        assert Client(server.url).get("/x").error is None


def test_a_body_that_ends_with_the_connection() -> None:
    with scripted(once(b"HTTP/1.1 200 OK\r\n\r\nuntil the end")) as server:
        client = Client(server.url)
        assert client.get("/").text == "until the end"
        assert client.get("/").text == "until the end"
        assert server.connections == 2


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok",
        b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok",
    ],
)
def test_a_server_that_announces_its_close_gets_a_new_connection_each_time(answer: bytes) -> None:
    with scripted(once(answer)) as server:
        client = Client(server.url)
        assert [client.get("/").error for _ in range(5)] == [None] * 5
        assert server.connections == 5


def test_a_server_that_closes_without_saying_so_costs_no_error() -> None:
    with scripted(once(OK)) as server:
        client = Client(server.url)
        for _ in range(5):
            assert client.get("/").error is None
            gevent.sleep(0.01)
        assert server.connections == 5
        assert len(server.requests) == 5


def test_head_has_no_body_whatever_its_length_says() -> None:
    with scripted(always(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")) as server:
        client = Client(server.url)
        assert [client.head("/").error for _ in range(3)] == [None] * 3
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
        (b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n", BadStatus),
        (b"HTTP/1.1 404 None\r\nContent-Length: 2\r\n\r\nno", BadStatus),
    ],
)
def test_a_bad_answer_is_one_failure_of_its_kind_and_never_retried(answer: bytes, error: type[Exception]) -> None:
    with scripted(once(answer)) as server:
        client = Client(server.url)
        response = client.get("/")
        assert type(response.error) is error
        assert len(server.requests) == len(client.reported) == 1
        assert type(client.reported[0]["exception"]) is error


def test_every_fifth_connection_answering_fails_exactly_four_of_five() -> None:
    # Locust's FastHttpUser reports none of these: it retries in silence.
    def handle(peer: Peer) -> None:
        if peer.number % 5 == 0:
            once(OK)(peer)
        else:
            peer.request()

    with scripted(handle) as server:
        client = Client(server.url)
        client._back_off_s = 0.0
        failed = [client.get("/").error is not None for _ in range(20)]
        assert sum(failed) == 16
        assert server.connections == len(server.requests) == 20


def test_a_request_dropped_on_a_kept_connection_is_an_error() -> None:
    def handle(peer: Peer) -> None:
        for _ in range(2):
            peer.request()
            peer.send(OK)
        peer.request()

    with scripted(handle) as server:
        client = Client(server.url)
        errors = [type(client.get("/").error).__name__ for _ in range(6)]
        assert errors == ["NoneType", "NoneType", "ConnectionLost"] * 2
        assert len(server.requests) == 6


def test_a_connection_closed_before_the_request_reached_it_is_replaced_once_and_counted() -> None:
    with scripted(once(OK)) as server:
        client = Client(server.url)
        client.get("/")
        # The server, in this same loop, gets no turn to close before the request lies in its socket unread.
        response = client.get("/")
        assert response.error is None
        assert len(server.requests) == 2
        assert reconnects() == 1


def reconnects() -> int:
    return sum(record["gauges"]["reconnects"] for record in CONTROLS.recorder.take(2**60) if record["gauges"])


def test_nobody_listening_is_refused_and_slows_the_user_down() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    client = Client(f"http://127.0.0.1:{port}")
    begun = time.monotonic()
    errors = [client.get("/").error for _ in range(4)]
    assert all(isinstance(error, ConnectionRefused) for error in errors)
    assert time.monotonic() - begun >= 0.05 + 0.1 + 0.2
    assert all(report["response_time"] < 100 for report in client.reported)


def test_silence_times_out_and_the_next_request_starts_afresh() -> None:
    def handle(peer: Peer) -> None:
        peer.request()
        if peer.number == 1:
            gevent.sleep(5)
        peer.send(OK)

    with scripted(handle) as server:
        client = Client(server.url)
        client.timeout_s = 0.3
        begun = time.monotonic()
        assert isinstance(client.get("/").error, TimedOut)
        assert 0.3 <= time.monotonic() - begun < 1.5
        assert client.reported[0]["response_time"] >= 300
        assert client.get("/").error is None


def test_a_slow_drip_does_not_outlive_the_total_timeout() -> None:
    def handle(peer: Peer) -> None:
        peer.request()
        peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
        for _ in range(1000):
            peer.send(b"x")
            gevent.sleep(0.05)

    with scripted(handle) as server:
        client = Client(server.url)
        client.timeout_s = 0.4
        begun = time.monotonic()
        assert isinstance(client.get("/").error, TimedOut)
        assert time.monotonic() - begun < 1.5


def test_a_reset_in_the_middle_is_lost() -> None:
    def handle(peer: Peer) -> None:
        peer.request()
        peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nabc")
        peer.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        peer.socket.close()

    with scripted(handle) as server:
        assert isinstance(Client(server.url).get("/").error, ConnectionLost)


def test_a_head_without_end_is_malformed_and_bounded() -> None:
    def handle(peer: Peer) -> None:
        peer.request()
        peer.send(b"HTTP/1.1 200 OK\r\n")
        while True:
            peer.send(b"X-Filler: " + b"y" * 8000 + b"\r\n")

    with scripted(handle) as server:
        assert isinstance(Client(server.url).get("/").error, Malformed)


def test_bytes_beyond_the_answer_cost_the_connection_but_not_the_answer() -> None:
    with scripted(always(OK + b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nforgotten")) as server:
        client = Client(server.url)
        assert [client.get("/").content for _ in range(3)] == [b"ok"] * 3
        assert server.connections == 3


def test_the_expected_body_decides() -> None:
    with scripted(always(OK)) as server:
        client = Client(server.url)
        assert client.get("/", expect=b"ok").error is None
        assert isinstance(client.get("/", expect=b"marker").error, WrongBody)


def test_what_is_sent() -> None:
    with scripted(always(OK)) as server:
        client = Client(server.url + "/base")
        client.get("/a?x=1", params={"y": "2 3"}, headers={"X-Test": "yes"})
        client.post("/b", "text")
        client.post("/c", {"k": "v w"})
        client.post("/d", json={"k": 1})
        client.put("/e", b"\x00\x01")
        client.delete("/f")
    first, text, form, json, put, delete = server.requests
    assert first.startswith(b"GET /base/a?x=1&y=2+3 HTTP/1.1\r\nHost: 127.0.0.1:")
    assert b"\r\nX-Test: yes\r\n" in first
    assert text.endswith(b"Content-Length: 4\r\n\r\ntext")
    assert b"Content-Type: application/x-www-form-urlencoded\r\n" in form
    assert form.endswith(b"\r\n\r\nk=v+w")
    assert b"Content-Type: application/json\r\n" in json
    assert json.endswith(b'{"k": 1}')
    assert put.endswith(b"\r\n\r\n\x00\x01")
    assert delete.startswith(b"DELETE /base/f ")
    assert server.connections == 1


@pytest.mark.parametrize("path", ["/a b", "/a\r\nX: y"])
def test_a_path_that_would_break_the_request_is_refused(path: str) -> None:
    with scripted(always(OK)) as server, pytest.raises(ValueError, match="quote it"):
        Client(server.url).get(path)
    assert server.requests == []


def test_a_user_and_a_password_go_with_the_request_that_names_them() -> None:
    with scripted(always(OK)) as server:
        client = Client(server.url)
        client.get("/", auth=("Aladdin", "open sesame"))
        client.get("/", auth=("Aladdin", "x"), headers={"Authorization": "Bearer t"})
        client.get("/")
    # The example of RFC 7617.
    assert b"\r\nAuthorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==\r\n" in server.requests[0]
    assert b"\r\nAuthorization: Bearer t\r\n" in server.requests[1]
    assert b"Authorization" not in server.requests[2]


def test_a_request_may_have_a_timeout_of_its_own() -> None:
    def late(peer: Peer) -> None:
        while peer.request():
            gevent.sleep(0.6)
            peer.send(OK)

    with scripted(late) as server:
        client = Client(server.url)
        client.timeout_s = 5.0
        assert isinstance(client.get("/", timeout=0.1).error, TimedOut)
        assert client.get("/").error is None


def test_an_answer_that_comes_between_two_that_are_alike_is_none_of_them() -> None:
    other = b"HTTP/1.1 201 Made\r\nSet-Cookie: a=1\r\nContent-Length: 5\r\n\r\nother"
    answers = [OK, OK, other, OK, other, other, OK]

    def speak(peer: Peer) -> None:
        for answer in answers:
            peer.request()
            peer.send(answer)
        peer.request()

    with scripted(speak) as server:
        client = Client(server.url)
        found = [client.get("/") for _ in answers]
        lost = client.get("/")
    assert [(one.status_code, one.content) for one in found] == [
        (201, b"other") if answer is other else (200, b"ok") for answer in answers
    ]
    assert [dict(one.headers).get("Content-Length") for one in found] == ["5" if a is other else "2" for a in answers]
    assert isinstance(lost.error, ConnectionLost)
    assert lost.status_code == 0


def test_cookies_are_kept_and_sent_back() -> None:
    answer = b"HTTP/1.1 200 OK\r\nSet-Cookie: id=7; Path=/; HttpOnly\r\nContent-Length: 0\r\n\r\n"
    with scripted(always(answer)) as server:
        client = Client(server.url)
        assert client.get("/").cookies == {"id": "7"}
        client.get("/")
    assert b"Cookie" not in server.requests[0]
    assert b"\r\nCookie: id=7\r\n" in server.requests[1]


def test_catch_response_decides_for_itself() -> None:
    with scripted(always(b"HTTP/1.1 404 None\r\nContent-Length: 2\r\n\r\nno")) as server:
        client = Client(server.url)
        with client.get("/", catch_response=True, name="a") as response:
            assert client.reported == []
            response.success()
        with client.get("/", catch_response=True, name="b") as response:
            response.failure("too slow")
        with client.get("/", catch_response=True, name="c"):
            pass
        with pytest.raises(KeyError), client.get("/", catch_response=True, name="d"):
            raise KeyError("x")
    failures = [report["exception"] for report in client.reported]
    assert [report["name"] for report in client.reported] == ["a", "b", "c", "d"]
    assert failures[0] is None
    assert isinstance(failures[1], WrongBody)
    assert isinstance(failures[2], BadStatus)
    assert isinstance(failures[3], BadStatus)


def test_what_a_locust_user_reads_from_an_answer() -> None:
    answer = b'HTTP/1.1 200 OK\r\nContent-Type: application/json; charset=latin-1\r\nContent-Length: 11\r\n\r\n{"a": "\xe4 "}'  # noqa: E501
    with scripted(always(answer)) as server:
        response = Client(server.url).get("/x")
    assert response.status_code == 200
    assert response.ok
    assert response.headers["content-type"].startswith("application/json")
    assert response.headers.get("missing") is None
    assert response.text == '{"a": "ä "}'
    assert response.url.endswith("/x")
    response.raise_for_status()


def test_keep_alive_holds_above_descriptor_1023() -> None:
    # FastHttpUser reconnects for every request there.
    held = [socket.socket() for _ in range(1100)]
    try:
        with scripted(always(OK)) as server:
            clients = [Client(server.url) for _ in range(3)]
            for _ in range(10):
                assert all(client.get("/").error is None for client in clients)
            assert server.connections == 3
    finally:
        for one in held:
            one.close()


def test_a_user_killed_while_waiting_frees_its_connection() -> None:
    closed = []

    def handle(peer: Peer) -> None:
        peer.request()
        closed.append(peer.socket.recv(1) == b"")

    with scripted(handle) as server:
        client = Client(server.url)
        user = gevent.spawn(client.get, "/")
        gevent.sleep(0.05)
        user.kill()
        gevent.sleep(0.05)
    assert closed == [True]


def test_latency_is_the_kernel_s_even_when_the_generator_is_busy() -> None:
    port = free_port()
    with slot_server(port, slots=1, ms=20):
        client = Client(f"http://127.0.0.1:{port}")
        client.get("/")
        user = gevent.spawn(client.get, "/")
        gevent.sleep(0.005)  # sent; now nobody gets a turn while the answer arrives
        end = time.perf_counter() + 1.0
        while time.perf_counter() < end:
            pass
        user.join()
    assert 20 <= client.reported[-1]["response_time"] < 500


def redirecting(to: bytes, status: bytes = b"302 Found") -> Any:
    def handle(peer: Peer) -> None:
        while (message := peer.request()) is not None:
            if b" /old" in message:
                peer.send(b"HTTP/1.1 %s\r\nLocation: %s\r\nContent-Length: 0\r\n\r\n" % (status, to))
            else:
                peer.send(OK)

    return handle


def test_redirects_are_not_followed_unless_asked() -> None:
    with scripted(redirecting(b"/new")) as server:
        client = Client(server.url)
        assert client.get("/old").status_code == 302
        response = client.get("/old", allow_redirects=True, expect=b"ok")
        assert response.error is None
        assert response.status_code == 200
        assert len(client.reported) == 2
        assert [facts["name"] for facts in client.reported] == ["/old", "/old"]


def test_a_redirected_post_becomes_a_get_unless_the_status_forbids_it() -> None:
    for status, sent in ((b"303 See Other", b"GET /new"), (b"307 Temporary", b"POST /new")):
        with scripted(redirecting(b"/new", status)) as server:
            Client(server.url).post("/old", data=b"body", allow_redirects=True)
            assert server.requests[-1].startswith(sent)
            assert server.requests[-1].endswith(b"body") is sent.startswith(b"POST")


@pytest.mark.parametrize("to", [b"/old", b"http://elsewhere.invalid/"])
def test_a_redirect_without_end_or_to_elsewhere_is_a_failure(to: bytes) -> None:
    with scripted(redirecting(to)) as server:
        assert isinstance(Client(server.url).get("/old", allow_redirects=True).error, BadStatus)


def test_an_answer_seen_before_is_the_same_answer() -> None:
    answers = [OK, OK, b"HTTP/1.1 200 OK\r\nX-A: 1\r\nContent-Length: 3\r\n\r\nnew", OK]

    def handle(peer: Peer) -> None:
        for answer in answers:
            peer.request()
            peer.send(answer)

    with scripted(handle) as server:
        client = Client(server.url)
        bodies = [client.get("/").content for _ in answers]
        assert bodies == [b"ok", b"ok", b"new", b"ok"]
        assert server.connections == 1


def test_a_redirect_to_no_address_is_a_failure() -> None:
    for to in (b"http://[", b"http://127.0.0.1:99999/", b"ftp://127.0.0.1/"):
        with scripted(redirecting(to)) as server:
            client = Client(server.url)
            assert isinstance(client.get("/old", allow_redirects=True).error, BadStatus)
            assert len(client.reported) == 1


def test_a_redirect_to_nowhere_is_the_answer() -> None:
    with scripted(always(b"HTTP/1.1 302 Found\r\nContent-Length: 0\r\n\r\n")) as server:
        response = Client(server.url).get("/old", allow_redirects=True)
        assert (response.status_code, response.error) == (302, None)
        assert len(server.requests) == 1


@pytest.mark.parametrize(
    ("to", "sent"),
    [
        ("/new?a=1#part", "/new?a=1"),
        ("new", "/base/new"),
        ("HTTP://127.0.0.1:{port}/new", "/new"),
        ("/a b/\xe4", "/a%20b/%E4"),
        ("?page=2", "/base/old?page=2"),
    ],
)
def test_redirects_lead_where_they_say(to: str, sent: str) -> None:
    def handle(peer: Peer) -> None:
        location = to.replace("{port}", server.url.rpartition(":")[2]).encode("latin-1")
        peer.request()
        peer.send(b"HTTP/1.1 302 Found\r\nLocation: %s\r\nContent-Length: 0\r\n\r\n" % location)
        peer.request()
        peer.send(OK)

    with scripted(handle) as server:
        response = Client(server.url + "/base").get("/old", allow_redirects=True)
        assert response.error is None
        assert server.requests[1].startswith(f"GET {sent} HTTP/1.1\r\n".encode())
        assert response.url == server.url + sent


@pytest.mark.parametrize(
    ("asked", "sent", "name"),
    [
        ("/a", "/base/a", "/a"),
        ("a", "/base/a", "/a"),
        ("", "/base/", "/"),
        ("?a=1", "/base/?a=1", "/?a=1"),
        ("{url}/a?b=1#c", "/a?b=1", "/a?b=1"),
        ("{url}", "/", "/"),
        ("/a?to=http://b", "/base/a?to=http://b", "/a?to=http://b"),
        ("a?to=http://b", "/base/a?to=http://b", "/a?to=http://b"),
    ],
)
def test_paths_and_addresses_on_the_same_host(asked: str, sent: str, name: str) -> None:
    with scripted(always(OK)) as server:
        client = Client(server.url + "/base")
        response = client.get(asked.replace("{url}", server.url))
        assert response.url == server.url + sent
        assert server.requests[0].startswith(f"GET {sent} HTTP/1.1\r\n".encode())
        assert client.reported[0]["name"] == name


def test_paths_without_end_do_not_fill_the_memory() -> None:
    with scripted(always(OK)) as server:
        client = Client(server.url)
        for number in range(500):
            assert client.get(f"/item?id={number}", name="/item").error is None
        assert len(client._messages) <= 100
        assert server.requests[-1].startswith(b"GET /item?id=499 ")


def test_an_address_on_another_host_is_refused() -> None:
    with scripted(always(OK)) as server, pytest.raises(ValueError, match="another host"):
        Client(server.url).get("http://elsewhere.invalid/")


def test_headers_of_a_client_go_with_all_its_requests() -> None:
    with scripted(always(OK)) as server:
        client = Client(server.url)
        client.get("/")
        client.headers["X-Forwarded-For"] = "10.0.0.1"
        client.get("/")
        client.get("/", headers={"X-Forwarded-For": "10.0.0.2"})
    assert b"X-Forwarded-For" not in server.requests[0]
    assert b"X-Forwarded-For: 10.0.0.1\r\n" in server.requests[1]
    assert b"X-Forwarded-For: 10.0.0.2\r\n" in server.requests[2]


def test_an_answer_says_how_long_it_took() -> None:
    def handle(peer: Peer) -> None:
        while peer.request() is not None:
            gevent.sleep(0.05)
            peer.send(OK)

    with scripted(handle) as server:
        client = Client(server.url)
        with client.get("/", catch_response=True) as response:
            assert response.elapsed.total_seconds() >= 0.05
        assert client.reported[0]["response_time"] == pytest.approx(response.elapsed.total_seconds() * 1000, abs=0.01)


def test_the_status_is_one_of_http() -> None:
    for status in (b"000", b"042", b"999"):
        with scripted(always(b"HTTP/1.1 %s Odd\r\nContent-Length: 2\r\n\r\nok" % status)) as server:
            assert isinstance(Client(server.url).get("/").error, BadStatus)


def test_a_body_is_sent_within_the_timeout_of_the_answer_not_of_the_connection() -> None:
    big = b"x" * 20_000_000

    def handle(peer: Peer) -> None:
        gevent.sleep(0.8)
        peer.request()
        peer.send(OK)

    with scripted(handle) as server:
        client = Client(server.url)
        client.connect_timeout_s, client.timeout_s = 0.3, 30.0
        assert client.post("/", data=big).error is None


def test_an_answer_before_the_whole_request_was_read_counts() -> None:
    with scripted(too_large) as server:
        client = Client(server.url)
        client.get("/")
        response = client.post("/", data=b"x" * 20_000_000)
        assert isinstance(response.error, BadStatus)
        assert response.status_code == 413
        assert server.connections == 1
        assert client.get("/").error is None


def too_large(peer: Peer) -> None:
    """Answers small requests; of a large one it reads a part, answers, and closes."""
    while True:
        while b"\r\n\r\n" not in peer.pending:
            data = peer.socket.recv(65536)
            if not data:
                return
            peer.pending += data
        if b"Content-Length" in peer.pending:
            peer.send(b"HTTP/1.1 413 Large\r\nContent-Length: 2\r\n\r\nno")
            return
        peer.request()
        peer.send(OK)


def test_a_request_that_was_partly_read_is_not_sent_again() -> None:
    def handle(peer: Peer) -> None:
        peer.request()
        peer.send(OK)
        peer.socket.recv(65536)
        gevent.sleep(0.1)

    with scripted(handle) as server:
        client = Client(server.url)
        client.get("/")
        assert isinstance(client.post("/", data=b"x" * 20_000_000).error, ConnectionLost)
        assert server.connections == 1


def test_a_request_that_is_sent_again_has_no_more_time_than_any() -> None:
    def handle(peer: Peer) -> None:
        if peer.number == 1:
            peer.request()
            peer.send(OK)
            peer.request()
            gevent.sleep(1.8)
            peer.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        else:
            gevent.sleep(10)

    with scripted(handle) as server:
        client = Client(server.url)
        client.timeout_s = 2.0
        client.get("/")
        assert isinstance(client.get("/").error, TimedOut)
        assert server.connections == 2
        assert client.reported[1]["response_time"] < 3500
        assert reconnects() == 1  # though it failed in the end


def test_no_descriptor_left_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    def none(*_: Any, **__: Any) -> Any:
        raise OSError(errno.EMFILE, "Too many open files")

    monkeypatch.setattr(link, "open_socket", none)
    client = Client("http://127.0.0.1:1")
    assert isinstance(client.get("/").error, ConnectionRefused)
    assert len(client.reported) == 1
    assert CONTROLS.recorder._in_flight == 0
