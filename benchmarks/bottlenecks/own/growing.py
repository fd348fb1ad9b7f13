"""An app of its own, for a container: it keeps something of every request, for ever."""

import os
import time
from collections.abc import Callable, Iterable
from typing import Any

KEPT_BYTES = 64 * 1024
SERVICE_S = 0.05

_kept: list[bytes] = []


def app(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    _kept.append(os.urandom(KEPT_BYTES))
    time.sleep(SERVICE_S)
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "5")])
    return [b"grown"]
