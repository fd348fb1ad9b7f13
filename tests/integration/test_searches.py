"""Whole closed-loop searches by the real load side, on targets whose ceiling is known: each must confirm it.

This is what fails when the load side loses its verdicts. A search that ends without one fails its test, unless the
figures of that very run show that the host was restless; and of those, one in a test run is all that is excused.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from floodmark.results.run import Run
from floodmark.verdict.enums import Bottleneck
from tests.support.apps import BURNT_S
from tests.support.processes import Command, free_port, slot_server
from tests.support.verdicts import must_have_found

pytestmark = pytest.mark.alone

WITHIN = 0.1
"""Of the truth. Other people's machines are busy; how near floodmark comes is for ``make known-answers`` to say."""
QUICK = ("--quick", "--set", "search.precision=0.05")
SLOTS, SERVICE_S = 4, 0.040


@contextlib.contextmanager
def slots() -> Iterator[str]:
    """A server of four slots of 40 ms: 100 answers a second, at any number of users from four on."""
    port = free_port()
    with slot_server(port, slots=SLOTS, ms=1000 * SERVICE_S):
        yield f"http://127.0.0.1:{port}/"


def search(results: Path, *words: str, code: int = 0, cwd: Path | None = None, **environment: str) -> Run:
    """``floodmark run`` to its end: the run, with a confirmed ceiling."""
    command = Command(["run", *words, *QUICK, "--results", str(results)], environment)
    if cwd is not None:
        command.cwd = cwd
    return must_have_found(command.run(150), results, code=code)


def must_be_near(run: Run, metric: str, truth: float) -> None:
    found = run.get(metric)
    assert found.value == pytest.approx(truth, rel=WITHIN)
    assert found.lo is not None
    assert found.hi is not None
    assert found.lo <= truth * (1 + WITHIN)
    assert found.hi >= truth * (1 - WITHIN)


def test_slots_behind_a_url_and_a_gate_below_which_the_whole_interval_lies(tmp_path: Path) -> None:
    with slots() as url:
        run = search(tmp_path, "--url", url, "--fail-under", "150", code=5)
    must_be_near(run, "ceiling_rps", SLOTS / SERVICE_S)
    must_be_near(run, "knee_inflight", SLOTS)
    must_be_near(run, "r0_ms", 1000 * SERVICE_S)
    assert run.number("overload_kept") == pytest.approx(1.0, rel=WITHIN)
    null_rps = run.record.generator.null_rps
    assert null_rps is not None
    assert null_rps > 5 * SLOTS / SERVICE_S
    assert run.record.target.external


def test_slots_whose_load_two_generators_share(tmp_path: Path) -> None:
    with slots() as url:
        run = search(tmp_path, "--url", url, "--generators", "2")
    must_be_near(run, "ceiling_rps", SLOTS / SERVICE_S)
    must_be_near(run, "knee_inflight", SLOTS)


def test_slots_under_the_lean_client_with_users_who_think(tmp_path: Path) -> None:
    think_s = 0.1
    with slots() as url:
        run = search(tmp_path, "--url", url, "--client", "lean", "--set", f"load.think_time_ms={1000 * think_s:.0f}")
    must_be_near(run, "ceiling_rps", SLOTS / SERVICE_S)
    # N* = C (R0 + Z)
    must_be_near(run, "knee_users", SLOTS / SERVICE_S * (SERVICE_S + think_s))


def test_one_cpu_that_every_request_uses_for_ten_milliseconds(tmp_path: Path) -> None:
    bind = f"127.0.0.1:{free_port()}"
    words = ["gthread", "--set", "server.workers=1", "--workload", "io", "--backend", "process", "--bind", bind]
    run = search(tmp_path, *words, FLOODMARK_APP="tests.support.apps:burning")
    # What the server itself spends on a request is a part of it, and what the host took of the CPU is missing.
    spent_s = BURNT_S + 0.0005
    taken = [visit.steal for visit in run.held if visit.steal is not None]
    must_be_near(run, "ceiling_rps", (1 - sum(taken) / len(taken)) / spent_s)
    assert run.number("cpu_ms_per_request") == pytest.approx(1000 * spent_s, rel=WITHIN)
    assert run.word("bottleneck") == Bottleneck.CPU


APP = """
import time

def app(environ, start_response):
    time.sleep(0.04)
    start_response("200 OK", [("Content-Length", "2")])
    return [b"ok"]
"""
LOCUSTFILE = """
from pathlib import Path
from locust import HttpUser, task

NAME = Path("names.txt").read_text()

class Visitor(HttpUser):
    @task
    def visit(self):
        self.client.get(NAME, name="visit")
"""


def test_an_app_of_the_users_own_under_a_locustfile_of_their_own(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(APP)
    (tmp_path / "names.txt").write_text("/where")
    (tmp_path / "locustfile.py").write_text(LOCUSTFILE)
    words = ["--app", "mine:app", "--server", "waitress:threads=4", "--locustfile", "locustfile.py"]
    bind = ["--backend", "process", "--bind", f"127.0.0.1:{free_port()}"]
    run = search(tmp_path / "results", *words, *bind, cwd=tmp_path)
    must_be_near(run, "ceiling_rps", 4 / 0.040)
    must_be_near(run, "knee_inflight", 4)
    assert run.record.generator.client == "locustfile"
    assert "visit" in (run.path / "locust_stats.csv").read_text()
