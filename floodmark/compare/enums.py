"""The enumerations of comparisons and nights. Their values are what the files contain."""

from __future__ import annotations

from enum import StrEnum


class Finding(StrEnum):
    """The verdict of a night on one metric of a setup."""

    FINE = "fine"
    ALARM = "alarm"
    """Outside what the history allows, and not yet measured again."""
    REGRESSION = "regression"
    IMPROVEMENT = "improvement"
    PLATFORM = "platform change"
    """The reference changed, and so did everything that depends on the machine."""
    YOUNG = "too few nights"
    NO_VERDICT = "no verdict"


class Role(StrEnum):
    """Why a setup is part of a night."""

    SETUP = "setup"
    """To be watched."""
    REFERENCE = "reference"
    """Frozen, to show changes of the machine."""
    TWIN = "twin"
    """The same as another setup, to measure the rate of false alarms."""
