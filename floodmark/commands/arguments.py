"""Options that several verbs share."""

from __future__ import annotations

import argparse
from pathlib import Path

from floodmark.errors import UsageError
from floodmark.targets.target import BACKENDS
from target_apps.serve import ROOT

RESULTS = "results"
DEFAULT_BIND = "127.0.0.1:8000"

APP_OPTIONS = (
    ("--app", "MODULE:CALLABLE", "a WSGI app, or a factory such as shop:create_app"),
    ("--app-dir", "DIR", "the folder of its modules, also its working directory (default: this folder)"),
    ("--path", "/PATH", "the path to request (default /)"),
    ("--marker", "TEXT", "what a good answer must contain"),
    ("--locustfile", "FILE", "your own load instead of --path"),
    ("--requirements", "FILE", "packages it needs (default: requirements.txt in --app-dir, if it exists)"),
)


def add_target(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--backend", default="auto", choices=BACKENDS, help="where targets run (default: auto)")
    parser.add_argument("--bind", default=DEFAULT_BIND, metavar="HOST:PORT", help=f"default {DEFAULT_BIND}")


def add_scenario(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--workload", metavar="NAME", help="instead of the scenario's own workload")
    parser.add_argument(
        "--set",
        dest="overrides",
        action="append",
        default=[],
        metavar="SECTION.KEY=VALUE",
        help="change one setting",
    )
    parser.add_argument("--quick", action="store_true", help="the same search on a smaller budget")
    parser.add_argument("--repeat", type=int, default=1, metavar="K", help="runs per scenario, each freshly started")
    parser.add_argument("--seed", type=int, default=1, metavar="N", help="seed of everything random (default 1)")


def add_results(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--results",
        type=_folder,
        default=default_results(),
        metavar="DIR",
        help="default: results/ in this folder, or inside floodmark's checkout, that of the checkout",
    )


def default_results() -> Path:
    """The results folder of the checkout inside it, else of the working directory."""
    here = Path.cwd()
    return (ROOT if here.is_relative_to(ROOT) and (ROOT / "pyproject.toml").is_file() else here) / RESULTS


def _folder(text: str) -> Path:
    return Path(text).resolve()


def add_app(parser: argparse.ArgumentParser) -> None:
    """Add the options for the user's own app, which can also be described in floodmark.toml."""
    group = parser.add_argument_group(
        "your own app", "instead of scenarios; without these options, floodmark.toml in this folder is used"
    )
    for option, metavar, text in APP_OPTIONS:
        group.add_argument(option, metavar=metavar, help=text)
    group.add_argument(
        "--server",
        dest="servers",
        action="append",
        metavar="NAME",
        help="the server in front of it, optionally with settings: uwsgi:workers=4; can be repeated",
    )


def parse_bind(text: str) -> tuple[str, int]:
    """Parse ``HOST:PORT``. Raises UsageError."""
    host, _, port = text.rpartition(":")
    if not host or not port.isdecimal() or not 0 < int(port) < 65536:
        raise UsageError(f"--bind {text!r}: must be HOST:PORT with a port from 1 to 65535")
    return host, int(port)


def at_least_one(value: int, name: str) -> int:
    if value < 1:
        raise UsageError(f"{name} {value}: must be at least 1")
    return value
