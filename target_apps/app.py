"""The Flask app under test. Every answer contains a marker that the load side verifies."""

from __future__ import annotations

import time
from collections.abc import Iterator

from flask import Flask, Response, request

app = Flask(__name__)

# Fixed work, not fixed time: about 5 ms on a core of a 2020s server. It is not adapted to the host, so that a
# slower host shows as a lower ceiling.
CPU_ITERATIONS = 50_000
STREAM_CHUNKS = 32
STREAM_CHUNK_BYTES = 1024


def burn(iterations: int) -> int:
    """Step a linear congruential generator ``iterations`` times in pure Python, which holds the GIL."""
    state = 1
    for _ in range(iterations):
        state = (state * 1103515245 + 12345) & 0x7FFFFFFF
    return state


@app.get("/hello")
def hello() -> str:
    return "floodmark:hello\n"


@app.get("/io")
def io() -> str:
    """Wait for ``ms`` milliseconds, as for a database."""
    time.sleep(_number("ms", 50) / 1000)
    return "floodmark:io\n"


@app.get("/cpu")
def cpu() -> str:
    """Compute for ``n`` iterations."""
    return f"floodmark:cpu {burn(int(_number('n', CPU_ITERATIONS)))}\n"


@app.get("/mixed")
def mixed() -> str:
    """Wait for ``ms`` milliseconds, then compute for ``n`` iterations."""
    time.sleep(_number("ms", 20) / 1000)
    return f"floodmark:mixed {burn(int(_number('n', CPU_ITERATIONS * 2 // 5)))}\n"


@app.post("/upload")
def upload() -> str:
    """Read the whole body, and answer with its length."""
    received = 0
    while chunk := request.stream.read(65536):
        received += len(chunk)
    return f"floodmark:upload {received}\n"


@app.get("/stream")
def stream() -> Response:
    """Answer in ``chunks`` chunks of ``bytes`` bytes, followed by the marker."""
    chunks = int(_number("chunks", STREAM_CHUNKS))
    chunk = b"." * int(_number("bytes", STREAM_CHUNK_BYTES))

    def parts() -> Iterator[bytes]:
        for _ in range(chunks):
            yield chunk
        yield b"floodmark:stream\n"

    return Response(parts(), mimetype="text/plain")


def _number(name: str, default: float) -> float:
    return max(0.0, request.args.get(name, default, type=float))
