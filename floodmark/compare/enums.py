"""The words a comparison may use. Each stands in the files as written here."""

from __future__ import annotations

from enum import StrEnum


class Finding(StrEnum):
    """What a night says of one metric of one setup.

    ALARM: outside what its history allows, and not yet measured again. PLATFORM: the reference moved, and with it
    everything that depends on the machine.
    """

    FINE = "fine"
    ALARM = "alarm"
    REGRESSION = "regression"
    IMPROVEMENT = "improvement"
    PLATFORM = "platform change"
    YOUNG = "too few nights"
    NO_VERDICT = "no verdict"


class Role(StrEnum):
    """Why a setup is in a night: to be watched, to show what the machine did, or as the same setup twice."""

    SETUP = "setup"
    REFERENCE = "reference"
    TWIN = "twin"
