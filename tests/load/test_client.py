"""What only the lean client does: any request, any flow, and an answer that can be looked at."""

from __future__ import annotations

from typing import Any

import gevent
import pytest
from locust import User

from floodmark.load import LeanHttpUser
from floodmark.load.failure import BadStatus, ConnectionLost, TimedOut, WrongBody
from tests.load.drive import Client, Drive, reconnects
from tests.load.scripted import FRAMINGS, OK, Peer, always, once, scripted, too_large


@pytest.mark.parametrize(("answer", "body"), FRAMINGS.values(), ids=list(FRAMINGS))
def test_the_whole_body_is_handed_over(answer: bytes, body: bytes) -> None:
    with scripted(always(answer)) as server:
        client = Client(server.url)
        for _ in range(3):
            response = client.get("/x")
            assert response.error is None
            assert response.content == body
        assert server.connections == 1
        assert len(client.reported) == len(server.requests) == 3


def test_a_connection_closed_before_the_request_reached_it_is_replaced_once_and_counted() -> None:
    with scripted(once(OK)) as server:
        client = Client(server.url)
        client.get("/")
        # The server, in this same loop, gets no turn to close before the request lies in its socket unread.
        response = client.get("/")
        assert response.error is None
        assert len(server.requests) == 2
        assert reconnects() == 1


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
        with gevent.Timeout(10):
            while not closed:
                gevent.sleep(0.01)
    assert closed == [True]


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
        assert len(client._requests) <= 100
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


def test_an_answer_before_the_whole_request_was_read_counts() -> None:
    with scripted(too_large) as server:
        client = Client(server.url)
        client.get("/")
        response = client.post("/", data=b"x" * 20_000_000)
        assert isinstance(response.error, BadStatus)
        assert response.status_code == 413
        assert server.connections == 1
        assert client.get("/").error is None


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
