"""Send a body of 64 kB that the app reads whole."""

from locust import task

from floodmark.load import LeanHttpUser, scenario_think_time

BODY = b"x" * 65536


class UploadUser(LeanHttpUser):
    wait_time = scenario_think_time

    @task
    def upload(self) -> None:
        self.client.post("/upload", BODY, expect=b"floodmark:upload 65536")
