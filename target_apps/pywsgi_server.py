"""Runs gevent.pywsgi, which has no command line: ``python -m target_apps.pywsgi_server APP --bind HOST:PORT ...``."""
# ruff: noqa: E402 (must be patched before anything else is imported, or the app would block the loop)

from __future__ import annotations

from gevent import monkey

monkey.patch_all()

import argparse
import signal
import time

import gevent
from gevent.event import Event
from gevent.pool import Pool
from gevent.pywsgi import WSGIHandler, WSGIServer

from target_apps.wsgi import app

SHUTDOWN_TIMEOUT_S = 10.0


class Handler(WSGIHandler):
    """Counts the requests being answered, so that stopping does not wait for idle connections."""

    answering = 0

    def handle_one_response(self) -> None:
        Handler.answering += 1
        try:
            super().handle_one_response()
        finally:
            Handler.answering -= 1


def main() -> None:
    parser = argparse.ArgumentParser(prog="target_apps.pywsgi_server")
    parser.add_argument("app", help="only for the process list; FLOODMARK_APP decides")
    parser.add_argument("--bind", default="127.0.0.1:8000")
    parser.add_argument("--connections", type=int, default=4096)
    parser.add_argument("--backlog", type=int, default=2048)
    options = parser.parse_args()
    host, _, port = options.bind.rpartition(":")
    # Without a pool, stopping would reset the requests in flight.
    server = WSGIServer(
        (host, int(port)),
        app,
        backlog=options.backlog,
        spawn=Pool(options.connections),
        log=None,
        handler_class=Handler,
    )
    stopping = Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        gevent.signal_handler(number, stopping.set)
    server.start()
    stopping.wait()
    server.close()
    deadline = time.monotonic() + SHUTDOWN_TIMEOUT_S
    while Handler.answering and time.monotonic() < deadline:
        gevent.sleep(0.02)
    server.stop(timeout=0)


if __name__ == "__main__":
    main()
