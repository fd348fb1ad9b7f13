"""run.json as types: what was seen of one run, and everything needed to repeat it. Nothing in it is a judgement."""

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
"""Version of run.json that is written. 1 stored some judgements in ``search``; it is still read."""
OLDEST_SCHEMA = 1
EXTERNAL = "external"
"""Name of the server, and of the backend, where the target was up already."""

Setting = int | str
"""A setting of a server."""


class Status(StrEnum):
    """How far a run came."""

    INTERRUPTED = "interrupted"
    """Not ended, or ended by a signal: what a run is until it is known better."""
    FAILED = "failed"
    COMPLETE = "complete"


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """What every server of a comparison gets: CPUs and bytes of memory."""

    cpus: int = 1
    memory: int = 512 * 1024**2


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """How load is made."""

    model: Model = Model.CLOSED
    """Closed: users wait for their answers. Open: arrivals come by themselves at ``rate_rps`` for ``seconds``."""
    think_time_ms: float = 0.0
    """Closed model: mean pause between an answer and the next request."""
    connections: Connections = Connections.KEEPALIVE
    close_delay_ms: float = 0.0
    """How late a client closes a connection that is over, as a slow client does."""
    rate_rps: float = 0.0
    arrivals: Spacing = Spacing.POISSON
    seconds: float = 20.0

    @property
    def new_connections(self) -> bool:
        """Whether every request has a connection of its own."""
        return self.connections is Connections.NEW


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchBudget:
    """How well to know the ceiling, and what that may cost."""

    precision: float = 0.02
    """Relative half-width of the 95 % interval to reach."""
    time_budget_s: float = 180.0
    max_users: int | None = None
    """In a scenario, None where nothing is said; in a record, what was in force."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Slo:
    """What counts as fast enough: ``5x`` the uncontended response time, or ``250ms``."""

    latency: str = "5x"
    error_rate: float = 0.01


@dataclass(frozen=True, slots=True, kw_only=True)
class AppSection:
    """The ``[app]`` section as it is written; its paths are relative to the file."""

    module: str
    """``package.module:callable``."""
    dir: str = "."
    path: str | None = None
    """What is asked for, and proves that the app serves; ``/`` unless said."""
    marker: str = ""
    """What the answer must contain."""
    requirements: str | None = None
    """A file of packages to install; by default requirements.txt in ``dir`` where there is one, "" for none."""
    locustfile: str | None = None
    """The user's own load, instead of ``path``."""
    servers: tuple[str, ...] = ()
    """Each with settings of its own, if any: ``uwsgi:workers=4``."""
    prepare: str = ""
    """A command run in the app's folder before each start of a server."""
    start_timeout_s: float = 60.0
    exclude: tuple[str, ...] = ()
    """What of the folder is not copied."""

    @property
    def workload(self) -> str:
        """What it is loaded with, in one word."""
        return Path(self.locustfile).stem if self.locustfile else "url"

    @property
    def label(self) -> str:
        """What the app is called: its outermost package."""
        return self.module.partition(":")[0].partition(".")[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class ScenarioRecord:
    """The scenario as resolved: with every setting of the server."""

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
    """Which hostile clients ran alongside the users, as ``kind=count,...``."""

    @property
    def table(self) -> dict[str, Any]:
        """As it stands in run.json, without sections that it does not have: what is hashed and compared."""
        return {key: value for key, value in plain(self).items() if value is not None or key not in {"app", "hostile"}}


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetRecord:
    """The server, as declared and as read back from its running processes."""

    server: str
    title: str = ""
    version: str | None = None
    python: str | None = None
    declared: Mapping[str, Setting] = field(default_factory=dict)
    effective: Mapping[str, Setting | None] = field(default_factory=dict)
    nominal_slots: int | None = None
    """Requests it should run at once, by its settings; None where there is no limit, or none is known."""
    processes: int | None = None
    connection_cap: int | None = None
    url: str | None = None
    pids: tuple[int, ...] = ()
    image_digest: str | None = None

    @property
    def external(self) -> bool:
        """Whether it was up already."""
        return self.server == EXTERNAL


@dataclass(frozen=True, slots=True, kw_only=True)
class GeneratorRecord:
    """The load generator, and what it can do."""

    client: str = ""
    processes: int = 1
    connections: Connections | None = None
    null_rps: float | None = None
    """Requests per second that it gets from a server that does nothing."""
    null_rps_measured: str | None = None
    doubled_rps: float | None = None
    """Good answers per second that twice the generators gave at least, at the held level."""
    doubled: str | None = None
    """How that was tried, or why not."""
    beside_rps: float | None = None
    """What as many generators as before gave in between."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cores:
    """CPUs of target and generator."""

    target: tuple[int, ...] = ()
    generator: tuple[int, ...] = ()
    shared_cores: int = 0
    """1 where both run on the same CPUs."""

    @property
    def shared(self) -> bool:
        return bool(self.shared_cores)


@dataclass(frozen=True, slots=True, kw_only=True)
class MemoryRecord:
    """The target's memory budget, whether it was enforced, and whether the target exceeded it."""

    budget_bytes: int = 0
    enforced: bool = False
    exceeded: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchRecord:
    """How the search itself ended. In schema 1, as it was judged."""

    end: End = End.INTERRUPTED
    reason: str = ""
    hold_users: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """Where a run's time went, in s."""

    total_s: float | None = None
    """From the command to the verdict; None until then."""
    load_s: float = 0.0
    """From the first order to the last visit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AdviceRecord:
    """What trying the advice gave. change: what was changed, and at how many users."""

    word: Advice
    change: str = ""
    note: str = ""
    goodput_rps: float | None = None
    goodput_lo: float | None = None
    goodput_hi: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NightPlace:
    """Where a run stands in a night."""

    night: str
    number: int
    round: int
    setup: str
    role: str = "setup"
    twin_of: str | None = None
    again: bool = False
    """Measured because of an alarm."""
    short: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitRecord:
    """A limit of the host or the server that the run would meet, and the sentence that says so."""

    limit: str
    allowed: float
    wanted: float
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class HostLimits:
    """Limits of the kernel: soft and hard file descriptors, first and last local port."""

    somaxconn: int | None = None
    file_descriptors: tuple[int, int] | None = None
    ports: tuple[int, ...] | None = None
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
    """This program: its version, and its commit where it runs from a checkout."""

    version: str = ""
    git_sha: str | None = None
    dirty: bool | None = None

    @property
    def short(self) -> str:
        """Version and commit, for people."""
        return f"{self.version} {str(self.git_sha)[:7]}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Software:
    """Versions of everything that measures."""

    floodmark: Revision = field(default_factory=Revision)
    python: str = ""
    python_build: str = ""
    packages: Mapping[str, str | None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class AppFolder:
    """Where the user's own app and the file that describes it lay."""

    dir: str
    home: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRecord:
    """run.json. Replaced whole each time more is known; its status is ``interrupted`` until the run has ended."""

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
    """What repeats of one command share."""
    night: NightPlace | None = None
    search: SearchRecord | None = None
    """None until the search has ended."""
    counts: Counts | None = None
    """What clients and server counted; None where nobody counts at the server."""
    timing: Timing | None = None
    advice: AdviceRecord | None = None

    @property
    def think_s(self) -> float:
        return self.scenario.load.think_time_ms / 1000

    @property
    def judged_before(self) -> bool:
        """Whether judgements of the generator and of the counts stand in ``search`` already."""
        return self.schema < 2


def read_record(folder: Path) -> RunRecord:
    """run.json of a run. Raises UsageError naming file and key where it cannot be read."""
    return read_document(folder / PROVENANCE, RunRecord, "run", range(OLDEST_SCHEMA, SCHEMA + 1))


def write_record(folder: Path, record: RunRecord) -> None:
    """Replace run.json at once. Raises WriteError."""
    write_document(folder / PROVENANCE, record)
