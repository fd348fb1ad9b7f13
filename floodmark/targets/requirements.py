"""Installs the packages of the user's app into a folder at the front of its path, once per requirements content.

With Compose, the folder is in an image derived from ours. The servers themselves remain floodmark's own.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from floodmark.errors import TargetError, UsageError
from floodmark.targets import servers
from floodmark.targets.logs import tail

INSTALL_TIMEOUT_S = 900
FILE, CONSTRAINTS = "requirements.txt", "constraints.txt"
INSIDE = "/opt/app-packages"
_INCLUDE = re.compile(r"(?:-r|--requirement)(?:\s+|=)(\S+)|-r(\S+)")
_CONSTRAIN = re.compile(r"(?:-c|--constraint)(?:\s+|=)(\S+)|-c(\S+)")
_LOCAL = re.compile(r"(?:-e|--editable)\b|[./]|file:|\S+\s*@\s*file:")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
# Server packages that apps may require, too.
_SHARED = {"flask", "werkzeug", "gevent"}

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Requirements:
    """The packages to install."""

    source: Path
    lines: tuple[str, ...]
    constraints: tuple[str, ...]
    left_out: tuple[str, ...]
    """Servers that the file lists but that floodmark chooses."""

    def write(self, folder: Path) -> list[str]:
        """Write the files for pip. Returns the arguments that refer to them."""
        arguments = ["-r", FILE]
        (folder / FILE).write_text("\n".join(self.lines) + "\n", encoding="utf-8")
        if self.constraints:
            (folder / CONSTRAINTS).write_text("\n".join(self.constraints) + "\n", encoding="utf-8")
            arguments += ["-c", CONSTRAINTS]
        return arguments

    def digest(self, *facts: str) -> str:
        """A hash of the content and ``facts``."""
        text = "\0".join([*facts, *self.lines, "", *self.constraints])
        return hashlib.sha256(text.encode()).hexdigest()[:12]


def read(path: Path) -> Requirements | None:
    """Read a requirements file and those it includes; None if they require nothing. Raises UsageError."""
    servers = _server_packages()
    lines, constraints, left_out = [], [], []
    for where, line in _lines(path, ()):
        constrain = _CONSTRAIN.match(line)
        if constrain is not None:
            constraints += [text for _, text in _lines(where.parent / (constrain[1] or constrain[2]), ())]
            continue
        if _LOCAL.match(line):
            raise UsageError(
                f"{where}: {line!r}: a path on this machine cannot be installed for the app; whatever is in the app's "
                "folder is found without it. Remove the line, or choose another file with --requirements"
            )
        name = _NAME.match(line)
        if name is not None and _plain(name[0]) in servers:
            left_out.append(name[0])
            continue
        lines.append(line)
    if not any(not line.startswith("-") for line in lines):
        return None
    return Requirements(
        source=path, lines=tuple(lines), constraints=tuple(constraints), left_out=tuple(dict.fromkeys(left_out))
    )


def _lines(path: Path, including: tuple[Path, ...]) -> Iterator[tuple[Path, str]]:
    """Yield logical lines with their files, joining continuations and following includes."""
    path = path.resolve()
    if path in including:
        raise UsageError(f"{path}: includes itself")
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"cannot read requirements {path}: {error}") from error
    for raw in text.replace("\\\n", " ").splitlines():
        line = re.sub(r"(^|\s)#.*", "", raw).strip()
        include = _INCLUDE.match(line)
        if include is not None:
            yield from _lines(path.parent / (include[1] or include[2]), (*including, path))
        elif line:
            yield path, " ".join(line.split())


def _server_packages() -> set[str]:
    names: set[str] = set()
    for name in servers.names():
        names |= {_plain(part) for part in servers.find(name).distribution.split("|")}
    return names - _SHARED


def _plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def install(wanted: Requirements, cache: Path, say: Say) -> Path:
    """The folder with the packages for this interpreter, installed unless cached. Raises TargetError."""
    version = f"{sys.implementation.cache_tag} {sysconfig.get_platform()}"
    place = cache / f"packages-{wanted.digest(version)}"
    if place.is_dir():
        return place
    _announce(wanted, say)
    cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="installing-", dir=cache) as scratch:
        folder = Path(scratch)
        command = [*_pip(), "install", "--target", "packages", *wanted.write(folder)]
        _run(command, folder, f"the packages of {wanted.source} cannot be installed")
        try:
            (folder / "packages").rename(place)
        except OSError:
            if not place.is_dir():  # unless another floodmark was faster
                raise
    return place


def _pip() -> list[str]:
    if importlib.util.find_spec("pip") is not None:
        return [sys.executable, "-m", "pip", "--disable-pip-version-check", "--no-input"]
    if shutil.which("uv") is not None:
        return ["uv", "pip", "--python", sys.executable]
    raise TargetError(f"the app's requirements need pip; install it with {sys.executable} -m ensurepip")


def build_image(wanted: Requirements, base: str, exists: Callable[[str], bool], say: Say) -> str:
    """The tag of an image with the packages on top of ``base``, built unless it exists. Raises TargetError."""
    tag = f"floodmark-app:{wanted.digest(base)}"
    if exists(tag):
        return tag
    _announce(wanted, say)
    with tempfile.TemporaryDirectory(prefix="floodmark-build-") as scratch:
        folder = Path(scratch)
        arguments = " ".join(wanted.write(folder))
        (folder / "Dockerfile").write_text(
            f"FROM {base}\nUSER root\nCOPY *.txt /tmp/app/\n"
            f"RUN cd /tmp/app && pip install --no-cache-dir --target {INSIDE} {arguments} && rm -rf /tmp/app\n"
            "USER 65534:65534\n",
            encoding="utf-8",
        )
        command = ["docker", "build", "--network", "host", "--tag", tag, "."]
        _run(command, folder, f"the packages of {wanted.source} cannot be installed into an image")
    return tag


def _announce(wanted: Requirements, say: Say) -> None:
    if wanted.left_out:
        say(f"{wanted.source}: ignoring {', '.join(wanted.left_out)}, because floodmark brings its own servers")
    say(f"installing the packages of {wanted.source} (up to a few minutes, once for this content)")


def _run(command: Sequence[str], folder: Path, failure: str) -> None:
    log = folder / "install.log"
    with log.open("wb") as file:
        process = subprocess.Popen(
            command, cwd=folder, env=os.environ, stdin=subprocess.DEVNULL, stdout=file, stderr=subprocess.STDOUT
        )
        try:
            code: int | None = process.wait(INSTALL_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            code = None
        finally:
            if process.poll() is None:
                process.terminate()
                process.wait()
    if code is None:
        raise TargetError(f"{failure}: it took longer than {INSTALL_TIMEOUT_S} s", log=tail(log))
    if code:
        raise TargetError(f"{failure} (exit code {code})", log=tail(log))
