"""The open model on real servers: stalls count from when requests were due, and processes share one schedule."""

from __future__ import annotations

import csv
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from floodmark.protocol.journal import JournalReader, Visited
from floodmark.protocol.load_settings import VARIABLE, LoadSettings, write_settings
from floodmark.search.settings import RateSettings
from floodmark.stats.histogram import bucket, edges
from floodmark.verdict.enums import Spacing
from target_apps.serve import ROOT
from tests.support.processes import Command, free_port, only_run, slot_server, wait_for
from tests.support.verdicts import settled

LOCUST = [sys.executable, "-m", "locust", "-f", "locustfiles/url.py", "--loglevel", "WARNING"]


def visits(folder: Path) -> list[dict[str, str]]:
    with (folder / "steps.csv").open() as file:
        return list(csv.DictReader(file))


@pytest.mark.alone
def test_a_stall_counts_for_every_arrival_that_was_due_in_it(tmp_path: Path) -> None:
    port, seconds = free_port(), 12
    load = [f"load.{pair}" for pair in ("model=open", "rate_rps=50", "arrivals=constant", f"seconds={seconds}")]
    words = [word for pair in load for word in ("--set", pair)]
    command = Command(["run", "--url", f"http://127.0.0.1:{port}/", "--results", str(tmp_path), *words])
    with slot_server(port, slots=1000, ms=20) as server:
        process = command.start()

        def measuring() -> bool:
            return bool(list(tmp_path.glob("2*"))) and len(visits(only_run(tmp_path))) == 1

        wait_for(measuring, 60, "the end of the warm-up")
        time.sleep(5)
        stopped = time.monotonic()
        os.kill(server.pid, signal.SIGSTOP)
        time.sleep(2)
        os.kill(server.pid, signal.SIGCONT)
        stalled_s = time.monotonic() - stopped
        out, err = process.communicate(timeout=90)
    settled(process.returncode, only_run(tmp_path), err)
    assert process.returncode == 0, out + err
    held = visits(only_run(tmp_path))[-1]
    assert held["model"] == "open"
    assert held["not_sent"] == "0"
    # Of the arrivals, stalled_s / seconds waited, evenly from all of the stall down to nothing.
    expected_ms = 1000 * (stalled_s - 0.05 * seconds + 0.020)
    assert float(held["r_p95_ms"]) == pytest.approx(expected_ms, rel=0.05)
    assert float(held["r_p50_ms"]) == pytest.approx(21, abs=3)
    command.must_have_left_nothing()


def journal_of(folder: Path, url: str, groups: Sequence[Sequence[str]], seed: int) -> Visited:
    """Run Locust processes on one seeded schedule; returns the held visit."""
    folder.mkdir()
    settings = LoadSettings(
        journal=folder / "journal",
        seed=seed,
        rate=RateSettings(rate_rps=40, seconds=4, max_users=200),
        spacing=Spacing.POISSON,
    )
    (folder / "load.json").write_bytes(write_settings(settings))
    environment = {**os.environ, VARIABLE: str(folder / "load.json"), "PYTHONPATH": str(ROOT)}
    running = [
        subprocess.Popen([*LOCUST, "-H", url, *words], cwd=ROOT, env=environment, stdin=subprocess.DEVNULL)
        for words in groups
    ]
    try:
        for process in running:
            assert process.wait(90) == 0
    finally:
        for process in running:
            process.kill()
            process.wait()
    return [entry for entry in JournalReader(folder / "journal").new() if isinstance(entry, Visited)][-1]


@pytest.mark.long
@pytest.mark.alone
def test_one_schedule_gives_the_same_totals_however_many_processes_share_it(tmp_path: Path) -> None:
    ramp, port = ("--headless", "--ramp", "search"), free_port()
    master, forked = str(free_port()), str(free_port())
    low, high = edges(bucket(800))
    service_ms = (low * high) ** 0.5 - 1.2  # in the middle of a bucket, which is 8 ms wide
    modes: dict[str, list[list[str]]] = {
        "local": [[*ramp]],
        "processes": [[*ramp, "--processes", "2", "--master-bind-port", forked, "--master-port", forked]],
        "distributed": [
            [
                *ramp,
                "--master",
                "--expect-workers",
                "2",
                "--master-bind-host",
                "127.0.0.1",
                "--master-bind-port",
                master,
            ],
            ["--worker", "--master-port", master],
            ["--worker", "--master-port", master],
        ],
    }
    with slot_server(port, slots=1000, ms=service_ms):
        found = {
            mode: journal_of(tmp_path / mode, f"http://127.0.0.1:{port}", groups, seed=7)
            for mode, groups in modes.items()
        }
    visits = {mode: entry.visit for mode, entry in found.items()}
    offered = {round((visit.rate_intended_rps or 0.0) * 4) for visit in visits.values()}
    assert len(offered) == 1, visits
    assert {visit.not_sent for visit in visits.values()} == {0}
    histograms = [
        {row.bucket_lo_ms: row.count for row in entry.buckets if row.kind == "good"} for entry in found.values()
    ]
    assert {sum(histogram.values()) for histogram in histograms} == offered
    # Every arrival is there. Most are in the bucket of 8 ms they belong to; how long this machine took to wake somebody
    # up puts others into one of the next.
    for histogram in histograms:
        assert histogram.get(low, 0) > sum(histogram.values()) / 2, histograms


def test_a_lost_worker_ends_the_run_instead_of_hanging_it(tmp_path: Path) -> None:
    port = free_port()
    command = Command(["run", "--url", f"http://127.0.0.1:{port}/", "--results", str(tmp_path), "--generators", "2"])
    with slot_server(port, slots=4, ms=20):
        process = command.start()
        wait_for(lambda: bool(list(tmp_path.glob("2*"))) and len(visits(only_run(tmp_path))) >= 1, 60, "a first visit")
        workers = [worker for worker in command.running("floodmark.load") if worker.ppid() != process.pid]
        workers[0].kill()
        out, err = process.communicate(timeout=90)
    assert process.returncode in {1, 4}, out + err
    assert "lost" in err
    assert visits(only_run(tmp_path))
    command.must_have_left_nothing()
