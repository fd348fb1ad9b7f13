"""Whether a run says so when the generator was its limit, and only then."""

from __future__ import annotations

import csv
import os
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from testbed.throttle import can_throttle, throttled
from tests.support.processes import Command, free_port, only_run, python_server, slot_server, wait_for
from tests.support.verdicts import must_have_found


@pytest.fixture
def fast_url() -> Iterator[str]:
    port = free_port()
    with python_server("tests.support.fast_server", port, cpu=0):
        yield f"http://127.0.0.1:{port}/"


def results(folder: Path) -> dict[str, dict[str, str]]:
    with (folder / "results.csv").open() as file:
        return {row["metric"]: row for row in csv.DictReader(file)}


def locust_of(command: Command) -> psutil.Process | None:
    return next(iter(command.running("floodmark.load", "--ramp")), None)


@pytest.mark.skipif(not can_throttle(), reason="needs root and a CPU cgroup")
def test_a_throttled_generator_is_limited_and_the_ceiling_a_lower_bound(fast_url: str, tmp_path: Path) -> None:
    command = Command(["run", "--url", fast_url, "--quick", "--results", str(tmp_path)])
    process = command.start()
    wait_for(lambda: locust_of(command) is not None, 40, "the start of Locust")
    locust = locust_of(command)
    assert locust is not None
    with throttled(locust.pid, 0.2):
        out, err = process.communicate(timeout=150)
    assert process.returncode == 4, out + err
    assert "the load generator was the limit" in err
    rows = results(only_run(tmp_path))
    assert rows["generator"]["value"] == "limited"
    assert rows["ceiling_rps"]["valid"] == "0"
    assert float(rows["ceiling_rps"]["lo"]) > 0
    assert rows["ceiling_rps"]["hi"] == ""
    command.must_have_left_nothing()


@pytest.mark.long
@pytest.mark.alone
def test_twice_the_generators_are_tried_where_there_are_cpus_for_them(tmp_path: Path) -> None:
    port = free_port()
    words = ["run", "--url", f"http://127.0.0.1:{port}/", "--quick", "--results", str(tmp_path)]
    with slot_server(port, slots=4, ms=20):
        done = Command([*words, "--set", f"budget.cpus={len(os.sched_getaffinity(0))}"]).run()
    run = must_have_found(done, tmp_path)
    assert run.record.generator.doubled_rps == pytest.approx(run.number("ceiling_rps"), rel=0.03)
