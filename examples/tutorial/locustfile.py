"""Readers, of whom some write: plain Locust, for `floodmark run --locustfile locustfile.py`."""

from locust import HttpUser, task


class Reader(HttpUser):
    def on_start(self) -> None:
        self.client.post("/auth/login", {"name": "reader", "password": "reader"}, name="log in")

    @task(20)
    def front_page(self) -> None:
        self.client.get("/")

    @task
    def write(self) -> None:
        self.client.post("/create", {"title": "Another", "body": "Said in passing."}, name="write")
