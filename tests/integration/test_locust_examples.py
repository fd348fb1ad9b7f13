"""What stands for Locust's own examples, run as they are but for the class: every feature that they show works."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
import urllib.request
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from target_apps.serve import ROOT
from tests.support.processes import free_port, python_server

USERS = 5
HEADER = "from floodmark.load import LeanHttpUser as HttpUser\n"


@dataclass(frozen=True)
class Site:
    url: str

    def counts(self) -> dict[str, int]:
        with urllib.request.urlopen(f"{self.url}/counts", timeout=5) as answer:
            found: dict[str, int] = json.load(answer)
        return found


@pytest.fixture
def site() -> Iterator[Site]:
    port = free_port()
    with python_server("tests.support.site", port, "first"):
        yield Site(f"http://127.0.0.1:{port}")


@pytest.fixture
def other_site() -> Iterator[Site]:
    port = free_port()
    with python_server("tests.support.site", port, "second"):
        yield Site(f"http://127.0.0.1:{port}")


@dataclass(frozen=True)
class Run:
    """requests: by name, as Locust has them in the end."""

    requests: dict[str, int]
    output: str

    def agrees_with(self, *sites: Site) -> bool:
        """Whether the servers counted the same, but for at most one request of each user.

        Locust kills a user that waits, even when it has woken up meanwhile and sent its next request.
        """
        seen = Counter[str]()
        for site in sites:
            seen.update(site.counts())
        lost = seen - Counter(self.requests)
        return not Counter(self.requests) - seen and lost.total() <= USERS


def run(folder: Path, source: str, *words: str, seconds: str = "2s", **environment: str) -> Run:
    """Run a locustfile without a head; it must end well, and without a failure."""
    locustfile = folder / "example.py"
    locustfile.write_text(HEADER + source)
    done = subprocess.run(
        [
            *(sys.executable, "-m", "locust", "-f", str(locustfile), "--headless", "-t", seconds),
            *("-u", str(USERS), "-r", str(USERS)),
            *("--stop-timeout", "10", "--csv", str(folder / "out"), "--json-file", str(folder / "out"), *words),
        ],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )
    output = done.stdout + done.stderr
    assert done.returncode == 0, output
    assert "Traceback" not in output, output
    with (folder / "out_stats.csv").open() as file:
        rows = list(csv.DictReader(file))
    written = {row["Name"]: int(row["Request Count"]) for row in rows}
    assert written.pop("Aggregated") == sum(written.values()) > 0, output
    assert [row["Name"] for row in rows if row["Failure Count"] != "0"] == [], output
    entries = json.loads((folder / "out.json").read_text())
    assert [entry for entry in entries if entry["num_failures"]] == []
    requests = {entry["name"]: entry["num_requests"] for entry in entries}
    # Locust writes the CSV once a second and not at the end.
    assert all(count <= requests[name] for name, count in written.items())
    return Run(requests, output)


BASIC = """
from locust import TaskSet, between, task

def front(user):
    user.client.get("/")

def numbers(user):
    user.client.get("/stats/requests")

class Browsing(TaskSet):
    tasks = [front, numbers]

    @task
    def about(self):
        self.client.get("/about")

class Visitor(HttpUser):
    host = "http://127.0.0.1:1"
    wait_time = between(0.02, 0.05)
    tasks = [Browsing]
"""


def test_basic_and_what_the_server_counted(tmp_path: Path, site: Site) -> None:
    done = run(tmp_path, BASIC, "-H", site.url, seconds="3s")
    assert set(done.requests) == {"/", "/stats/requests", "/about"}
    assert done.agrees_with(site)


def test_several_processes(tmp_path: Path, site: Site) -> None:
    done = run(tmp_path, BASIC, "-H", site.url, "--processes", "2", seconds="3s")
    assert done.agrees_with(site)


QUICKSTART = """
import time
from locust import constant, tag, task

class Customer(HttpUser):
    wait_time = constant(0.02)

    def on_start(self):
        self.client.post("/login", json={"username": "foo", "password": "bar"})

    @tag("pages")
    @task
    def pages(self):
        self.client.get("/hello")
        self.client.get("/world")

    @tag("items")
    @task(3)
    def items(self):
        for number in range(3):
            self.client.get(f"/item?id={number}", name="/item")
            time.sleep(0.01)

    def on_stop(self):
        self.client.get("/logout")
"""


def test_weights_names_and_what_users_do_first_and_last(tmp_path: Path, site: Site) -> None:
    done = run(tmp_path, QUICKSTART, "-H", site.url)
    assert set(done.requests) == {"/login", "/hello", "/world", "/item", "/logout"}
    assert done.requests["/login"] == done.requests["/logout"] == 5
    assert done.requests["/hello"] == done.requests["/world"] < done.requests["/item"]
    assert done.agrees_with(site)


def test_tags(tmp_path: Path, site: Site) -> None:
    done = run(tmp_path, QUICKSTART, "-H", site.url, "--tags", "items")
    assert set(done.requests) == {"/login", "/item", "/logout"}
    assert done.agrees_with(site)


CREDENTIALS = """
from locust import TaskSet, constant, task

PEOPLE = [(f"user{number}", "secret") for number in range(5)]

class Member(TaskSet):
    def on_start(self):
        name, password = PEOPLE.pop()
        self.client.post("/login", {"username": name, "password": password})
        assert self.client.cookies["session"] == name

    @task
    def read(self):
        self.client.get("/protected/resource")

class MemberUser(HttpUser):
    tasks = [Member]
    wait_time = constant(0.05)
"""


def test_a_login_whose_cookie_opens_what_is_protected(tmp_path: Path, site: Site) -> None:
    done = run(tmp_path, CREDENTIALS, "-H", site.url)
    assert done.requests["/login"] == 5
    assert done.agrees_with(site)


SEQUENCES = """
from locust import SequentialTaskSet, TaskSet, constant, task

class Reader(HttpUser):
    wait_time = constant(0.02)

    @task
    class Reading(SequentialTaskSet):
        def on_start(self):
            self.links = None

        @task
        def contents(self):
            page = self.client.get("/contents")
            assert page.text == "first /contents" and page.ok and page.headers["content-length"] == "15"
            self.links = ["/chapter", f"{self.user.host}/chapter"]

        @task
        def chapter(self):
            for link in self.links:
                self.client.get(link, name="/chapter")

        @task
        class Notes(TaskSet):
            @task(2)
            def note(self):
                self.client.get("/note", params={"page": "1"}, name="/note")

            @task
            def leave(self):
                self.interrupt()
"""


def test_sequences_and_nested_task_sets(tmp_path: Path, site: Site) -> None:
    done = run(tmp_path, SEQUENCES, "-H", site.url)
    assert set(done.requests) == {"/contents", "/chapter", "/note"}
    assert done.requests["/chapter"] <= 2 * done.requests["/contents"]
    assert done.agrees_with(site)


CAUGHT = """
from locust import constant, task

class Careful(HttpUser):
    wait_time = constant(0.02)

    @task
    def page(self):
        with self.client.get("/page", catch_response=True) as response:
            if response.text != "first /page":
                response.failure("got the wrong answer")
            elif response.elapsed.total_seconds() > 30:
                response.failure("took too long")

    @task
    def missing(self):
        with self.client.get("/missing/page", catch_response=True) as response:
            if response.status_code == 404:
                response.success()

    @task
    def login(self):
        with self.client.post("/login", json={"username": "foo"}, catch_response=True, context={"a": 1}) as response:
            try:
                if response.json()["message"] != "Welcome foo!":
                    response.failure("no welcome")
            except (ValueError, KeyError):
                response.failure("no message")
"""


def test_answers_that_are_judged_by_the_user(tmp_path: Path, site: Site) -> None:
    done = run(tmp_path, CAUGHT, "-H", site.url)
    assert set(done.requests) == {"/page", "/missing/page", "/login"}
    assert done.agrees_with(site)


WAITS = """
import random
from locust import TaskSet, constant_pacing, constant_throughput, task

class Front(TaskSet):
    @task
    def front(self):
        self.client.get(f"/{type(self.user).__name__}")

def strictly_between(least, most):
    while True:
        seconds = least + random.expovariate(1) * (most - least) / 6
        if seconds < most:
            return seconds

class Exponential(HttpUser):
    wait_time = lambda self: random.expovariate(20)
    tasks = [Front]

class Strict(HttpUser):
    wait_time = lambda self: strictly_between(0.03, 0.07)
    tasks = [Front]

class Paced(HttpUser):
    wait_time = constant_pacing(0.2)
    tasks = [Front]

class Throughput(HttpUser):
    weight = 2
    wait_time = constant_throughput(5)
    tasks = [Front]
"""


def test_wait_times_of_every_kind(tmp_path: Path, site: Site) -> None:
    done = run(tmp_path, WAITS, "-H", site.url)
    assert set(done.requests) == {"/Exponential", "/Strict", "/Paced", "/Throughput"}
    assert done.requests["/Paced"] < 40  # one user, one task in 0.2 s, for 2 s; without a pace it would be hundreds
    assert done.requests["/Throughput"] < 80
    assert done.agrees_with(site)


SHAPES = {
    "steps": """
from locust import LoadTestShape, TaskSet, constant, task

class Front(TaskSet):
    @task
    def front(self):
        self.client.get("/")

class Visitor(HttpUser):
    wait_time = constant(0.05)
    tasks = [Front]

class Steps(LoadTestShape):
    step_time, step_load, time_limit = 1, 3, 3

    def tick(self):
        seconds = self.get_run_time()
        if seconds > self.time_limit:
            return None
        return (int(seconds // self.step_time) + 1) * self.step_load, 10
""",
    "stages": """
from locust import LoadTestShape, constant, task

class A(HttpUser):
    wait_time = constant(0.05)

    @task
    def page(self):
        self.client.get("/a")

class B(A):
    @task
    def page(self):
        self.client.get("/b")

class Stages(LoadTestShape):
    stages = [
        {"duration": 1, "users": 3, "spawn_rate": 10, "user_classes": [A]},
        {"duration": 2, "users": 6, "spawn_rate": 10, "user_classes": [B]},
        {"duration": 3, "users": 2, "spawn_rate": 10},
    ]

    def tick(self):
        for stage in self.stages:
            if self.get_run_time() < stage["duration"]:
                return tuple(stage[key] for key in ("users", "spawn_rate", "user_classes") if key in stage)
        return None
""",
    "waiting for users": """
import time
from locust import LoadTestShape, constant, task

class Slow(HttpUser):
    wait_time = constant(0.05)

    def __init__(self, *args, **kwargs):
        time.sleep(0.2)
        super().__init__(*args, **kwargs)

    @task
    def front(self):
        self.client.get("/")

class WhenThere(LoadTestShape):
    def __init__(self, *args, **kwargs):
        self.targets, self.since = [4, 2], None
        super().__init__(*args, **kwargs)

    def tick(self):
        if not self.targets:
            return None
        users = self.targets[0]
        if self.get_current_user_count() == users:
            if self.since is None:
                self.reset_time()
                self.since = users
            if self.get_run_time() > 1:
                self.targets.pop(0)
                self.since = None
        return users, 100
""",
}


@pytest.mark.parametrize("shape", SHAPES.values(), ids=list(SHAPES))
def test_custom_shapes(tmp_path: Path, site: Site, shape: str) -> None:
    done = run(tmp_path, shape, "-H", site.url, seconds="60s")
    assert "Shape test stopping" in done.output
    assert set(done.requests) == set(site.counts())


HOSTS = """
import os
from locust import TaskSet, constant, task
from locust.clients import HttpSession
from floodmark.load.client import LeanClient

class WithSecondHost(HttpUser):
    abstract = True

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.api = HttpSession(base_url=os.environ["OTHER"], request_event=self.client.request_event, user=self)
        self.lean_api = LeanClient(self.environment, os.environ["OTHER"], self)

class Both(TaskSet):
    @task
    def here(self):
        assert self.user.client.get("/here").text == "first /here"

    @task
    def there(self):
        assert self.user.api.get("/there").text == "second /there"
        assert self.user.lean_api.get("/lean").text == "second /lean"

class Visitor(WithSecondHost):
    host = os.environ["ONE"]
    wait_time = constant(0.05)
    tasks = [Both]

class Elsewhere(HttpUser):
    host = os.environ["OTHER"]
    wait_time = constant(0.05)

    @task
    def there(self):
        assert self.client.get("/own").text == "second /own"
"""


def test_several_hosts(tmp_path: Path, site: Site, other_site: Site) -> None:
    done = run(tmp_path, HOSTS, ONE=site.url, OTHER=other_site.url)
    assert site.counts().keys() == {"/here"}
    assert done.agrees_with(site, other_site)


EVENTS = """
from locust import events, task
from locust.exception import RescheduleTask
from gevent.lock import Semaphore

everybody = Semaphore()
everybody.acquire()
bytes_read = 0

@events.init_command_line_parser.add_listener
def options(parser):
    parser.add_argument("--greeting", default="none")

@events.spawning_complete.add_listener
def spawned(**_):
    everybody.release()

@events.request.add_listener
def requested(request_type, name, response_time, response_length, exception, context, response, start_time, url, **_):
    global bytes_read
    bytes_read += response_length
    assert context == {"who": "me"} and response.status_code == 200 and url.startswith("http")
    if name == "/leave":
        raise RescheduleTask

@events.test_stop.add_listener
def stopped(environment, **_):
    print(f"{environment.parsed_options.greeting} after {bytes_read} bytes")

class Visitor(HttpUser):
    wait_time = lambda self: 0.05

    def __init__(self, environment):
        super().__init__(environment)
        self.client.headers["X-Forwarded-For"] = "10.10.0.1"

    def context(self):
        return {"who": "me"}

    def on_start(self):
        everybody.wait()

    @task
    def echo(self):
        assert self.client.get("/echo").json()["X-Forwarded-For"] == "10.10.0.1"
        self.client.get("/leave")
        self.client.get("/never")
"""


def test_events_options_and_headers(tmp_path: Path, site: Site) -> None:
    done = run(tmp_path, EVENTS, "-H", site.url, "--greeting", "hello")
    assert set(done.requests) == {"/echo", "/leave"}
    assert done.agrees_with(site)
    assert "hello after " in done.output
