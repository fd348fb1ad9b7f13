"""Compute for a fixed number of iterations, about 5 ms: CPU and the GIL are the limit."""

from locust import task

from floodmark.load import LeanHttpUser, scenario_think_time


class CpuUser(LeanHttpUser):
    wait_time = scenario_think_time

    @task
    def cpu(self) -> None:
        self.client.get("/cpu", expect=b"floodmark:cpu")
