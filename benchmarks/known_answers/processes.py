"""Starting servers and commands, waiting with a word of progress, and leaving nothing behind."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import psutil

from floodmark.plan.planned_run import plan_server
from floodmark.targets.process import ProcessBackend
from floodmark.targets.target import Allotment, Running, Target
from target_apps.serve import ROOT
from testbed.processes import free_port

TARGET_CPU, GENERATOR_CPU = 0, 1
MEMORY = 512 * 1024**2
STOP_S = 40.0
TICK_S = 0.5

Tick = Callable[[int], None]
"""Called while a command runs, with its pid."""


@contextlib.contextmanager
def served(
    server: str, app: str, settings: Mapping[str, int], cpus: Sequence[int] = (TARGET_CPU,)
) -> Iterator[tuple[Target, Running]]:
    """A server of target_apps with an app of ours, on the target's CPUs, brought up as a run does it.

    Raises TargetError where it does not come up as it should.
    """
    words = ",".join(f"{name}={value}" for name, value in settings.items())
    target = plan_server(f"{server}:{words}", ("127.0.0.1", free_port()))
    allotment = Allotment(target_cpus=tuple(cpus), generator_cpus=(GENERATOR_CPU,), memory=MEMORY, shared=False)
    with tempfile.TemporaryDirectory(prefix="floodmark-known-") as folder:
        with _app(app):
            running = ProcessBackend().up(target, allotment, Path(folder))
        try:
            yield target, running
        finally:
            running.down()


@contextlib.contextmanager
def _app(name: str) -> Iterator[None]:
    """Servers started meanwhile serve this app."""
    os.environ["FLOODMARK_APP"] = f"benchmarks.known_answers.apps:{name}"
    try:
        yield
    finally:
        del os.environ["FLOODMARK_APP"]


def finish(
    words: Sequence[str], environment: Mapping[str, str], log: Path, tick: Tick, limit_s: float, cpu: int | None = None
) -> tuple[int, str, float]:
    """Run a command to its end: exit code, standard output, seconds. Its standard error goes to ``log``.

    In a session of its own, so that a Ctrl-C reaches it once, from here, and it is waited for.
    """
    began = time.monotonic()
    with log.open("ab") as errors, tempfile.TemporaryFile() as out:
        process = subprocess.Popen(
            words,
            cwd=ROOT,
            env={**os.environ, **environment},
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=errors,
            start_new_session=True,
            preexec_fn=None if cpu is None else lambda: os.sched_setaffinity(0, {cpu}),
        )
        try:
            while process.poll() is None:
                tick(process.pid)
                if time.monotonic() - began > limit_s:
                    raise RuntimeError(f"{words[3:5]} took longer than {limit_s:.0f} s")
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(TICK_S)
        finally:
            stop(process)
        out.seek(0)
        return process.returncode, out.read().decode(), time.monotonic() - began


def stop(process: subprocess.Popen[bytes]) -> None:
    """End a process that was started here: ask, wait, then kill what is left of its tree."""
    tree: list[psutil.Process] = []
    with contextlib.suppress(psutil.Error):
        tree = psutil.Process(process.pid).children(recursive=True)
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(STOP_S)
    if process.poll() is None:
        process.kill()
        process.wait()
    _, alive = psutil.wait_procs(tree, timeout=1.0)
    for survivor in alive:  # psutil compares start times, so a reused pid is safe
        with contextlib.suppress(psutil.Error):
            survivor.kill()
