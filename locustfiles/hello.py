"""The least an app can do: what is left is the server."""

from floodmark.load import HttpStep, ScenarioUser


class HelloUser(ScenarioUser):
    hello = HttpStep("GET", "/hello", expect=b"floodmark:hello")
