"""The reference of nights: a server and an app made of the standard library, frozen to show changes of the machine.

``python -m target_apps.frozen --bind HOST:PORT --threads N``. Changing what it does would break every history.
"""

from __future__ import annotations

import argparse
import socket
import threading
import time
from importlib import import_module
from typing import TYPE_CHECKING
from wsgiref.simple_server import ServerHandler, WSGIRequestHandler, WSGIServer

from target_apps.probe import Probe

if TYPE_CHECKING:
    from collections.abc import Iterable

    from _typeshed.wsgi import StartResponse, WSGIEnvironment

IO_S = 0.05
CPU_ITERATIONS = 50_000
BACKLOG = 2048


def app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """/io waits for 50 ms; /cpu steps a linear congruential generator."""
    match environ.get("PATH_INFO"):
        case "/io":
            time.sleep(IO_S)
            body = b"floodmark:io\n"
        case "/cpu":
            state = 1
            for _ in range(CPU_ITERATIONS):
                state = (state * 1103515245 + 12345) & 0x7FFFFFFF
            body = b"floodmark:cpu %d\n" % state
        case _:
            start_response("404 Not Found", [("Content-Type", "text/plain"), ("Content-Length", "0")])
            return [b""]
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(body)))])
    return [body]


app_behind_probe = Probe(app)


class _RequestHandler(WSGIRequestHandler):
    def handle(self) -> None:
        """Answer one request, after which the connection is closed."""
        self.raw_requestline = self.rfile.readline(65537)
        if not self.raw_requestline or not self.parse_request():
            return
        handler = ServerHandler(
            self.rfile,
            self.wfile,  # type: ignore[arg-type]  # it only reads
            self.get_stderr(),
            self.get_environ(),
            multithread=True,
        )
        handler.request_handler = self  # type: ignore[attr-defined]  # wsgiref's own way to log
        handler.run(app_behind_probe)

    def address_string(self) -> str:
        return "-"

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name in the library
        """Log nothing, because no other server writes a line per request."""


class Reference(WSGIServer):
    """``threads`` threads that each accept a connection, answer one request and close it."""

    request_queue_size = BACKLOG

    def __init__(self, address: tuple[str, int], threads: int) -> None:
        self.threads = threads
        super().__init__(address, _RequestHandler)

    def server_bind(self) -> None:
        """Bind without a name server lookup of this host."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(self.server_address)
        self.server_address = self.socket.getsockname()
        self.server_name, self.server_port = self.server_address[:2]  # type: ignore[assignment]
        self.setup_environ()

    def serve(self) -> None:
        """Serve forever."""
        for _ in range(self.threads - 1):
            threading.Thread(target=self._loop, daemon=True).start()
        self._loop()

    def _loop(self) -> None:
        while True:
            try:
                connection, address = self.get_request()
            except OSError:
                continue
            try:
                self.process_request(connection, address)
            except Exception:
                # A client that went away is not worth reporting.
                self.shutdown_request(connection)


def main() -> None:
    parser = argparse.ArgumentParser(prog="target_apps.frozen")
    parser.add_argument("--bind", default="127.0.0.1:8000")
    parser.add_argument("--threads", type=int, default=8)
    options = parser.parse_args()
    host, _, port = options.bind.rpartition(":")
    Reference((host, int(port)), options.threads).serve()


if __name__ == "__main__":
    # Imported under its own name, so that the probe finds the class.
    import_module("target_apps.frozen").main()
