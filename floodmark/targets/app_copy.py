"""Copies the user's own app for each start, so that a run does not change the user's folder."""

from __future__ import annotations

import fnmatch
import hashlib
import json
import os
import re
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from floodmark.errors import TargetError, UsageError
from floodmark.results.record import PROVENANCE
from floodmark.targets.logs import LINES
from floodmark.targets.user_app import OwnApp
from target_apps.reference import IMPORTING, LOOKS

COPY = "app"
INSIDE = "/app"
ADDITION = "compose-app.json"
MAX_BYTES = 512 * 1024**2
MAX_FILES = 50_000
LEFT_OUT = (".git", ".hg", ".svn", ".venv", "venv", "node_modules", "__pycache__", ".tox", ".nox", ".*_cache", "*.pyc")
REPORT_S = 10.0
RAISED, HUNG = "Traceback (most recent", "Timeout ("
"""How the report of an exception begins, and that of a hanging import."""
_MISSING = re.compile(r"ModuleNotFoundError: No module named '([\w.]+)'")


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """Where the launcher finds the app."""

    dir: str
    packages: str | None
    """The folder of its packages, if it has its own."""
    report: str
    """The file for the report of a failed import."""

    def environment(self, app: OwnApp) -> dict[str, str]:
        """Environment variables for the launcher."""
        section = app.section
        return {
            "FLOODMARK_APP": section.module,
            "FLOODMARK_APP_DIR": self.dir,
            "FLOODMARK_APP_PACKAGES": self.packages or "",
            "FLOODMARK_APP_REPORT": self.report,
            "FLOODMARK_APP_PREPARE": section.prepare,
            "FLOODMARK_APP_START_S": str(section.start_timeout_s),
        }


def copy(app: OwnApp, folder: Path) -> Path:
    """Copy the app into ``folder``, without what does not belong to it. Raises UsageError if it is too large."""
    place = folder / COPY
    place.mkdir()
    for source in files(app):
        target = place / source.relative_to(app.dir)
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_symlink() and not source.resolve().is_relative_to(app.dir):
            target.symlink_to(source.resolve())
        else:
            shutil.copy2(source, target, follow_symlinks=False)
    return place


def write_addition(path: Path, app: OwnApp, placed: Placed, *, service: str, image: str, source: Path) -> None:
    """Write what a Compose service additionally needs for the app, as a second Compose file."""
    addition = {
        "image": image,
        # Compose would take a dollar sign for a variable.
        "environment": {name: text.replace("$", "$$") for name, text in placed.environment(app).items()},
        "volumes": [{"type": "bind", "source": str(source).replace("$", "$$"), "target": placed.dir}],
    }
    path.write_text(json.dumps({"services": {service: addition}}), encoding="utf-8")


def app_hash(app: OwnApp) -> str:
    """A hash of all files that are copied."""
    digest = hashlib.sha256()
    for path in files(app):
        digest.update(path.relative_to(app.dir).as_posix().encode() + b"\0")
        digest.update(str(path.readlink()).encode() if path.is_symlink() else path.read_bytes())
    return digest.hexdigest()[:16]


def files(app: OwnApp) -> Iterator[Path]:
    """The files and symbolic links of the app, in order. Raises UsageError."""
    count = size = 0
    for root, folders, names in os.walk(app.dir):
        here = Path(root)
        linked = [name for name in folders if (here / name).is_symlink()]
        folders[:] = sorted(name for name in folders if name not in linked and not _left_out(app, here / name))
        for name in sorted([*names, *linked]):
            path = here / name
            if _left_out(app, path) or not (path.is_symlink() or path.is_file()):
                continue
            count += 1
            size += path.lstat().st_size
            if count > MAX_FILES or size > MAX_BYTES:
                raise UsageError(
                    f"{app.dir} contains more than {MAX_FILES} files or {MAX_BYTES // 1024**2} MiB, which would be "
                    "copied for each start; set the app's folder with --app-dir, or leave some out with [app] exclude"
                )
            yield path


def _left_out(app: OwnApp, path: Path) -> bool:
    relative = path.relative_to(app.dir).as_posix()
    patterns = (*LEFT_OUT, *app.section.exclude)
    return (
        any(fnmatch.fnmatch(path.name, pattern) or fnmatch.fnmatch(relative, pattern) for pattern in patterns)
        or (path / PROVENANCE).is_file()  # a run of floodmark, perhaps the current one
        or (path / "pyvenv.cfg").is_file()
        or path.name == ".up"
    )


def explain(error: TargetError, app: OwnApp, report: Path, ended: Callable[[], str | None]) -> TargetError:
    """The error with what kept the app from starting, and the app's own traceback."""
    deadline = time.monotonic() + app.section.start_timeout_s / LOOKS + REPORT_S
    text = _read(report)
    # An import that hangs soon writes its stack to the report.
    while (text is None or _silent(text)) and text != "" and ended() is None and time.monotonic() < deadline:
        time.sleep(0.05)
        text = _read(report)
    if text is None or _silent(text):
        return error
    if text.rfind(HUNG) > text.rfind(RAISED):
        return TargetError(f"{error}: importing {app.section.module} takes too long; it hangs here:", log=_end(text))
    last = text.strip().splitlines()[-1].strip()
    return TargetError(f"{app.section.module} cannot be loaded: {last}{_fix(app, text)}", log=_end(text))


def _silent(text: str) -> bool:
    return not text.replace(IMPORTING, "").strip()


def _read(report: Path) -> str | None:
    """The report: None if it was not begun, empty if the app was imported."""
    try:
        return report.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None


def _end(text: str) -> str:
    """The last lines of the last traceback."""
    last = max(text.rfind(RAISED), text.rfind(HUNG), 0)
    return "\n".join(text[last:].splitlines()[-2 * LINES :])


def _fix(app: OwnApp, text: str) -> str:
    missing = _MISSING.findall(text)
    if not missing:
        return ""
    name = missing[-1].partition(".")[0]
    if name == app.section.label:
        return f"; there is no such module in {app.dir}, and none is installed: set its folder with --app-dir"
    file = app.requirements or app.dir / "requirements.txt"
    fix = f"list the package it comes from in {file}"
    return f"; {fix}" if app.requirements else f"; {fix}, or choose another file with --requirements"
