"""Plans runs from scenarios: resolves and checks everything, and estimates their duration."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from floodmark.data_files import SHARE
from floodmark.errors import UsageError
from floodmark.hostile import workload as hostile
from floodmark.plan.app_scenarios import read_scenarios
from floodmark.plan.scenario import DEFAULT_MAX_USERS, WORKLOAD, Scenario, from_table
from floodmark.protocol.load_settings import LoadSettings
from floodmark.results.record import AppSection
from floodmark.search.settings import FULL, QUICK, Effort, RateSettings, SearchSettings, parse_slo
from floodmark.targets import app_copy as own
from floodmark.targets import requirements, servers
from floodmark.targets.target import ANSWERS, SUCCESS, Check, Target
from floodmark.targets.user_app import OwnApp, locate
from floodmark.verdict.enums import Model
from target_apps.server import did_you_mean
from target_apps.workloads import WORKLOADS

SCENARIOS = SHARE / "scenarios"
NIGHTLY = SCENARIOS / "nightly.toml"
"""The suite of a night, which is not a scenario."""
LOCUSTFILES = SHARE / "locustfiles"
OVERHEAD_S = 10.0
TIME_BUDGET_S = 180.0
RATE_LEAD_S = 8.0
AGAIN_S = 25.0
SEARCH_S = {FULL: 60.0, QUICK: 40.0}
"""Of targets that answer within a tenth of a second; one that takes seconds takes about 110 response times."""
SLO_S = {FULL: 190.0, QUICK: 75.0}
QUICK_BUDGET_S = 70.0


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedRun:
    """A run to be made, with everything resolved and checked."""

    scenario: Scenario
    target: Target | None
    """None for a server that is already running."""
    locustfile: Path
    search: SearchSettings
    seed: int
    repeat: int
    path: str = "/"
    """The path that ``locustfiles/url.py`` requests."""
    marker: str = ""
    """What the answer to it must contain."""
    home: Path | None = None
    """The folder in which Locust runs the user's own locustfile; None for ours."""

    @property
    def label(self) -> str:
        return f"{self.scenario.name}-{self.scenario.workload}"

    @property
    def load_settings(self) -> LoadSettings:
        """The settings of the load side, without the path of the journal."""
        load = self.scenario.load
        return LoadSettings(
            search=self.search,
            seed=self.seed,
            rate=RateSettings(rate_rps=load.rate_rps, seconds=load.seconds, max_users=self.search.max_users)
            if load.model is Model.OPEN
            else None,
            spacing=load.arrivals,
            new_connections=load.new_connections,
            close_delay_s=load.close_delay_ms / 1000,
            path=self.path,
            marker=self.marker,
            hostile=hostile.asked_for() if self.scenario.workload == hostile.WORKLOAD else "",
        )

    @property
    def estimate_s(self) -> float:
        if self.scenario.load.model is Model.OPEN:
            return OVERHEAD_S + RATE_LEAD_S + self.scenario.load.seconds
        if self.search.known_users is not None:
            return OVERHEAD_S + AGAIN_S
        slo_s = SLO_S[self.search.effort] if self.search.slo is not None else 0.0
        return OVERHEAD_S + min(self.search.time_budget_s, SEARCH_S[self.search.effort]) + slo_s


def scenario_names() -> list[str]:
    return sorted(path.stem for path in SCENARIOS.glob("*.toml") if path != NIGHTLY)


def find_scenario(name: str) -> Path:
    """The file of a scenario, by name or path. Raises UsageError."""
    path = Path(name)
    if path.suffix == ".toml":
        return path
    path = SCENARIOS / f"{name}.toml"
    if not path.is_file():
        known = scenario_names()
        raise UsageError(f"there is no scenario {name!r}{did_you_mean(name, known)}; there are: {', '.join(known)}")
    return path


def named_scenarios(names: Sequence[str], overrides: Iterable[str], workload: str | None) -> list[Scenario]:
    """Read scenarios by name or file. Raises UsageError."""
    changes = [*overrides, *([f'workload="{workload}"'] if workload else [])]
    return [scenario for name in names for scenario in read_scenarios(find_scenario(name), changes)]


def plan_all(
    scenarios: Sequence[Scenario], *, bind: tuple[str, int], quick: bool, repeat: int, seed: int
) -> list[PlannedRun]:
    """Plan the runs of scenarios, with interleaved repeats. Raises UsageError if one of them cannot be run."""
    return [
        plan_run(scenario, bind=bind, quick=quick, repeat=number, seed=seed)
        for number in range(1, repeat + 1)
        for scenario in scenarios
    ]


def plan_run(scenario: Scenario, *, bind: tuple[str, int], quick: bool, repeat: int, seed: int) -> PlannedRun:
    """Plan the run of a scenario. Raises UsageError."""
    server = servers.find(scenario.target)
    settings = servers.resolve(server, scenario.server, f"scenario {scenario.name}: [server]")
    max_users = _max_users(scenario, server.connection_cap(settings))
    load = _load_of(scenario)
    target = Target(
        server=server,
        settings=settings,
        host=bind[0],
        port=bind[1],
        check=load.check,
        app=load.app,
        packages=scenario.packages,
    )
    return PlannedRun(
        scenario=scenario,
        target=target,
        locustfile=load.locustfile,
        search=search_settings(scenario, target.nominal_slots, max_users, QUICK if quick else FULL),
        seed=seed,
        repeat=repeat,
        path=load.check.path,
        marker=(load.check.marker or b"").decode() if load.app is not None else "",
        home=load.app.home if load.app is not None and load.app.locustfile is not None else None,
    )


def plan_server(text: str, bind: tuple[str, int]) -> Target:
    """Resolve a server given as ``NAME`` or ``NAME:setting=value,...``, with our own app. Raises UsageError."""
    name, _, settings = text.partition(":")
    servers.find(name)
    pairs = [pair for pair in settings.split(",") if pair]
    if any("=" not in pair for pair in pairs):
        raise UsageError(f"{text!r}: settings must be name=value, such as {name}:workers=4")
    scenario = from_table(
        {"target": name, "workload": WORKLOAD}, name=name, where=text, overrides=[f"server.{pair}" for pair in pairs]
    )
    target = plan_run(scenario, bind=bind, quick=False, repeat=1, seed=1).target
    assert target is not None
    return target


@dataclass(frozen=True, slots=True, kw_only=True)
class _Loaded:
    """How a target is checked and loaded."""

    check: Check
    locustfile: Path
    app: OwnApp | None = None
    """The user's own app; None for ours."""


def _load_of(scenario: Scenario) -> _Loaded:
    if scenario.app is not None:
        return _load_of_own(scenario, scenario.app)
    workload = WORKLOADS.get(scenario.workload)
    locustfile = LOCUSTFILES / f"{scenario.workload}.py"
    if workload is None or not locustfile.is_file():
        hint = did_you_mean(scenario.workload, WORKLOADS)
        raise UsageError(f"there is no workload {scenario.workload!r}{hint}; there are: {', '.join(WORKLOADS)}")
    if scenario.workload == hostile.WORKLOAD:
        hostile.parse_counts(hostile.asked_for())
    check = Check(path=workload.path, marker=workload.marker, method=workload.method, body=workload.body)
    return _Loaded(check=check, locustfile=locustfile)


def _load_of_own(scenario: Scenario, section: AppSection) -> _Loaded:
    app = locate(section, scenario.home, f"scenario {scenario.name}: [app]")
    if app.locustfile is not None and (scenario.load.model is Model.OPEN or scenario.slo is not None):
        raise UsageError(
            f"scenario {scenario.name}: a locustfile cannot be driven at a rate; "
            "model = 'open' and [slo] need [app] path instead of a locustfile"
        )
    if app.requirements is not None:
        requirements.read(app.requirements)
    own.app_hash(app)
    check = Check(
        path=section.path or "/",
        marker=section.marker.encode() or None,
        good=SUCCESS if app.locustfile is None or section.path is not None else ANSWERS,
        patient=False,
    )
    return _Loaded(check=check, locustfile=app.locustfile or LOCUSTFILES / "url.py", app=app)


def plan_external(
    *, path: str, workload: str | None, overrides: Iterable[str], quick: bool, repeat: int, seed: int
) -> PlannedRun:
    """Plan a run against a server that is already running. Raises UsageError."""
    scenario = from_table(
        {"target": "external", "workload": workload or "url"}, name="url", where="--url", overrides=overrides
    )
    if scenario.server:
        raise UsageError("--url: [server] settings have no effect on a server that is already running")
    locustfile = LOCUSTFILES / f"{scenario.workload}.py"
    if not locustfile.is_file():
        hint = did_you_mean(scenario.workload, WORKLOADS)
        raise UsageError(f"there is no workload {scenario.workload!r}{hint}; there are: {', '.join(WORKLOADS)}")
    return PlannedRun(
        scenario=scenario,
        target=None,
        locustfile=locustfile,
        search=search_settings(scenario, None, _max_users(scenario, None), QUICK if quick else FULL),
        seed=seed,
        repeat=repeat,
        path=path,
    )


def _max_users(scenario: Scenario, cap: int | None) -> int:
    """The most users of a search, which are at most the connections that the server holds. Raises UsageError."""
    requested = scenario.search.max_users
    if requested is not None and cap is not None and requested > cap:
        raise UsageError(
            f"[search] max_users = {requested}: {scenario.target} holds {cap} connections with these settings, "
            "including idle ones, and further users would starve; raise [server] connections, or lower max_users"
        )
    if requested is not None:
        return requested
    return DEFAULT_MAX_USERS if cap is None else min(DEFAULT_MAX_USERS, cap)


def search_settings(scenario: Scenario, slots: int | None, max_users: int, effort: Effort) -> SearchSettings:
    """The settings of the search for a scenario."""
    given_s = scenario.search.time_budget_s
    budget_s = given_s or (QUICK_BUDGET_S if effort == QUICK else TIME_BUDGET_S)
    return SearchSettings(
        slots_hint=slots,
        think_time_s=scenario.load.think_time_ms / 1000,
        precision=scenario.search.precision,
        time_budget_s=budget_s,
        stretches=given_s is None,
        timeout_s=scenario.load.timeout_s,
        max_users=max_users,
        effort=effort,
        slo=parse_slo(scenario.slo.latency, scenario.slo.error_rate) if scenario.slo is not None else None,
    )
