"""Compose for real: image, budget, read-back, a whole run, and nothing left."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import urllib.request
from pathlib import Path

import pytest

from floodmark.results.record import MemoryRecord
from floodmark.targets import compose
from floodmark.targets.compose import FILE, OWN_SERVICE
from floodmark.verdict.enums import Phase
from target_apps import catalog
from target_apps.serve import ROOT
from tests.support.processes import Command, free_port, only_run, wait_for
from tests.support.targets import CORE
from tests.support.verdicts import must_have_found, settled

# Of the further servers the one that only the image has for certain, and one with workers of its own kind.
MORE = ("granian", "mod-wsgi")
REASON = compose.unavailable()
# CI starts an engine and must not pass by skipping.
REQUIRED = os.environ.get("FLOODMARK_REQUIRE_COMPOSE") == "1"

pytestmark = [
    pytest.mark.compose,
    pytest.mark.xdist_group("compose"),
    pytest.mark.skipif(REASON is not None and not REQUIRED, reason=f"no Compose here: {REASON}"),
]


def containers(port: int) -> list[str]:
    """Those of the target on a port, running or not."""
    words = ["docker", "ps", "-a", "--filter", f"name=^floodmark-{port}-", "--format", "{{.Names}}"]
    return subprocess.run(words, capture_output=True, text=True, check=True).stdout.split()


def test_an_engine_answers() -> None:
    assert REASON is None


@pytest.mark.parametrize("name", [*CORE, *MORE])
def test_a_server_comes_up_in_its_container_as_declared(name: str, tmp_path: Path) -> None:
    port = free_port()
    up = Command(["up", name, "--backend", "compose", "--bind", f"127.0.0.1:{port}", "--results", str(tmp_path)])
    done = up.start()
    out, err = done.communicate(timeout=600)
    try:
        assert done.returncode == 0, err
        assert out == f"http://127.0.0.1:{port}\n"
        (container,) = containers(port)
        assert container.startswith(f"floodmark-{port}-{name}")
    finally:
        down = Command(["down", "--results", str(tmp_path)]).run(60)
    assert "1 target stopped" in down.stderr
    assert containers(port) == []


@pytest.mark.long
@pytest.mark.alone
def test_a_search_in_compose_finds_the_slots(tmp_path: Path) -> None:
    port = free_port()
    words = ["run", "gthread", "--quick", "--backend", "compose", "--bind", f"127.0.0.1:{port}"]
    done = Command([*words, "--results", str(tmp_path)]).run(600)
    run = must_have_found(done, tmp_path)
    assert containers(port) == []
    # Eight slots, each for as long as the app was seen to take: 50 ms, and more where the machine is slow.
    app_s = statistics.median(visit.app_ms_mean or 0.0 for visit in run.held) / 1000
    ceiling = run.number("ceiling_rps")
    assert app_s >= 0.050
    assert ceiling is not None
    assert 0.9 * 8 / app_s < ceiling < 1.02 * 8 / app_s
    assert run.number("knee_inflight") == pytest.approx(8, abs=0.5)
    assert all((visit.app_inflight_mean or 0.0) <= 8.05 for visit in run.held)


@pytest.mark.alone
def test_gthread_end_to_end_in_compose(tmp_path: Path) -> None:
    port, rate_rps = free_port(), 80
    load = {"model": "open", "rate_rps": rate_rps, "seconds": 8, "arrivals": "constant"}
    words = [word for key, value in load.items() for word in ("--set", f"load.{key}={value}")]
    there = ["--backend", "compose", "--bind", f"127.0.0.1:{port}", "--results", str(tmp_path)]
    done = Command(["run", "gthread", *there, *words]).run(600)
    run = settled(done.returncode, only_run(tmp_path), done.stderr)
    assert done.returncode == 0, done.stderr
    assert containers(port) == []
    held = run.visits[-1]
    assert held.phase is Phase.STEP
    assert held.goodput_rps == pytest.approx(rate_rps, rel=0.05)
    # Sampled from outside the container: its processes and its probe, which Little's law binds to the clients' count.
    assert held.app_ms_mean is not None
    assert held.app_ms_mean >= 50
    assert held.app_inflight_mean == pytest.approx(rate_rps * held.app_ms_mean / 1000, rel=0.1)
    assert held.cpu_cores is not None
    assert held.cpu_cores > 0.01
    # And its limits, from its control groups.
    assert held.memory_limit_bytes == 512 * 1024**2
    assert held.cpu_limit_cores == 1
    assert held.listen_limit is not None
    assert held.listen_limit > 0
    record = run.record
    assert record.backend == "compose"
    assert record.memory == MemoryRecord(budget_bytes=512 * 1024**2, enforced=True)
    assert record.target.image_digest is not None
    assert record.target.image_digest.startswith("sha256:")
    assert record.target.python is not None
    assert record.target.python.startswith("3.13")
    assert record.target.effective["worker_class"] == "gthread"


def test_a_mismatch_in_a_container_is_refused_and_leaves_nothing(tmp_path: Path) -> None:
    port = free_port()
    words = ["run", "sync", "--set", "server.threads=4", "--set", "server.workers=2", "--backend", "compose"]
    done = Command([*words, "--bind", f"127.0.0.1:{port}", "--results", str(tmp_path)]).run(300)
    assert done.returncode == 3
    assert "declared gunicorn-sync (worker_class=sync" in done.stderr
    assert "worker_class=gthread" in done.stderr
    assert containers(port) == []


def test_too_little_memory_is_named_memory_and_leaves_nothing(tmp_path: Path) -> None:
    port = free_port()
    words = ["run", "gthread", "--quick", "--set", "server.workers=32", "--set", "budget.memory=64m"]
    done = Command([*words, "--backend", "compose", "--bind", f"127.0.0.1:{port}", "--results", str(tmp_path)]).run(120)
    assert done.returncode == 3, done.stderr
    assert "out of memory: the kernel killed" in done.stderr
    assert "limit 64 MiB" in done.stderr
    assert containers(port) == []
    facts = json.loads((only_run(tmp_path) / "run.json").read_text())
    assert facts["status"] == "failed"
    assert "out of memory" in facts["error"]


def up_and_down(words: list[str], folder: Path, results: Path, asked: str) -> str:
    """What an app in a container answers; nothing of it is left afterwards."""
    port = free_port()
    there = ["--backend", "compose", "--bind", f"127.0.0.1:{port}", "--results", str(results)]
    up = Command(["up", *words, *there], cwd=folder).start()
    out, err = up.communicate(timeout=600)
    try:
        assert up.returncode == 0, err
        with urllib.request.urlopen(f"{out.strip()}{asked}", timeout=10) as answer:
            return str(answer.read().decode())
    finally:
        Command(["down", "--results", str(results)]).run(60)
        assert containers(port) == []
        assert list((results / ".up").iterdir()) == []


def test_your_own_app_with_its_database_in_a_container(tmp_path: Path) -> None:
    tutorial = ROOT / "examples" / "tutorial"
    before = sorted(tutorial.rglob("*"))
    page = up_and_down(["--server", "uwsgi"], tutorial, tmp_path, "/")
    assert page.count("<article>") == 20
    assert sorted(tutorial.rglob("*")) == before


def test_your_own_app_that_cannot_be_loaded_in_a_container_says_why(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text("import no_such_package\n")
    words = ["run", "--app", "mine:app", "--server", "gunicorn-gthread", "--backend", "compose"]
    port = free_port()
    done = Command([*words, "--bind", f"127.0.0.1:{port}"], cwd=tmp_path).run(300)
    assert done.returncode == 3
    assert "mine:app cannot be loaded: ModuleNotFoundError: No module named 'no_such_package'; list" in done.stderr
    assert "import no_such_package" in done.stderr
    assert containers(port) == []
    assert not (only_run(tmp_path / "results") / "app").exists()


def test_an_interrupt_leaves_no_container(tmp_path: Path) -> None:
    port = free_port()
    words = ["run", "waitress", "--backend", "compose", "--bind", f"127.0.0.1:{port}"]
    command = Command([*words, "--results", str(tmp_path)])
    process = command.start()
    wait_for(lambda: bool(list(tmp_path.glob("*/load.jsonl"))), 300, "the load")
    process.terminate()
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    command.must_have_left_nothing()
    assert containers(port) == []


def test_the_services_start_by_hand_with_their_defaults() -> None:
    done = subprocess.run(
        ["docker", "compose", "--file", str(FILE), "config", "--format", "json"],
        capture_output=True,
        text=True,
        check=True,
    )
    services = json.loads(done.stdout)["services"]
    assert sorted(services) == sorted([*catalog.names(), OWN_SERVICE])
    for name in catalog.names():
        service = services[name]
        words = ["python", "-m", "target_apps.serve", name, "--bind", "127.0.0.1:8000"]
        assert service["command"] == words
        assert service["network_mode"] == "host"
