"""Scenario files: complete, faulty, overridden."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from floodmark.errors import UsageError
from floodmark.plan.planned_run import PlannedRun, find_scenario, named_scenarios, plan_all, scenario_names
from floodmark.plan.scenario import from_table, read_scenario
from floodmark.results.record import Budget
from floodmark.search.settings import QUICK, parse_slo

BIND = ("127.0.0.1", 8000)


def make_plan(
    names: Sequence[str],
    *,
    overrides: Iterable[str] = (),
    workload: str | None = None,
    repeat: int = 1,
    quick: bool = False,
) -> list[PlannedRun]:
    scenarios = named_scenarios(names, overrides, workload)
    return plan_all(scenarios, bind=BIND, quick=quick, repeat=repeat, seed=1)


def write(folder: Path, text: str) -> Path:
    path = folder / "mine.toml"
    path.write_text(text)
    return path


def test_defaults(tmp_path: Path) -> None:
    scenario = read_scenario(write(tmp_path, 'target = "waitress"'))
    assert scenario.name == "mine"
    assert scenario.workload == "io"
    assert scenario.budget == Budget(cpus=1, memory=512 * 1024**2)
    assert scenario.search.time_budget_s is None
    assert scenario.slo is None


@pytest.mark.parametrize(("latency", "limit_ms"), [("5x", 250.0), ("2.5 x", 125.0), ("250ms", 250.0), ("1.5s", 1500.0)])
def test_an_slo_is_a_multiple_of_r0_or_a_time(tmp_path: Path, latency: str, limit_ms: float) -> None:
    scenario = read_scenario(write(tmp_path, f'target = "waitress"\n[slo]\nlatency = "{latency}"'))
    assert scenario.slo is not None
    assert parse_slo(scenario.slo.latency).limit_ms(r0_s=0.05) == pytest.approx(limit_ms)


@pytest.mark.parametrize("name", scenario_names())
def test_every_shipped_scenario_can_be_planned(name: str) -> None:
    (planned,) = make_plan([name])
    assert planned.target is not None
    assert planned.estimate_s > 0


def test_overrides_and_quick() -> None:
    (planned,) = make_plan(["gthread"], overrides=["server.threads=8", "budget.memory=1g"], workload="cpu", quick=True)
    assert planned.target is not None
    assert planned.target.settings["threads"] == 8
    assert planned.target.nominal_slots == 16
    assert planned.scenario.budget.memory == 1024**3
    assert planned.scenario.workload == "cpu"
    assert planned.search.effort is QUICK
    assert planned.search.time_budget_s == 70


def test_repeats_are_interleaved() -> None:
    plans = make_plan(["gthread", "sync"], repeat=2)
    assert [(p.scenario.name, p.repeat) for p in plans] == [("gthread", 1), ("sync", 1), ("gthread", 2), ("sync", 2)]


def test_users_never_exceed_the_connections_the_server_holds() -> None:
    (planned,) = make_plan(["waitress"], overrides=["server.connections=100"])
    assert planned.search.max_users == 98


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "target is missing"),
        ("target = 3", "target = 3: must be text"),
        ("target", "not TOML"),
        ('target = "x"\nworkers = 3', "unknown key 'workers'"),
        ('target = "x"\n[serach]\nprecision=1', "unknown key 'serach' (did you mean 'search'?)"),
        ('target = "x"\n[search]\nprecison = 0.02', "[search] unknown key 'precison' (did you mean 'precision'?)"),
        ('target = "x"\n[search]\nprecision = 2', "[search] precision = 2: must be a number from 0.001 to 0.5"),
        ('target = "x"\n[search]\nmax_users = 0', "max_users = 0: must be a whole number of at least 2"),
        ('target = "x"\n[budget]\ncpus = 0', "[budget] cpus = 0"),
        ('target = "x"\n[budget]\nmemory = "lots"', "memory = 'lots': must be a size of at least 32 MiB"),
        ('target = "x"\n[budget]\nmemory = "1m"', "at least 32 MiB"),
        ('target = "x"\n[load]\nmodel = "half-open"', "model = 'half-open': must be one of closed, open"),
        ('target = "x"\n[load]\nthink_time_ms = -1', "think_time_ms = -1"),
        ('target = "x"\n[load]\nthink_time_ms = true', "think_time_ms = True"),
        ('target = "x"\n[slo]\nlatency = "fast"', "latency = 'fast'"),
        ('target = "x"\n[slo]\nlatency = "0x"', "latency = '0x'"),
        ('target = "x"\n[load]\nmodel = "open"\nrate_rps = 5\n[slo]\nlatency = "5x"', "[slo] has no effect"),
        ('target = "x"\nserver = 3', "server = 3: must be a table"),
        ('target = "x"\n[server]\nworkers = 1.5', "workers must be a whole number or text"),
        ('target = "x"\nbudget = 1', "must be a table"),
    ],
)
def test_a_faulty_file_is_one_error_that_names_file_and_key(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        read_scenario(write(tmp_path, text))
    assert message in str(caught.value)
    assert "mine.toml" in str(caught.value)
    assert caught.value.exit_code == 2


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"cannot read .*none.toml"):
        read_scenario(tmp_path / "none.toml")


@pytest.mark.parametrize("override", ["workers=3", "server.workers", "a.b.c=1", "=1", ".x=1", "target.x=1"])
def test_a_faulty_override_is_refused(override: str) -> None:
    with pytest.raises(UsageError):
        from_table({"target": "x"}, name="n", where="w", overrides=[override])


@pytest.mark.parametrize(
    ("names", "overrides", "workload", "message"),
    [
        (["gthraed"], [], None, "did you mean 'gthread'"),
        (["gthread"], ['target="apache"'], None, "there is no server 'apache'"),
        (["gthread"], [], "iio", "there is no workload 'iio' (did you mean 'io'?)"),
        (["gthread"], ["server.workers=0"], None, "workers = 0 is out of range"),
        (["gthread"], ["server.worker=2"], None, "did you mean 'workers'"),
        (["gthread"], ["load.model=open"], None, "needs rate_rps"),
        (["gthread"], ["load.rate_rps=10"], None, "rate_rps has no effect with model = 'closed'"),
        (["gthread"], ["load.model=open", "load.rate_rps=9", "load.think_time_ms=1"], None, "think_time_ms has no"),
        (["gthread"], ["load.connections=old"], None, "must be one of keepalive, new"),
    ],
)
def test_a_plan_that_cannot_run_is_refused(
    names: list[str], overrides: list[str], workload: str | None, message: str
) -> None:
    with pytest.raises(UsageError) as caught:
        make_plan(names, overrides=overrides, workload=workload)
    assert message in str(caught.value)


def test_a_path_is_a_scenario_too(tmp_path: Path) -> None:
    path = write(tmp_path, 'target = "waitress"')
    assert find_scenario(str(path)) == path


keys = st.text(st.characters(codec="ascii", categories=["L", "N", "P"]), max_size=8)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3),
    max_leaves=6,
)


sections = st.sampled_from(["target", "workload", "server", "budget", "load", "search", "slo"])


@given(st.dictionaries(sections | keys, values))
def test_any_table_is_read_or_refused(table: dict[str, object]) -> None:
    with contextlib.suppress(UsageError):
        assert from_table(dict(table), name="n", where="w").target == table["target"]
    with pytest.raises(UsageError, match=r"^w:"):
        from_table({**table, "unknown key": 1}, name="n", where="w")
