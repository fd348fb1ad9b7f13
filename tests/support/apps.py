"""WSGI apps that behave badly, or in a way that is known exactly."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

BURNT_S = 0.010


def failing(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    start_response("500 Internal Server Error", [("Content-Type", "text/plain")])
    return [b"floodmark:io but broken"]


def mute(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"hello"]


def burning(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """Uses as much CPU time for every request, however fast the CPU is."""
    end = time.thread_time() + BURNT_S
    while time.thread_time() < end:
        pass
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "13")])
    return [b"floodmark:io\n"]
