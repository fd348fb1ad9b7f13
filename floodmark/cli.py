"""The command line: parses arguments, runs a verb, and turns errors into exit codes."""

from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Sequence
from importlib import import_module
from types import FrameType
from typing import NoReturn

from rich.console import Console

from floodmark import __version__
from floodmark.errors import FloodmarkError, Interrupted, UsageError
from floodmark.report.failure import show_error

VERBS = {
    "run": "run",
    "plan": "plan",
    "resume": "resume",
    "compare": "compare",
    "nightly": "nightly",
    "history": "history",
    "concurrency": "concurrency",
    "hostile": "hostile",
    "sweep": "sweep",
    "up": "up",
    "down": "up",
    "ui": "ui",
    "verdict": "verdict",
    "report": "report",
    "list": "listing",
    "doctor": "doctor",
}
"""Each verb, and the module of floodmark.commands that implements it."""


class _Parser(argparse.ArgumentParser):
    """Reports wrong usage as UsageError, so that its message and exit code are like those of other errors."""

    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{message}\n{self.format_usage().strip()}")


def parser(verb: str | None = None) -> argparse.ArgumentParser:
    """The parser of all verbs, or of one only, which avoids the imports of the others."""
    top = _Parser(
        prog="floodmark",
        description="Finds where a Flask deployment saturates, as a confirmed interval, and what limits it.",
        epilog="exit codes: 0 done, 1 internal error, 2 usage or configuration, 3 target failed, "
        "4 no valid verdict, 5 threshold missed or regression found, 130 interrupted",
    )
    top.add_argument("--version", action="version", version=f"floodmark {__version__}")
    verbs = top.add_subparsers(dest="verb", metavar="VERB", required=True)
    modules = [VERBS[verb]] if verb in VERBS else dict.fromkeys(VERBS.values())
    for module in modules:
        import_module(f"floodmark.commands.{module}").add_to(verbs)
    return top


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code."""
    console = Console(stderr=True, soft_wrap=True)
    arguments = sys.argv[1:] if argv is None else argv
    try:
        options = parser(next(iter(arguments), None)).parse_args(arguments)
        _interrupt_on_signals()
        code: int = options.execute(options, console)
    except FloodmarkError as error:
        show_error(console, error)
        return error.exit_code
    except KeyboardInterrupt:
        return Interrupted.exit_code
    return code


def _interrupt_on_signals() -> None:
    """Make SIGINT, SIGTERM and SIGHUP raise Interrupted once. Further signals are ignored while everything stops."""

    def handle(number: int, _frame: FrameType | None) -> None:
        for name in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(name, signal.SIG_IGN)
        raise Interrupted(f"interrupted by {signal.Signals(number).name}; everything was stopped")

    for name in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(name, handle)


if __name__ == "__main__":
    sys.exit(main())
