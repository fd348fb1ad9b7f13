"""What all cases share: where runs land, how progress is shown, and what runs beside them."""

from __future__ import annotations

import contextlib
import json
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.known_answers.evidence import Evidence, Found
from benchmarks.known_answers.overhead import PlainClients, idle_cores
from benchmarks.known_answers.processes import GENERATOR_CPU, TARGET_CPU, Tick, finish, served
from benchmarks.known_answers.servers import Behind, Server
from floodmark.plan.scenario import read_scenario
from floodmark.results.run import read_run
from target_apps.serve import ROOT
from testbed.processes import free_port, python_server

RUN_LIMIT_S = 420.0
SLOT_CLIENTS = 2


@dataclass
class Bench:
    """results: folder of the runs. quick: for tests, the same on a smaller budget. limit_s: of one command. said: what
    runs; last: folder of the last run.
    """

    results: Path
    quick: bool = False
    limit_s: float = RUN_LIMIT_S
    said: str = ""
    last: Path | None = None
    _began: float = field(default_factory=time.monotonic)

    @property
    def log(self) -> Path:
        self.results.mkdir(parents=True, exist_ok=True)
        return self.results / "known_answers.log"

    def begin(self, what: str) -> None:
        """A case begins: what the progress line says from now on."""
        self.said, self._began = what, time.monotonic()

    @property
    def elapsed_s(self) -> float:
        return time.monotonic() - self._began

    def tick(self, _pid: int) -> None:
        if sys.stderr.isatty():
            print(f"\r\033[K{self.said}: {self.elapsed_s:.0f} s", end="", file=sys.stderr, flush=True)

    @contextlib.contextmanager
    def one_slot(self, server: Server, app: str) -> Iterator[PlainClients]:
        """The same server once more, with one slot that plain clients keep busy: what a request costs its slot then."""
        name = read_scenario(ROOT / "scenarios" / f"{server.scenario}.toml").target
        with (
            served(name, app, server.one_slot) as (target, _),
            PlainClients(target.host, target.port, "/io", clients=SLOT_CLIENTS, cpu=GENERATOR_CPU) as plain,
        ):
            yield plain

    def idle_cores(self, server: Server, clients: int, cpus: Sequence[int]) -> float:
        """What a saturated server leaves idle of its CPUs."""
        name = read_scenario(ROOT / "scenarios" / f"{server.scenario}.toml").target
        with served(name, server.app, server.settings, cpus) as (target, _):
            return idle_cores(target.host, target.port, "/io", clients=clients, cpus=cpus)

    def run_server(
        self, server: Server, arguments: Sequence[str], more_environment: Mapping[str, str] | None = None
    ) -> Evidence:
        """``floodmark run`` of a scenario with an app of ours."""
        words = [server.scenario, "--backend", "process", "--bind", f"127.0.0.1:{free_port()}", "--workload", "io"]
        for name, value in server.settings.items():
            words += ["--set", f"server.{name}={value}"]
        environment = {"FLOODMARK_APP": f"benchmarks.known_answers.apps:{server.app}", **(more_environment or {})}
        return self._run([*words, *arguments], environment)

    def run_behind(self, behind: Behind, arguments: Sequence[str], tick: Tick | None = None) -> Evidence:
        """``floodmark run --url``; ``tick`` is called twice a second with floodmark's pid."""
        with self.behind(behind) as (url, pid):
            watched = ["--pid", str(pid)] if behind.watched else []
            return self._run(["--url", url, *watched, *arguments], {}, tick)

    @contextlib.contextmanager
    def behind(self, behind: Behind) -> Iterator[tuple[str, int]]:
        """A server of the tests on the target's CPU: its URL and pid."""
        with self._behind(behind) as (port, pid):
            yield f"http://127.0.0.1:{port}/", pid

    @contextlib.contextmanager
    def plain_user(self, behind: Behind) -> Iterator[PlainClients]:
        """Such a server with one plain client, who asks again as soon as there is an answer."""
        with (
            self._behind(behind) as (port, _),
            PlainClients("127.0.0.1", port, "/", clients=1, cpu=GENERATOR_CPU) as plain,
        ):
            yield plain

    @contextlib.contextmanager
    def _behind(self, behind: Behind) -> Iterator[tuple[int, int]]:
        port = free_port()
        with python_server(behind.module, behind.address.format(port=port), *behind.words, cpu=TARGET_CPU) as process:
            yield port, process.pid

    def _run(self, words: Sequence[str], environment: Mapping[str, str], tick: Tick | None = None) -> Evidence:
        quick = ["--quick"] if self.quick and "--quick" not in words else []
        command = [sys.executable, "-m", "floodmark", "run", *words, *quick, "--json", "--results", str(self.results)]
        code, out, _ = finish(command, environment, self.log, tick or self.tick, self.limit_s)
        evidence = evidence_of(code, out, self.log)
        self.last = evidence.run.path if evidence.run is not None else self.last
        return evidence


def evidence_of(code: int, out: str, log: Path) -> Evidence:
    """From what ``floodmark run --json`` printed, and the run's folder."""
    exit_code = {"exit_code": Found(value=str(code))}
    if not out.strip():
        return Evidence(metrics=exit_code, notes=f"no JSON; see {log.name}")
    (document,) = json.loads(out)["runs"]
    run = read_run(Path(document["folder"]))
    found = {
        row.metric: Found(value=row.value, lo=row.lo, hi=row.hi, valid=row.valid, reason=row.reason)
        for row in run.results.values()
    }
    return Evidence(metrics={**exit_code, **found}, visits=run.visits, run=run, notes=run.record.error or "")
