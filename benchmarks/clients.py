"""A locustfile for the benchmarks: one class per client, chosen by ``BENCHMARK_CLIENT``."""

import os

from locust import FastHttpUser, HttpUser, task

from floodmark.load import HttpStep, LeanHttpUser, StepHttpUser

CLIENT = os.environ.get("BENCHMARK_CLIENT", "step")

if CLIENT == "step":

    class StepNull(StepHttpUser):
        null = HttpStep("GET", "/")

elif CLIENT == "lean":

    class LeanNull(LeanHttpUser):
        @task
        def null(self) -> None:
            self.client.get("/")

elif CLIENT == "fast":

    class FastNull(FastHttpUser):
        @task
        def null(self) -> None:
            self.client.get("/")

else:

    class HttpNull(HttpUser):
        @task
        def null(self) -> None:
            self.client.get("/")
