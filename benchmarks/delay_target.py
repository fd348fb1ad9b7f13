"""The target of ``delay_target.c``, compiled where it is needed."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import tempfile
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

SOURCE = Path(__file__).with_suffix(".c")


class Truth(NamedTuple):
    """What the target itself saw: answers, and the time each took."""

    answers: int
    p50_ms: float
    p99_ms: float


class DelayTarget:
    def __init__(self, url: str) -> None:
        self.url = url

    def reset(self) -> None:
        self._ask("/reset")

    def truth(self) -> Truth:
        count, p50_us, p99_us = map(int, self._ask("/truth").split())
        return Truth(count, p50_us / 1000, p99_us / 1000)

    def _ask(self, path: str) -> str:
        with urllib.request.urlopen(self.url + path, timeout=10) as answer:
            text: str = answer.read().decode()
            return text


@contextlib.contextmanager
def delay_target(port: int, delay_ms: float, cpu: int) -> Iterator[DelayTarget]:
    """Raises SystemExit where there is no C compiler."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        raise SystemExit("this benchmark needs a C compiler: apt-get install gcc")
    with tempfile.TemporaryDirectory(prefix="floodmark-") as folder:
        binary = Path(folder) / "delay_target"
        subprocess.run([compiler, "-O2", "-o", str(binary), str(SOURCE)], check=True)
        process = subprocess.Popen(
            [str(binary), str(port), str(int(delay_ms * 1000))],
            stdout=subprocess.PIPE,
            preexec_fn=lambda: os.sched_setaffinity(0, {cpu}),
        )
        assert process.stdout is not None
        process.stdout.readline()
        try:
            yield DelayTarget(f"http://127.0.0.1:{port}")
        finally:
            process.kill()
            process.wait()
