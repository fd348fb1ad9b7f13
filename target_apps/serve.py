"""Start one server: ``python -m target_apps.serve NAME [--bind HOST:PORT] [--SETTING VALUE ...]``.

Execs the real server, so that what runs is the server and nothing of ours around it. Both backends use it.
Exit code 2: the request makes no sense; 3: the server is not installed here; 4: what prepares the app failed.
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
    words = list(sys.argv[1:] if argv is None else argv)
    try:
        if not words or words[0] in {"-h", "--help"}:
            print(_usage(), file=sys.stderr)
            return 0 if words else 2
        server = catalog.load(words[0])
        host, port, chosen = _options(server, words[1:])
        settings = server.resolve(chosen, "command line")
        reason = server.missing()
        if reason is not None:
            print(f"serve: {server.name} is unavailable: {reason}; {server.mend}", file=sys.stderr)
            return 3
        place = Place(host=host, port=port, app=APP, root=ROOT, scratch=_scratch())
        command = server.known_options(server.argv(settings, place))
        own = catalog.own_folder()
    except CatalogError as error:
        print(f"serve: {error}", file=sys.stderr)
        return 2
    os.chdir(ROOT)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGQUIT):
        # Shells start background jobs with these ignored, and exec hands that on: the stop would never arrive.
        signal.signal(number, signal.SIG_DFL)
    cpus = os.environ.get("FLOODMARK_CPUS")
    if cpus:
        os.sched_setaffinity(0, {int(cpu) for cpu in cpus.split(",")})
    parent = os.environ.get("FLOODMARK_DIE_WITH_PARENT")
    if parent:
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != int(parent):
            print("serve: whoever started this is gone", file=sys.stderr)
            return 1  # before the kernel was asked to tell
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
    """Run the app's own command that comes before the server, such as one that makes its database; what failed."""
    command, folder = os.environ.get("FLOODMARK_APP_PREPARE"), os.environ.get("FLOODMARK_APP_DIR")
    if not command:
        return None
    words = shlex.split(command)
    program = find_executable(str(Path(folder or "", words[0])) if "/" in words[0] else words[0])
    if program is None:
        return f"prepare = {command!r}: there is no program {words[0]!r}"
    path = _path(folder, environment["PYTHONPATH"])
    done = subprocess.run([program, *words[1:]], cwd=folder, env={**environment, "PYTHONPATH": path}, check=False)
    return f"prepare = {command!r} failed with exit code {done.returncode}" if done.returncode else None


def _scratch() -> Path:
    """A folder for the server's own files, which the backend clears away."""
    return Path(os.environ.get("FLOODMARK_SCRATCH") or tempfile.gettempdir())


def _options(server: Server, words: Sequence[str]) -> tuple[str, int, dict[str, object]]:
    host, port = "127.0.0.1", 8000
    chosen: dict[str, object] = {}
    rest = iter(words)
    for word in rest:
        name, equals, value = word.removeprefix("--").replace("-", "_").partition("=")
        if not word.startswith("--"):
            raise CatalogError(f"{word!r}: options are --bind HOST:PORT and --SETTING VALUE")
        value = word.partition("=")[2] if equals else next(rest, "")
        if not value:
            raise CatalogError(f"{word} needs a value")
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
