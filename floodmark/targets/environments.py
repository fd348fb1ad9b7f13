"""Virtual environments with other versions of a server, cached by their content."""

from __future__ import annotations

import hashlib
import platform
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from floodmark.data_files import SHARE
from floodmark.errors import TargetError
from floodmark.results.cache import cache_folder

LOCK = SHARE / "target_apps" / "requirements.lock"
BASE = ("flask",)
"""Packages that the app itself needs."""
PIP_TIMEOUT_S = 600.0
_PIN = re.compile(r"^([A-Za-z0-9._-]+)==(\S+)", re.MULTILINE)
_NAME = re.compile(r"^[A-Za-z0-9._-]+")

Say = Callable[[str], object]


def interpreter(packages: Sequence[str], say: Say) -> Path:
    """The Python of an environment with ``packages``, created unless cached. Raises TargetError."""
    folder = cache_folder() / "environments" / _key(packages)
    python = folder / "bin" / "python"
    done = folder / "complete"
    if done.is_file():
        return python
    say(f"creating an environment with {', '.join(packages)} (about half a minute, once)")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    constraints = folder / "constraints.txt"
    constraints.write_text("\n".join(_constraints(packages)) + "\n", encoding="utf-8")
    log = folder / "pip.log"
    pip = [str(python), "-m", "pip", "install", "--disable-pip-version-check", "--quiet", "--constraint"]
    with log.open("wb") as file:
        for command in ([sys.executable, "-m", "venv", str(folder)], [*pip, str(constraints), *BASE, *packages]):
            try:
                finished = subprocess.run(
                    command,
                    stdin=subprocess.DEVNULL,
                    stdout=file,
                    stderr=subprocess.STDOUT,
                    timeout=PIP_TIMEOUT_S,
                    check=False,
                )
            except subprocess.TimeoutExpired as error:
                raise TargetError(
                    f"packages {', '.join(packages)}: pip took more than {PIP_TIMEOUT_S:.0f} s"
                ) from error
            if finished.returncode:
                raise TargetError(
                    f"packages {', '.join(packages)} could not be installed",
                    log=log.read_text(encoding="utf-8", errors="replace")[-2000:],
                )
    done.touch()
    return python


def _key(packages: Sequence[str]) -> str:
    """A hash of the packages, their constraints and this Python."""
    content = "\n".join([*sorted(packages), *_constraints(packages), sys.executable, platform.python_version()])
    return hashlib.sha256(content.encode()).hexdigest()[:16]


def _constraints(packages: Sequence[str]) -> list[str]:
    """Pins of all other packages to the lock file, so that environments differ by ``packages`` only."""
    wanted = {_plain(match[0]) for text in packages if (match := _NAME.match(text))}
    pins = _PIN.findall(LOCK.read_text(encoding="utf-8"))
    return [f"{name}=={version}" for name, version in pins if _plain(name) not in wanted]


def _plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
