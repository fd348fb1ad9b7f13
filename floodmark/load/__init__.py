"""Everything that runs inside Locust. Importing this makes ``--ramp`` available to a locustfile."""

# ruff: noqa: I001

# Locust patches the standard library when imported: first, before anything that opens sockets.
import locust as _locust  # noqa: F401

from typing import TYPE_CHECKING

from floodmark.load import plugin as _plugin  # noqa: F401
from floodmark.load.http_step import HttpStep
from floodmark.load.user import LeanHttpUser, StepHttpUser, scenario_think_time, scenario_user

__all__ = ["HttpStep", "LeanHttpUser", "ScenarioUser", "StepHttpUser", "scenario_think_time"]

if TYPE_CHECKING:
    from floodmark.load.user import StepHttpUser as ScenarioUser
else:
    ScenarioUser = scenario_user()
"""What this project's own locustfiles derive from: think time and client come from the scenario."""
