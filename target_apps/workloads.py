"""The workloads: the request that each sends, and the marker of its answer."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Workload:
    """A request, and the marker that its answer must contain."""

    path: str
    marker: bytes
    method: str = "GET"
    body: bytes = b""


WORKLOADS = {
    "hello": Workload(path="/hello", marker=b"floodmark:hello"),
    "io": Workload(path="/io", marker=b"floodmark:io"),
    "cpu": Workload(path="/cpu", marker=b"floodmark:cpu"),
    "mixed": Workload(path="/mixed", marker=b"floodmark:mixed"),
    "upload": Workload(path="/upload", marker=b"floodmark:upload 65536", method="POST", body=b"x" * 65536),
    "hostile": Workload(path="/io", marker=b"floodmark:io"),
    "stream": Workload(path="/stream", marker=b"floodmark:stream"),
}
