"""Watches the app and the accept queue while hostile clients are connected."""

from __future__ import annotations

import statistics
import threading
import time
from pathlib import Path

from floodmark.sampling.accept_queue import accept_queue
from target_apps.ledger import LedgerReader

EVERY_S = 0.05


class Watch:
    """Follows requests in the app and connections in the accept queue, from ``start`` to ``stop``."""

    def __init__(self, ledger: Path, port: int) -> None:
        self._reader = LedgerReader(ledger, lives=lambda _: True)
        self._port = port
        self._in_app: list[int] = []
        self._in_kernel: list[int] = []
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="watch", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> tuple[int, int, int]:
        """Stop. Returns the median and maximum of requests inside the app, and the median of the accept queue."""
        self._over.set()
        self._thread.join()
        return (
            round(statistics.median(self._in_app)) if self._in_app else 0,
            max(self._in_app, default=0),
            round(statistics.median(self._in_kernel)) if self._in_kernel else 0,
        )

    def left_in_app(self, patience_s: float) -> int:
        """Wait at most ``patience_s`` for the app to become empty. Returns the requests still inside it."""
        deadline = time.monotonic() + patience_s
        while (left := self._now()) and time.monotonic() < deadline:
            time.sleep(EVERY_S)
        return left

    def close(self) -> None:
        self._over.set()
        if self._thread.is_alive():
            self._thread.join()
        self._reader.close()

    def _now(self) -> int:
        return sum(count.in_flight for count in self._reader.counts())

    def _run(self) -> None:
        while not self._over.wait(EVERY_S):
            self._in_app.append(self._now())
            self._in_kernel.append(accept_queue(self._port) or 0)
