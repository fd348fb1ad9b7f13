"""Wait 50 ms, as for a database: slots are the limit."""

from locust import task

from floodmark.load import LeanHttpUser, scenario_think_time


class IoUser(LeanHttpUser):
    wait_time = scenario_think_time

    @task
    def io(self) -> None:
        self.client.get("/io", expect=b"floodmark:io")
