"""Runs the server as a Docker Compose service, with host networking and the budget's CPU set and memory limit."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import docker
from docker.errors import DockerException, ImageNotFound, NotFound

from floodmark.data_files import SHARE
from floodmark.errors import TargetError, UsageError
from floodmark.targets import app_copy as own
from floodmark.targets import ready, requirements, servers
from floodmark.targets.image import image_tag
from floodmark.targets.logs import tail
from floodmark.targets.memory import MemoryGroup, MemoryUse, out_of_memory
from floodmark.targets.requirements import Say
from floodmark.targets.shared_memory import SharedFolder
from floodmark.targets.target import Allotment, Effective, Handle, Running, Target
from floodmark.targets.user_app import OwnApp

FILE = SHARE / "compose" / "compose.yaml"
INSIDE = "/run/floodmark"
OWN_SERVICE = "own"
STOP_TIMEOUT_S = 12
STARVED_TIMEOUT_S = 1
COMMAND_TIMEOUT_S = 120
BUILD_TIMEOUT_S = 1200


def unavailable() -> str | None:
    """Why Compose cannot be used here; None if it can."""
    if shutil.which("docker") is None:
        return "there is no docker command"
    try:
        client = docker.from_env(timeout=5)
    except DockerException as error:
        return f"no Docker engine answers ({_short(error)})"
    try:
        client.ping()
    except DockerException as error:
        return f"no Docker engine answers ({_short(error)})"
    finally:
        client.close()
    version = subprocess.run(
        ["docker", "compose", "version", "--short"], capture_output=True, text=True, timeout=20, check=False
    )
    if version.returncode != 0 or not version.stdout.strip().lstrip("v").startswith(("2", "3", "4", "5")):
        return "docker has no Compose v2"
    return None


class ComposeBackend:
    """Starts a service of compose/compose.yaml in its own Compose project."""

    name = "compose"

    def __init__(self, say: Say) -> None:
        self._say = say

    def up(self, target: Target, allotment: Allotment, folder: Path) -> Running:
        if target.packages:
            raise UsageError("packages needs --backend process: an image has one environment for all servers")
        ready.port_must_be_free(target.host, target.port)
        try:
            client = docker.from_env(timeout=30)
        except DockerException as error:
            raise TargetError(
                f"no Docker engine answers: {_short(error)}; start it, or use --backend process"
            ) from error
        running = RunningContainer(client, target, allotment, folder)
        try:
            running.build(self._say)
            running.start()
            running.verify(allotment)
        except (TargetError, DockerException) as error:
            explained = running.explain(error)
            log = explained.log or running.log()
            running.down()
            kind = type(error) if isinstance(error, TargetError) else TargetError
            raise kind(str(explained), log=log) from error
        except BaseException:
            running.down()
            raise
        return running


class RunningContainer:
    """The container of a service."""

    memory_enforced = True

    def __init__(self, client: docker.DockerClient, target: Target, allotment: Allotment, folder: Path) -> None:
        self._client = client
        self._target = target
        self._service = OWN_SERVICE if servers.is_own(target.server.name) else target.server.name
        self._folder = folder
        self._project = f"floodmark-{target.port}"
        self._container: Any = None
        self._budget = allotment.memory
        self._memory: MemoryGroup | None = None
        self._patience_s = STOP_TIMEOUT_S
        self._shared = SharedFolder()
        self._tag = image_tag()
        self._environment = _environment(target, allotment, self._shared, self._tag)
        self._addition: Path | None = None
        self.base_url = target.base_url
        self._log_path = folder / "target.log"
        self.ledger_path: Path | None = self._shared.ledger
        self.effective = Effective()
        self.image_digest: str | None = None

    def build(self, say: Say) -> None:
        """Build the image unless it exists for this content. Raises TargetError with the end of the build log."""
        try:
            self.image_digest = self._client.images.get(self._tag).id
        except ImageNotFound:
            say(f"building {self._tag} (one to two minutes, once for this version of target_apps)")
            log = self._folder / "build.log"
            self._compose("build", self._service, log=log, timeout_s=BUILD_TIMEOUT_S)
            log.unlink(missing_ok=True)
            self.image_digest = self._client.images.get(self._tag).id
        if self._target.app is not None:
            self._add_app(self._target.app, say)

    def _add_app(self, app: OwnApp, say: Say) -> None:
        """Add the user's own app: a copy of its folder, an image with its packages, and its environment variables."""
        wanted = requirements.read(app.requirements) if app.requirements is not None else None
        image = requirements.build_image(wanted, self._tag, self._has_image, say) if wanted is not None else self._tag
        self.image_digest = self._client.images.get(image).id
        source = own.copy(app, self._folder)
        placed = own.Placed(
            dir=own.INSIDE,
            packages=requirements.INSIDE if wanted is not None else None,
            report=f"{INSIDE}/{self._shared.report.name}",
        )
        self._addition = self._folder / own.ADDITION
        own.write_addition(self._addition, app, placed, service=self._service, image=image, source=source)

    def _has_image(self, tag: str) -> bool:
        try:
            self._client.images.get(tag)
        except ImageNotFound:
            return False
        return True

    def start(self) -> None:
        self._compose("up", "--detach", "--no-build", "--force-recreate", self._service)
        containers = self._client.containers.list(
            all=True,
            filters={"label": [f"com.docker.compose.project={self._project}"]},
        )
        if len(containers) != 1:
            raise TargetError(f"compose started {len(containers)} containers instead of 1")
        self._container = containers[0]
        self._memory = MemoryGroup.of(containers[0].attrs["State"]["Pid"]) if "State" in containers[0].attrs else None

    def verify(self, allotment: Allotment) -> None:
        """Wait until it serves, and check its configuration and budget. Raises TargetError."""
        target = self._target
        timeout_s = target.app.section.start_timeout_s if target.app is not None else ready.READY_TIMEOUT_S
        ready.wait_until_ready(target.host, target.port, target.check, self.ended, timeout_s)
        self.effective = ready.read_effective(target, self.ended)
        self._container.reload()
        host = self._container.attrs["HostConfig"]
        given = (host["CpusetCpus"], host["Memory"])
        wanted = (_cpuset(allotment), allotment.memory)
        if given != wanted:
            raise TargetError(f"the budget is cpuset and memory {wanted}, but the container has {given}")

    def root_pids(self) -> list[int]:
        return [self._container.attrs["State"]["Pid"]] if self._container is not None else []

    def ended(self) -> str | None:
        if self._container is None:
            return "it never started"
        try:
            self._container.reload()
        except NotFound:
            return "the container is gone"
        state = self._container.attrs["State"]
        use = self._memory.use() if self._memory is not None else MemoryUse(kills=0)
        if use.kills or state.get("OOMKilled"):
            # A container out of memory may be unable to stop by itself.
            self._patience_s = STARVED_TIMEOUT_S
            raise out_of_memory(use, self._budget, enforced=True)
        return None if state["Running"] else f"exit code {state['ExitCode']}"

    def explain(self, error: Exception) -> TargetError:
        """The error, with the reason reported by the app if it is the user's own."""
        target_error = error if isinstance(error, TargetError) else TargetError(str(error))
        if self._target.app is None:
            return target_error
        return own.explain(target_error, self._target.app, self._shared.report, self.ended)

    def log(self) -> str:
        """Copy the output of the container to the log file, and return its end."""
        if self._container is not None:
            with contextlib.suppress(DockerException, OSError):
                self._log_path.write_bytes(self._container.logs(stdout=True, stderr=True))
        return tail(self._log_path)

    def handle(self) -> Handle:
        """What ``stop`` needs to stop this service from another process."""
        return Handle(backend=ComposeBackend.name, project=self._project, shared=str(self._shared.path))

    def down(self) -> None:
        if self._container is not None:
            # Stop it first, so that the log is complete.
            with contextlib.suppress(DockerException):
                self._container.stop(timeout=self._patience_s)
        self.log()
        try:
            self._compose("down", "--timeout", str(self._patience_s), "--remove-orphans")
        finally:
            self._container = None
            self._client.close()
            self._shared.remove()
            if self._addition is not None:
                self._addition.unlink(missing_ok=True)
            if self._target.app is not None:
                shutil.rmtree(self._folder / own.COPY, ignore_errors=True)

    def _compose(self, *arguments: str, log: Path | None = None, timeout_s: float = COMMAND_TIMEOUT_S) -> None:
        """Run docker compose. Its output goes to a file that is kept only if it fails."""
        path = log or self._folder / "compose.log"
        files = ["--file", str(FILE), *(["--file", str(self._addition)] if self._addition is not None else [])]
        with path.open("wb") as file:
            try:
                finished = subprocess.run(
                    ["docker", "compose", "--project-name", self._project, *files, *arguments],
                    env={**os.environ, **self._environment},
                    stdin=subprocess.DEVNULL,
                    stdout=file,
                    stderr=subprocess.STDOUT,
                    timeout=timeout_s,
                    check=False,
                    start_new_session=True,
                )
            except subprocess.TimeoutExpired as error:
                raise TargetError(
                    f"docker compose {arguments[0]} took longer than {timeout_s:.0f} s", log=tail(path)
                ) from error
        if finished.returncode != 0:
            raise TargetError(
                f"docker compose {arguments[0]} failed with exit code {finished.returncode}", log=tail(path)
            )
        path.unlink(missing_ok=True)


def stop(handle: Handle) -> bool:
    """Stop a service that another process started."""
    shutil.rmtree(handle.shared, ignore_errors=True)
    finished = subprocess.run(
        ["docker", "compose", "--project-name", handle.project, "down", "--timeout", str(STOP_TIMEOUT_S)],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=COMMAND_TIMEOUT_S,
        check=False,
    )
    if finished.returncode != 0:
        raise TargetError("docker compose down failed", log=finished.stderr)
    return True


def _environment(target: Target, allotment: Allotment, shared: SharedFolder, tag: str) -> Mapping[str, str]:
    arguments = ready.launcher_arguments(target)
    settings = " ".join(arguments[arguments.index("--bind") + 2 :])
    own_folder = servers.own_folder()
    return {
        "FLOODMARK_SERVER": target.server.name,
        "FLOODMARK_SERVERS": str(own_folder or shared.path),
        "FLOODMARK_STOP_SIGNAL": target.server.stop_signal.name,
        "FLOODMARK_IMAGE": tag,
        "FLOODMARK_BIND": f"{target.host}:{target.port}",
        "FLOODMARK_SETTINGS": settings,
        "FLOODMARK_CPUS": _cpuset(allotment),
        "FLOODMARK_MEMORY": str(allotment.memory),
        "FLOODMARK_USER": f"{os.getuid()}:{os.getgid()}",
        "FLOODMARK_SHARED": str(shared.path),
        "FLOODMARK_LEDGER": f"{INSIDE}/{shared.ledger.name}",
    }


def _cpuset(allotment: Allotment) -> str:
    return ",".join(map(str, allotment.target_cpus))


def _short(error: Exception) -> str:
    return str(error).splitlines()[0][:120] if str(error) else type(error).__name__
