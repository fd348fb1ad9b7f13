"""Everything that runs inside Locust. Importing this makes ``--ramp`` available to a locustfile."""

# ruff: noqa: E402, I001

# Locust patches the standard library when imported: first, before anything that opens sockets.
import locust as _locust  # noqa: F401

# Locust puts a locustfile into sys.modules under its file's name, so locustfiles/io.py hides the standard
# library's io from every import that follows, and from the interpreter's own traceback printer.
import subprocess as _subprocess
import sys as _sys
from typing import TYPE_CHECKING

_sys.modules["io"] = _subprocess.io  # type: ignore[attr-defined]

from floodmark.load import plugin as _plugin  # noqa: F401
from floodmark.load.http_step import HttpStep
from floodmark.load.user import LeanHttpUser, StepHttpUser, scenario_think_time, scenario_user

__all__ = ["HttpStep", "LeanHttpUser", "ScenarioUser", "StepHttpUser", "scenario_think_time"]

if TYPE_CHECKING:
    from floodmark.load.user import StepHttpUser as ScenarioUser
else:
    ScenarioUser = scenario_user()
"""What this project's own locustfiles derive from: think time and client come from the scenario."""
