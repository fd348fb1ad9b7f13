"""An answer in 32 chunks of 1 kB."""

from locust import task

from floodmark.load import LeanHttpUser, scenario_think_time


class StreamUser(LeanHttpUser):
    wait_time = scenario_think_time

    @task
    def stream(self) -> None:
        self.client.get("/stream", expect=b"floodmark:stream")
