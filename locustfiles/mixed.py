"""Wait for 20 ms, then compute for about 2 ms."""

from floodmark.load import HttpStep, ScenarioUser


class MixedUser(ScenarioUser):
    mixed = HttpStep("GET", "/mixed", expect=b"floodmark:mixed")
