"""Wait for 50 ms, as for a database. Slots are the limit."""

# ruff: noqa: E402

# Locust registers a locustfile in sys.modules under its file's name. Give the standard library's io its own back.
import subprocess
import sys

sys.modules["io"] = subprocess.io  # type: ignore[attr-defined]

from floodmark.load import HttpStep, ScenarioUser


class IoUser(ScenarioUser):
    io = HttpStep("GET", "/io", expect=b"floodmark:io")
