"""The types of run.json: what was measured in a run and what is needed to repeat it, without any judgement."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from floodmark.results.document import plain, read_document, write_document
from floodmark.verdict.counts import Counts
from floodmark.verdict.enums import Advice, Connections, End, Model, Spacing

PROVENANCE = "run.json"
SCHEMA = 2
"""The version of run.json that is written. Version 1 stored some judgements in ``search``; it can still be read."""
OLDEST_SCHEMA = 1
EXTERNAL = "external"
"""The name of the server and of the backend if the target was already running."""

Setting = int | str
"""A setting of a server."""


class Status(StrEnum):
    """How far a run got."""

    INTERRUPTED = "interrupted"
    """Still running, killed, or ended by a signal."""
    FAILED = "failed"
    COMPLETE = "complete"


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """The resources that every server of a comparison gets."""

    cpus: int = 1
    memory: int = 512 * 1024**2
    """Bytes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """How the load is generated."""

    model: Model = Model.CLOSED
    """Closed: users wait for their answers. Open: arrivals come at ``rate_rps`` for ``seconds``, whatever happens."""
    think_time_ms: float = 0.0
    """Closed model: mean pause between an answer and the next request."""
    connections: Connections = Connections.KEEPALIVE
    timeout_s: float | None = None
    """After this time a request counts as failed; None: 10 s, or longer if the target is slow."""
    close_delay_ms: float = 0.0
    """How long clients wait before they close a finished connection, to simulate slow clients."""
    rate_rps: float = 0.0
    arrivals: Spacing = Spacing.POISSON
    seconds: float = 20.0

    @property
    def new_connections(self) -> bool:
        """Whether every request opens a new connection."""
        return self.connections is Connections.NEW


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchBudget:
    """How precisely to measure the ceiling, and what that may cost."""

    precision: float = 0.02
    """Relative half-width of the 95 % interval to reach."""
    time_budget_s: float | None = None
    """None: 180 s, or longer if the target is slow."""
    max_users: int | None = None
    """In a scenario, None if not given; in a record, the value in force."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Slo:
    """The service level objective."""

    latency: str = "5x"
    """A multiple of the uncontended response time such as ``5x``, or a time such as ``250ms``."""
    error_rate: float = 0.01


@dataclass(frozen=True, slots=True, kw_only=True)
class AppSection:
    """The ``[app]`` section as written. Paths are relative to the file."""

    module: str
    """``package.module:callable``."""
    dir: str = "."
    path: str | None = None
    """The path to request, also to check that the app answers; by default ``/``."""
    marker: str = ""
    """What the answer must contain."""
    requirements: str | None = None
    """A file of packages to install; by default requirements.txt in ``dir`` if it exists, "" for none."""
    locustfile: str | None = None
    """The user's own load, instead of ``path``."""
    servers: tuple[str, ...] = ()
    """Server names, optionally with settings: ``uwsgi:workers=4``."""
    prepare: str = ""
    """A command to run in the app's folder before each start of a server."""
    start_timeout_s: float = 60.0
    exclude: tuple[str, ...] = ()
    """Parts of the folder that are not copied."""

    @property
    def workload(self) -> str:
        """The name of its load: that of the locustfile, or ``url``."""
        return Path(self.locustfile).stem if self.locustfile else "url"

    @property
    def label(self) -> str:
        """The name of the app: its outermost package."""
        return self.module.partition(":")[0].partition(".")[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class ScenarioRecord:
    """The scenario as resolved, with all settings of the server."""

    name: str
    target: str = ""
    workload: str
    server: Mapping[str, Setting] = field(default_factory=dict)
    budget: Budget = field(default_factory=Budget)
    load: Load = field(default_factory=Load)
    search: SearchBudget = field(default_factory=SearchBudget)
    slo: Slo | None = None
    app: AppSection | None = None
    packages: tuple[str, ...] = ()
    hostile: str | None = None
    """The hostile clients alongside the users, as ``kind=count,...``."""

    @property
    def table(self) -> dict[str, Any]:
        """As in run.json but without absent sections; this is what is hashed and compared."""
        return {key: value for key, value in plain(self).items() if value is not None or key not in {"app", "hostile"}}


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetRecord:
    """The server as declared, and as read back from its running processes."""

    server: str
    title: str = ""
    version: str | None = None
    python: str | None = None
    declared: Mapping[str, Setting] = field(default_factory=dict)
    effective: Mapping[str, Setting | None] = field(default_factory=dict)
    nominal_slots: int | None = None
    """How many requests it should run at once by its settings; None if unlimited or unknown."""
    processes: int | None = None
    connection_cap: int | None = None
    url: str | None = None
    pids: tuple[int, ...] = ()
    image_digest: str | None = None

    @property
    def external(self) -> bool:
        """Whether it was already running."""
        return self.server == EXTERNAL


@dataclass(frozen=True, slots=True, kw_only=True)
class GeneratorRecord:
    """The load generator and its limits."""

    client: str = ""
    processes: int = 1
    connections: Connections | None = None
    null_rps: float | None = None
    """Requests per second that it reaches against a null server."""
    null_rps_measured: str | None = None
    doubled_rps: float | None = None
    """The least goodput at the held level with twice the generators."""
    doubled: str | None = None
    """How that was tried, or why not."""
    beside_rps: float | None = None
    """Goodput of a visit in between with the usual number of generators."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cores:
    """The CPUs of target and generator."""

    target: tuple[int, ...] = ()
    generator: tuple[int, ...] = ()
    shared_cores: int = 0
    """1 if both run on the same CPUs."""

    @property
    def shared(self) -> bool:
        return bool(self.shared_cores)


@dataclass(frozen=True, slots=True, kw_only=True)
class PaceRecord:
    """What the witness of the CPUs' pace saw, and what this machine's history says."""

    fastest_s: float | None = None
    """CPU time of a piece of work at pace 1: the fastest that this machine has shown before the run."""
    piece_s: float | None = None
    """Mean CPU time of a piece during the run."""
    usual_s: float | None = None
    """The same in most earlier runs; None if there are none."""
    host_sd: float = 0.02
    """Relative standard deviation of the machine's pace between runs."""
    runs: int = 0
    """Earlier runs of this machine that ``host_sd`` is estimated from; with few, it is mostly the default."""
    missing: str = ""
    """Why there is no pace; empty if there is."""

    @property
    def usual_pace(self) -> float:
        """The machine's pace in most earlier runs; 1 if there are none."""
        return self.fastest_s / self.usual_s if self.fastest_s and self.usual_s else 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class MemoryRecord:
    """The target's memory budget, and whether it was enforced and exceeded."""

    budget_bytes: int = 0
    enforced: bool = False
    exceeded: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchRecord:
    """How the search itself ended. In schema 1: after judgement."""

    end: End = End.INTERRUPTED
    reason: str = ""
    hold_users: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """The durations of a run, in seconds."""

    total_s: float | None = None
    """From the command to the verdict; None until the verdict."""
    load_s: float = 0.0
    """From the first order to the last visit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AdviceRecord:
    """The result of trying the advice."""

    word: Advice
    change: str = ""
    """What was changed, and at how many users."""
    note: str = ""
    goodput_rps: float | None = None
    goodput_lo: float | None = None
    goodput_hi: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NightPlace:
    """The place of a run in a night."""

    night: str
    number: int
    round: int
    setup: str
    role: str = "setup"
    twin_of: str | None = None
    again: bool = False
    """Measured again because of an alarm."""
    short: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitRecord:
    """A limit of the host or the server that the run would reach."""

    limit: str
    allowed: float
    wanted: float
    text: str
    """The warning for people."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HostLimits:
    """Limits of the kernel."""

    somaxconn: int | None = None
    file_descriptors: tuple[int, int] | None = None
    """The soft and the hard limit."""
    ports: tuple[int, ...] | None = None
    """The first and the last local port."""
    tcp_tw_reuse: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class HostRecord:
    """The machine that measured."""

    kernel: str = ""
    machine: str = ""
    cpu_model: str = ""
    cpus: int | None = None
    memory_bytes: int | None = None
    limits: HostLimits = field(default_factory=HostLimits)


@dataclass(frozen=True, slots=True, kw_only=True)
class Revision:
    """The version of floodmark, and its commit if it runs from a checkout."""

    version: str = ""
    git_sha: str | None = None
    dirty: bool | None = None

    @property
    def short(self) -> str:
        """Version and short commit."""
        return f"{self.version} {str(self.git_sha)[:7]}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Software:
    """The versions of all software that measures."""

    floodmark: Revision = field(default_factory=Revision)
    python: str = ""
    python_build: str = ""
    packages: Mapping[str, str | None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class AppFolder:
    """The folders of the user's own app and of the file that describes it."""

    dir: str
    home: str
    """The folder of the file with the ``[app]`` section."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRecord:
    """run.json, which is replaced whenever more is known. Its status is ``interrupted`` until the run has ended."""

    schema: int = SCHEMA
    run_id: str
    status: Status = Status.INTERRUPTED
    started: str
    ended: str | None = None
    error: str | None = None
    scenario: ScenarioRecord
    quick: bool = False
    config_hash: str = ""
    seed: int | None = None
    repeat: int = 1
    backend: str
    backend_reason: str = ""
    target: TargetRecord
    cores: Cores = field(default_factory=Cores)
    pace: PaceRecord | None = None
    """None in runs that had no witness of it."""
    memory: MemoryRecord = field(default_factory=MemoryRecord)
    generator: GeneratorRecord = field(default_factory=GeneratorRecord)
    app_hash: str | None = None
    app: AppFolder | None = None
    floodmark: Revision = field(default_factory=Revision)
    python: str = ""
    python_build: str = ""
    packages: Mapping[str, str | None] = field(default_factory=dict)
    host: HostRecord = field(default_factory=HostRecord)
    limits_binding: tuple[LimitRecord, ...] = ()
    series: str | None = None
    """Shared by all repeats of one command."""
    night: NightPlace | None = None
    search: SearchRecord | None = None
    """None until the search has ended."""
    counts: Counts | None = None
    """Requests counted by clients and server; None if the server does not count."""
    timing: Timing | None = None
    advice: AdviceRecord | None = None

    @property
    def think_s(self) -> float:
        return self.scenario.load.think_time_ms / 1000

    @property
    def judged_before(self) -> bool:
        """Whether ``search`` already includes the judgements of the generator and the counts."""
        return self.schema < 2


def read_record(folder: Path) -> RunRecord:
    """Read run.json. Raises UsageError, naming file and key, if that is not possible."""
    return read_document(folder / PROVENANCE, RunRecord, "run", range(OLDEST_SCHEMA, SCHEMA + 1))


def write_record(folder: Path, record: RunRecord) -> None:
    """Replace run.json atomically. Raises WriteError."""
    write_document(folder / PROVENANCE, record)
