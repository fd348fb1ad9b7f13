"""Both clients over TLS: trusted, untrusted, and where one side does not speak it."""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import gevent
import pytest
from locust import User

from floodmark.load import HttpStep, LeanHttpUser, StepHttpUser, tls
from floodmark.load.controls import CONTROLS
from floodmark.load.failure import ConnectionRefused, TimedOut
from floodmark.load.tls import Tls, TlsFailed
from floodmark.stats.window import ErrorKind
from tests.load.drive import Client, Drive, errors, reconnects
from tests.load.scripted import Peer, always, scripted
from tests.support.processes import free_port, python_server

pytestmark = pytest.mark.skipif(shutil.which("openssl") is None, reason="no openssl to make a certificate with")


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Signed by itself, for localhost and 127.0.0.1, with its key in the same file."""
    folder = tmp_path_factory.mktemp("tls")
    key, signed, both = folder / "key.pem", folder / "certificate.pem", folder / "both.pem"
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-nodes", "-days", "2", "-subj", "/CN=localhost"),
            *("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"),
            *("-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout", str(key), "-out", str(signed)),
        ],
        check=True,
        capture_output=True,
    )
    both.write_bytes(key.read_bytes() + signed.read_bytes())
    return both


@pytest.fixture(scope="module")
def port(certificate: Path) -> Iterator[int]:
    number = free_port()
    with python_server("tests.support.tls_server", number, certificate):
        yield number


@pytest.fixture(autouse=True)
def _trust(monkeypatch: pytest.MonkeyPatch, certificate: Path) -> None:
    """The server's certificate is the one that is trusted."""
    monkeypatch.setattr(tls, "_contexts", {})
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
def test_a_trusted_server_keeps_the_connection(port: int, host: str) -> None:
    client = Client(f"https://{host}:{port}")
    answers = [client.get("/") for _ in range(5)]
    assert [answer.error for answer in answers] == [None] * 5
    assert len({answer.text.partition(" request")[0] for answer in answers}) == 1
    assert answers[-1].text.endswith("request 5")
    assert len(client.reported) == 5


def test_bodies_longer_than_a_record_and_bodies_that_end_with_the_connection(port: int) -> None:
    client = Client(f"https://localhost:{port}")
    client.timeout_s = 10.0
    assert client.get("/large").content == b"x" * 1_000_000
    assert client.get("/end").text.endswith("request 2")
    assert client.get("/").text.endswith("request 1")


def test_a_connection_closed_while_idle_is_replaced_without_an_error(port: int) -> None:
    client = Client(f"https://localhost:{port}")
    for _ in range(3):
        assert client.get("/last").text.endswith("request 1")
        gevent.sleep(0.05)
    assert reconnects() <= 2


def test_an_untrusted_certificate_is_refused(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SSL_CERT_FILE")
    client = Client(f"https://localhost:{port}")
    error = client.get("/").error
    assert isinstance(error, ConnectionRefused)
    assert error.kind is ErrorKind.REFUSED
    assert "certificate" in str(error)
    assert len(client.reported) == 1


def test_a_certificate_for_another_name_is_refused(port: int) -> None:
    client = Client(f"https://localhost:{port}")
    client._connection._tls_host = "elsewhere.invalid"
    assert isinstance(client.get("/").error, ConnectionRefused)


def test_any_certificate_will_do_if_asked(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SSL_CERT_FILE")
    monkeypatch.setenv("FLOODMARK_TLS_VERIFY", "0")
    assert Client(f"https://localhost:{port}").get("/").error is None


def talks_first(peer: Peer) -> None:
    peer.send(b"220 smtp\r\n")
    gevent.sleep(0.5)


@pytest.mark.parametrize(
    "peer",
    [always(b"HTTP/1.1 400 Bad\r\nContent-Length: 0\r\n\r\n"), lambda peer: None, talks_first],
    ids=["answers", "closes", "talks first"],
)
def test_https_to_a_server_without_tls_is_refused(peer: object) -> None:
    def handle(connection: Peer) -> None:
        if peer is not talks_first:
            connection.socket.recv(65536)  # what it is sent has no end that a server would wait for
            connection.pending = b"GET / HTTP/1.1\r\n\r\n"
        peer(connection)  # type: ignore[operator]

    with scripted(handle) as server:
        client = Client(server.url.replace("http:", "https:"))
        begun = time.monotonic()
        assert isinstance(client.get("/").error, ConnectionRefused)
        assert time.monotonic() - begun < 5
        assert server.connections == len(client.reported) == 1
        assert CONTROLS.recorder._in_flight == 0


def test_a_handshake_without_answer_ends_with_the_connect_timeout() -> None:
    with scripted(lambda peer: gevent.sleep(10)) as server:
        client = Client(server.url.replace("http:", "https:"))
        client.connect_timeout_s, client.timeout_s = 0.3, 8.0
        assert isinstance(client.get("/").error, TimedOut)
        assert 300 <= client.reported[0]["response_time"] < 5000


@pytest.mark.parametrize("base", [LeanHttpUser, StepHttpUser])
def test_http_to_a_server_with_tls_is_one_failure(port: int, base: type[User]) -> None:
    told = Drive(f"http://localhost:{port}", base=base, timeout=5.0).shots(1)
    # Some libraries close, some send an alert first.
    assert told[0]["exception"].kind in {ErrorKind.RESET, ErrorKind.HTTP}
    assert told[0]["response_time"] < 5000
    assert CONTROLS.recorder._in_flight == 0


def test_step_users_leave_https_to_the_lean_client(port: int) -> None:
    visit = HttpStep("GET", "/", expect=b"connection")
    drive = Drive(f"https://localhost:{port}", visit, base=StepHttpUser)
    told = drive.shots(10, users=2)
    assert errors(told) == [type(None)] * 10
    assert len({facts["response"].text.partition(" request")[0] for facts in told}) <= 2


def test_what_tls_cannot_send_is_lost() -> None:
    with pytest.raises(TlsFailed):
        Tls("localhost").encrypt(b"before the handshake")
