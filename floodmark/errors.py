"""The error family of floodmark. Each error has an exit code, and its message says what to do next."""

from __future__ import annotations

from typing import ClassVar


class FloodmarkError(Exception):
    """The base of all errors that floodmark raises on purpose."""

    exit_code: ClassVar[int] = 1


class UsageError(FloodmarkError):
    """A command, scenario, file or setting that cannot be used."""

    exit_code = 2


class TargetError(FloodmarkError):
    """The target did not start, does not run as declared, or died.

    ``log`` holds the last lines of its log, if there is one.
    """

    exit_code = 3

    def __init__(self, message: str, *, log: str = "") -> None:
        super().__init__(message)
        self.log = log


class OutOfMemory(TargetError):  # noqa: N818 - as the kernel calls it
    """The kernel killed processes of the target for lack of memory."""


class NoVerdict(FloodmarkError):  # noqa: N818 - an outcome, not a fault
    """The measurement ended without a number that can be quoted."""

    exit_code = 4


class ThresholdMissed(FloodmarkError):  # noqa: N818
    """A gate (--fail-under) was not reached, or a regression was found."""

    exit_code = 5


class Interrupted(FloodmarkError):  # noqa: N818
    """Ctrl-C or SIGTERM: everything has been stopped, and what was measured is kept."""

    exit_code = 130
