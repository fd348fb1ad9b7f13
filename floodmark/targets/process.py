"""Runs the server as local processes: in a session of its own, pinned to the target's CPUs, with its log in a file."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import psutil

from floodmark.errors import TargetError
from floodmark.results.cache import cache_folder
from floodmark.targets import app_copy as own
from floodmark.targets import ready, requirements, servers
from floodmark.targets.environments import interpreter
from floodmark.targets.logs import tail
from floodmark.targets.memory import HostKills, MemoryUse, out_of_memory, tells_of_a_kill
from floodmark.targets.requirements import Say
from floodmark.targets.shared_memory import SharedFolder
from floodmark.targets.target import Allotment, Effective, Handle, Running, Target
from target_apps.serve import ROOT

STOP_TIMEOUT_S = 12.0
KILL_TIMEOUT_S = 5.0


class ProcessBackend:
    """Starts ``python -m target_apps.serve``, which becomes the server.

    outlive: the server keeps running after this process ends, until ``floodmark down``.
    ready_timeout_s: how long one of our own apps may take to start.
    say: called with messages about steps that take long.
    """

    name = "process"

    def __init__(
        self, *, outlive: bool = False, ready_timeout_s: float = ready.READY_TIMEOUT_S, say: Say = lambda text: None
    ) -> None:
        self._outlive = outlive
        self._ready_timeout_s = ready_timeout_s
        self._say = say

    def up(self, target: Target, allotment: Allotment, folder: Path) -> Running:
        python = interpreter(target.packages, self._say) if target.packages else Path(sys.executable)
        reason = None if target.packages else servers.missing(target.server)
        if reason is not None:
            raise TargetError(f"{target.server.name} is unavailable here: {reason}; {target.server.fix}")
        ready.port_must_be_free(target.host, target.port)
        packages = None
        if target.app is not None and target.app.requirements is not None:
            wanted = requirements.read(target.app.requirements)
            packages = requirements.install(wanted, cache_folder(), self._say) if wanted is not None else None
        running = RunningProcess(target, allotment, folder, python, packages, outlive=self._outlive)
        try:
            running.verify(target.app.section.start_timeout_s if target.app is not None else self._ready_timeout_s)
        except TargetError as error:
            explained = running.explain(error)
            running.down()
            raise type(error)(str(explained), log=explained.log or running.log()) from error
        except BaseException:
            running.down()
            raise
        return running


class RunningProcess:
    """The process tree of a server."""

    image_digest = None
    memory_enforced = False

    def __init__(
        self,
        target: Target,
        allotment: Allotment,
        folder: Path,
        python: Path,
        packages: Path | None,
        *,
        outlive: bool,
    ) -> None:
        self._target = target
        self._budget = allotment.memory
        self._kills = HostKills()
        self.base_url = target.base_url
        self._log_path = folder / "target.log"
        self.effective = Effective()
        self._copy = own.copy(target.app, folder) if target.app is not None else None
        self._shared = SharedFolder()
        self.ledger_path: Path | None = self._shared.ledger
        # Not in the shared folder, because /dev/shm may be mounted noexec and Apache needs to run a script.
        self._scratch = Path(tempfile.mkdtemp(prefix="floodmark-"))
        self._scratch.chmod(0o755)
        environment = {
            **os.environ,
            **self._app_environment(packages),
            **ready.environment(target, str(self._shared.ledger), allotment.target_cpus),
            "FLOODMARK_SCRATCH": str(self._scratch),
            "FLOODMARK_DIE_WITH_PARENT": "" if outlive else str(os.getpid()),
        }
        with self._log_path.open("ab") as log:
            self._process = subprocess.Popen(
                [str(python), "-m", "target_apps.serve", *ready.launcher_arguments(target)],
                cwd=ROOT,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def _app_environment(self, packages: Path | None) -> dict[str, str]:
        app = self._target.app
        if app is None or self._copy is None:
            return {}
        report = str(self._shared.report)
        return own.Placed(dir=str(self._copy), packages=str(packages) if packages else None, report=report).environment(
            app
        )

    def explain(self, error: TargetError) -> TargetError:
        """The error, with the reason reported by the app if it is the user's own."""
        return (
            error if self._target.app is None else own.explain(error, self._target.app, self._shared.report, self.ended)
        )

    def verify(self, timeout_s: float) -> None:
        """Wait until it serves, and check that it runs as declared. Raises TargetError."""
        target = self._target
        ready.wait_until_ready(target.host, target.port, target.check, self.ended, timeout_s)
        self.effective = ready.read_effective(target, self.ended)

    def root_pids(self) -> list[int]:
        return [self._process.pid]

    def ended(self) -> str | None:
        code = self._process.poll()
        kills = self._kills.since()
        # The counter is of the whole host, so check that one of the target's processes was killed.
        if kills and (code == -signal.SIGKILL or tells_of_a_kill(self._log_path)):
            raise out_of_memory(MemoryUse(kills=kills), self._budget, enforced=False)
        if code is None:
            return None
        return f"exit code {code}" if code >= 0 else f"killed by {signal.Signals(-code).name}"

    def log(self) -> str:
        return tail(self._log_path)

    def handle(self) -> Handle:
        """What ``stop`` needs to stop this server from another process."""
        return Handle(
            backend=ProcessBackend.name,
            pid=self._process.pid,
            created=psutil.Process(self._process.pid).create_time(),
            signal=int(self._target.server.stop_signal),
            shared=str(self._shared.path),
            scratch=str(self._scratch),
        )

    def down(self) -> None:
        if self._process.poll() is None:
            _stop(psutil.Process(self._process.pid), self._target.server.stop_signal)
            self._process.wait(STOP_TIMEOUT_S)
        else:
            _end_group(self._process.pid)
        self._shared.remove()
        shutil.rmtree(self._scratch, ignore_errors=True)
        if self._copy is not None:
            shutil.rmtree(self._copy, ignore_errors=True)


def stop(handle: Handle) -> bool:
    """Stop a server that outlived the process that started it. False if it has already ended."""
    shutil.rmtree(handle.shared, ignore_errors=True)
    try:
        process = psutil.Process(handle.pid)
        if process.create_time() != handle.created:
            return False
        _stop(process, signal.Signals(handle.signal))
    except psutil.NoSuchProcess:
        return False
    finally:
        shutil.rmtree(handle.scratch, ignore_errors=True)
    return True


def _stop(process: psutil.Process, how: signal.Signals) -> None:
    """Send the signal, wait, then kill what is left of the tree."""
    tree = [*process.children(recursive=True), process]
    process.send_signal(how)
    psutil.wait_procs([process], timeout=STOP_TIMEOUT_S)
    _, alive = psutil.wait_procs(tree, timeout=1.0)
    for survivor in alive:  # psutil compares start times, so a reused pid is safe
        with contextlib.suppress(psutil.NoSuchProcess):
            survivor.kill()
    psutil.wait_procs(alive, timeout=KILL_TIMEOUT_S)


def _end_group(leader: int) -> None:
    """Kill the remaining processes of a server that has ended, which led its own process group."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(leader, signal.SIGKILL)
