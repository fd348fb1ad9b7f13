"""Runs cheroot with settings that its command line lacks: ``python -m target_apps.cheroot_server APP --bind ...``."""

from __future__ import annotations

import argparse
import signal
from types import FrameType

from cheroot import wsgi

from target_apps.wsgi import app

SHUTDOWN_TIMEOUT_S = 10


def main() -> None:
    parser = argparse.ArgumentParser(prog="target_apps.cheroot_server")
    parser.add_argument("app", help="only for the process list; FLOODMARK_APP decides")
    parser.add_argument("--bind", default="127.0.0.1:8000")
    parser.add_argument("--threads", type=int, default=8)
    parser.add_argument("--connections", type=int, default=8192)
    parser.add_argument("--keepalive-s", type=int, default=75)
    parser.add_argument("--backlog", type=int, default=2048)
    options = parser.parse_args()
    host, _, port = options.bind.rpartition(":")
    server = wsgi.Server(
        (host, int(port)),
        app,
        numthreads=options.threads,
        max=options.threads,
        request_queue_size=options.backlog,
        timeout=options.keepalive_s,
        shutdown_timeout=SHUTDOWN_TIMEOUT_S,
    )
    server.keep_alive_conn_limit = options.connections

    def stop(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    try:
        server.start()
    except KeyboardInterrupt:
        server.stop()


if __name__ == "__main__":
    main()
