"""Start one server: ``python -m target_apps.serve NAME [--bind HOST:PORT] [--SETTING VALUE ...]``.

Execs the real server, so that nothing of floodmark runs around it. Both backends use it. Exit codes: 2 for wrong
arguments, 3 if the server is not installed here, 4 if the command that prepares the app failed.
"""

from __future__ import annotations

import ctypes
import os
import shlex
import signal
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from target_apps import catalog
from target_apps.server import CatalogError, Place, Server, find_executable

ROOT = Path(__file__).resolve().parent.parent
APP = "target_apps.wsgi:app"
_PR_SET_PDEATHSIG = 1


def main(argv: Sequence[str] | None = None) -> int:
    arguments = list(sys.argv[1:] if argv is None else argv)
    try:
        if not arguments or arguments[0] in {"-h", "--help"}:
            print(_usage(), file=sys.stderr)
            return 0 if arguments else 2
        server = catalog.load(arguments[0])
        host, port, chosen = _options(server, arguments[1:])
        settings = server.resolve(chosen, "command line")
        reason = server.missing()
        if reason is not None:
            print(f"serve: {server.name} is unavailable: {reason}; {server.fix}", file=sys.stderr)
            return 3
        place = Place(host=host, port=port, app=APP, root=ROOT, scratch=_scratch())
        command = server.known_options(server.argv(settings, place))
        own = catalog.own_folder()
    except CatalogError as error:
        print(f"serve: {error}", file=sys.stderr)
        return 2
    os.chdir(ROOT)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGQUIT):
        # Shells start background jobs with these ignored, and exec inherits that: the stop signal would be ignored.
        signal.signal(number, signal.SIG_DFL)
    cpus = os.environ.get("FLOODMARK_CPUS")
    if cpus:
        os.sched_setaffinity(0, {int(cpu) for cpu in cpus.split(",")})
    parent = os.environ.get("FLOODMARK_DIE_WITH_PARENT")
    if parent:
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != int(parent):
            print("serve: the process that started this has ended", file=sys.stderr)
            return 1  # it ended before prctl, so no signal will come
    folders = [str(folder) for folder in (ROOT, own) if folder is not None]
    environment = {
        **os.environ,
        **server.variables(settings, place),
        "FLOODMARK_SERVER": server.name,
        "PYTHONUNBUFFERED": "1",
        "PYTHONPATH": _path(os.environ.get("FLOODMARK_APP_PACKAGES"), *folders, os.environ.get("PYTHONPATH")),
    }
    if own is not None:
        environment[catalog.OWN] = str(own)
    failed = _prepare(environment)
    if failed is not None:
        print(f"serve: {failed}", file=sys.stderr)
        return 4
    return os.execvpe(command[0], command, environment)


def _path(*folders: str | None) -> str:
    return os.pathsep.join(filter(None, folders))


def _prepare(environment: dict[str, str]) -> str | None:
    """Run the command that prepares the app, such as one that creates a database. Returns an error message, if any."""
    command, folder = os.environ.get("FLOODMARK_APP_PREPARE"), os.environ.get("FLOODMARK_APP_DIR")
    if not command:
        return None
    arguments = shlex.split(command)
    program = find_executable(str(Path(folder or "", arguments[0])) if "/" in arguments[0] else arguments[0])
    if program is None:
        return f"prepare = {command!r}: there is no program {arguments[0]!r}"
    path = _path(folder, environment["PYTHONPATH"])
    done = subprocess.run([program, *arguments[1:]], cwd=folder, env={**environment, "PYTHONPATH": path}, check=False)
    return f"prepare = {command!r} failed with exit code {done.returncode}" if done.returncode else None


def _scratch() -> Path:
    """A folder for the server's own files, which the backend removes."""
    return Path(os.environ.get("FLOODMARK_SCRATCH") or tempfile.gettempdir())


def _options(server: Server, arguments: Sequence[str]) -> tuple[str, int, dict[str, object]]:
    host, port = "127.0.0.1", 8000
    chosen: dict[str, object] = {}
    rest = iter(arguments)
    for argument in rest:
        name, equals, value = argument.removeprefix("--").replace("-", "_").partition("=")
        if not argument.startswith("--"):
            raise CatalogError(f"{argument!r}: options are --bind HOST:PORT and --SETTING VALUE")
        value = argument.partition("=")[2] if equals else next(rest, "")
        if not value:
            raise CatalogError(f"{argument} needs a value")
        if name == "bind":
            host, port = _bind(value)
        else:
            setting = server.settings.get(name)
            numeric = setting is not None and isinstance(setting.default, int)
            chosen[name] = int(value) if numeric and value.lstrip("-").isdecimal() else value
    return host, port, chosen


def _bind(value: str) -> tuple[str, int]:
    host, _, port = value.rpartition(":")
    if not host or not port.isdecimal() or not 0 < int(port) < 65536:
        raise CatalogError(f"--bind {value!r}: must be HOST:PORT with a port from 1 to 65535")
    return host, int(port)


def _usage() -> str:
    lines = [__doc__.strip().splitlines()[0] if __doc__ else "", "", "servers:"]
    for name in catalog.names():
        server = catalog.load(name)
        settings = " ".join(f"--{s.name.replace('_', '-')} {s.default}" for s in server.settings.values())
        lines.append(f"  {name:18} {server.title}  {settings}")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
