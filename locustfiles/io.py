"""Wait for 50 ms, as for a database. Slots are the limit."""

from floodmark.load import HttpStep, ScenarioUser


class IoUser(ScenarioUser):
    io = HttpStep("GET", "/io", expect=b"floodmark:io")
