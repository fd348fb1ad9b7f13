"""Runs Locust in a separate process."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from floodmark.protocol.load_settings import VARIABLE, LoadSettings, write_settings
from floodmark.results.table import write_text
from target_apps.serve import ROOT

STOP_TIMEOUT_S = 15.0
KILL_TIMEOUT_S = 5.0


class LocustProcess:
    """A Locust run, or its web UI, in its own process group.

    arguments: further arguments for Locust.
    folder: for the settings file.
    log: the file for its output; None for the terminal.
    cpus: the CPUs to run on; None for those of this process.
    home: its working directory.
    """

    def __init__(
        self,
        locustfile: Path,
        base_url: str,
        arguments: Sequence[str],
        settings: LoadSettings,
        folder: Path,
        *,
        log: Path | None,
        cpus: Sequence[int] | None = None,
        home: Path | None = None,
    ) -> None:
        settings_file = folder / "load.json"
        write_text(settings_file, write_settings(settings).decode())
        environment = {
            **os.environ,
            VARIABLE: str(settings_file),
            "PYTHONPATH": os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")])),
        }
        # -P: modules in the working directory must not shadow Locust or what it imports.
        command = [sys.executable, "-P", "-m", "floodmark.load", "-f", str(locustfile), "-H", base_url, *arguments]
        output = log.open("ab") if log is not None else None
        try:
            self._process = subprocess.Popen(
                command,
                cwd=home or ROOT,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT if output is not None else None,
                start_new_session=True,
                preexec_fn=None if cpus is None else lambda: os.sched_setaffinity(0, set(cpus)),
            )
        finally:
            if output is not None:
                output.close()

    @property
    def pid(self) -> int:
        return self._process.pid

    def ended(self) -> int | None:
        """Its exit code; None while it runs."""
        return self._process.poll()

    def wait(self, seconds: float) -> int | None:
        """Its exit code if it ends within ``seconds``, else None."""
        try:
            return self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            return None

    def stop(self) -> None:
        """Stop it cleanly, so that it writes its files; if it does not end, kill its process group."""
        if self.ended() is None:
            self._process.send_signal(signal.SIGTERM)
            if self.wait(STOP_TIMEOUT_S) is None:
                self._kill()
        else:
            self._kill()

    def _kill(self) -> None:
        """Kill what is left of the process group, which with --processes contains Locust's workers."""
        try:
            os.killpg(self._process.pid, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            return
        self.wait(KILL_TIMEOUT_S)


def processes(number: int) -> list[str]:
    """Arguments that make Locust share its load among so many processes, which talk on a free port of 127.0.0.1."""
    if number == 1:
        return []
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    where = ["--master-bind-host", "127.0.0.1", "--master-bind-port", port, "--master-port", port]
    return ["--processes", str(number), *where]
