"""The least an app can do: what is left is the server."""

from locust import task

from floodmark.load import LeanHttpUser, scenario_think_time


class HelloUser(LeanHttpUser):
    wait_time = scenario_think_time

    @task
    def hello(self) -> None:
        self.client.get("/hello", expect=b"floodmark:hello")
