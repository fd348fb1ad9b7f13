"""Any URL: GET the path in FLOODMARK_PATH; any status below 400 is good."""

import os

from locust import task

from floodmark.load import LeanHttpUser, scenario_think_time

PATH = os.environ.get("FLOODMARK_PATH", "/")


class UrlUser(LeanHttpUser):
    wait_time = scenario_think_time

    @task
    def get(self) -> None:
        self.client.get(PATH)
