"""Wait 20 ms, then compute for about 2 ms."""

from locust import task

from floodmark.load import LeanHttpUser, scenario_think_time


class MixedUser(LeanHttpUser):
    wait_time = scenario_think_time

    @task
    def mixed(self) -> None:
        self.client.get("/mixed", expect=b"floodmark:mixed")
