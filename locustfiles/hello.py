"""The least that an app can do, so that only the server counts."""

from floodmark.load import HttpStep, ScenarioUser


class HelloUser(ScenarioUser):
    hello = HttpStep("GET", "/hello", expect=b"floodmark:hello")
