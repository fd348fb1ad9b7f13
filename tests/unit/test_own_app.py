"""Which app is meant: options and floodmark.toml, its files, its packages."""

from __future__ import annotations

from pathlib import Path

import pytest

from floodmark.cli import parser
from floodmark.commands import one_scenario, user_app
from floodmark.commands.run import prepare
from floodmark.errors import UsageError
from floodmark.plan.planned_run import PlannedRun
from floodmark.report.tables import stdout
from floodmark.results.record import AppSection
from floodmark.targets import app_copy as own_target
from floodmark.targets import requirements
from floodmark.targets.user_app import locate

OWN = """
[app]
module = "shop.wsgi:app"
dir = "src"
servers = ["gunicorn-gthread:workers=4,threads=2", "waitress"]
path = "/products"
marker = "price"

[budget]
memory = "256m"
"""


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "src").mkdir()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def planned(*words: str) -> list[PlannedRun]:
    return user_app.plans(parser().parse_args(["run", *words]))


def test_floodmark_toml_says_it_all(here: Path) -> None:
    (here / "floodmark.toml").write_text(OWN)
    gthread, waitress = planned()
    assert (gthread.scenario.name, waitress.scenario.name) == (
        "shop-gunicorn-gthread-workers4-threads2",
        "shop-waitress",
    )
    assert gthread.target is not None
    assert gthread.target.app is not None
    assert gthread.target.app.dir == here / "src"
    assert (gthread.target.settings["workers"], gthread.target.nominal_slots) == (4, 8)
    assert (gthread.path, gthread.marker, gthread.home) == ("/products", "price", None)
    assert gthread.scenario.budget.memory == waitress.scenario.budget.memory == 256 * 1024**2


def test_options_change_what_floodmark_toml_says(here: Path) -> None:
    (here / "floodmark.toml").write_text(OWN)
    (only,) = planned("--server", "uwsgi", "--path", "/", "--set", "server.workers=3", "--marker", "")
    assert only.target is not None
    assert (only.target.server.name, only.target.settings["workers"]) == ("uwsgi", 3)
    assert (only.path, only.marker) == ("/", "")


def test_an_app_by_options_leaves_floodmark_toml_aside(here: Path) -> None:
    (here / "floodmark.toml").write_text(OWN)
    runs = planned("--app", "mine:create_app()", "--server", "uwsgi", "--server", "gunicorn-sync", "--repeat", "2")
    assert [(run.scenario.name, run.repeat) for run in runs] == [
        ("mine-uwsgi", 1),
        ("mine-gunicorn-sync", 1),
        ("mine-uwsgi", 2),
        ("mine-gunicorn-sync", 2),
    ]
    assert {run.path for run in runs} == {"/"}


def test_a_locustfile_runs_where_its_paths_are_meant(here: Path) -> None:
    (here / "load.py").write_text("")
    (only,) = planned("--app", "mine:app", "--server", "uwsgi", "--locustfile", "load.py")
    assert (only.locustfile, only.home, only.label) == (here / "load.py", here, "mine-uwsgi-load")


def test_a_scenario_file_elsewhere_has_its_own_home(here: Path) -> None:
    (here / "src" / "mine.toml").write_text('target = "uwsgi"\n[app]\nmodule = "x:app"\n')
    (only,) = planned("src/mine.toml")
    assert only.scenario.name == "mine-uwsgi"
    assert only.target is not None
    assert only.target.app is not None
    assert only.target.app.dir == here / "src"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "say which scenario to run"),
        (["--server", "uwsgi"], "--server has an effect only with --app"),
        (["--app", "mine", "--server", "uwsgi"], "must be MODULE:CALLABLE"),
        (["--app", "mine:app"], "no server for the app"),
        (["--app", "mine:app", "--server", "uwsig"], "did you mean 'uwsgi'"),
        (["--app", "mine:app", "--server", "waitress:workers=2"], "waitress has no setting 'workers'"),
        (["--app", "mine:app", "--server", "waitress:8"], "settings must be name=value"),
        (["--app", "mine:app", "--server", "waitress", "--server", "waitress"], "named twice"),
        (["--app", "mine:app", "--server", "waitress", "--path", "x"], "must begin with /"),
        (["--app", "mine:app", "--server", "waitress", "--app-dir", "no"], "does not exist"),
        (["--app", "mine:app", "--server", "waitress", "--locustfile", "no.py"], "there is no file"),
        (["--app", "mine:app", "--server", "waitress", "--requirements", "no.txt"], "there is no file"),
        (["--app", "mine:app", "--server", "waitress", "--workload", "io"], "--workload has no effect"),
        (["gthread", "--app", "mine:app"], "not both"),
        (["--url", "http://127.0.0.1:1/", "--app", "mine:app"], "not both"),
        (["--app", "mine:app", "--server", "waitress", "--set", "app.pth=/"], "did you mean 'path'"),
        (["--app", "mine:app", "--server", "uwsgi", "--set", "target=waitress"], "keep one"),
        (["--app", "mine:app", "--server", "uwsgi", "--set", "workload=io"], "workload has no effect with [app]"),
        (["--app", "mine:app", "--server", "uwsgi", "--set", "app.start_timeout_s=0"], "from 1 to 3600"),
        (["--app", "mine:app", "--server", "uwsgi", "--set", "app.prepare='"], "must be a command"),
        (["--app", "mine:app", "--server", "uwsgi", "--set", "app.servers=uwsgi"], "must be a list of strings"),
    ],
)
def test_what_cannot_be_meant_is_refused(words: list[str], message: str) -> None:
    with pytest.raises(UsageError) as caught:
        prepare(parser().parse_args(["run", *words]), stdout())
    assert message in str(caught.value)


def test_one_server_is_brought_up_by_hand() -> None:
    words = ["up", "--app", "mine:app", "--server", "waitress"]
    assert one_scenario.one_scenario(parser().parse_args(words)).target == "waitress"
    with pytest.raises(UsageError, match=r"say which with --server \(waitress, uwsgi\)"):
        one_scenario.one_scenario(parser().parse_args([*words, "--server", "uwsgi"]))
    with pytest.raises(UsageError, match="say what to bring up"):
        one_scenario.one_scenario(parser().parse_args(["up"]))


@pytest.mark.parametrize("path", ["x", "/a b", "/\u00e4", ""])
def test_a_path_can_be_sent_as_it_is(path: str) -> None:
    with pytest.raises(UsageError, match="must begin with /"):
        planned("--app", "mine:app", "--server", "uwsgi", "--path", path)


def test_an_own_file_without_an_app_says_what_is_missing(here: Path) -> None:
    (here / "floodmark.toml").write_text('target = "uwsgi"\n')
    with pytest.raises(UsageError, match=r"section \[app\] is missing"):
        planned()


def test_a_locustfile_cannot_be_offered_at_a_rate(here: Path) -> None:
    (here / "load.py").write_text("")
    words = ["--app", "mine:app", "--server", "uwsgi", "--locustfile", "load.py"]
    with pytest.raises(UsageError, match="a locustfile cannot be driven at a rate"):
        planned(*words, "--set", "slo.latency=5x")
    with pytest.raises(UsageError, match="marker has no effect"):
        planned(*words, "--marker", "x")


def app_in(folder: Path, **keys: object) -> list[str]:
    section = AppSection(module="mine:app", **keys)  # type: ignore[arg-type]
    found = locate(section, folder, "test")
    return [path.relative_to(folder).as_posix() for path in own_target.files(found)]


def test_what_is_no_part_of_the_app_is_not_copied(here: Path) -> None:
    for name in (
        "mine.py", "data/big.bin", "data/small.txt", ".git/config", "__pycache__/mine.pyc", "env/pyvenv.cfg",
        "results/20261120T101500Z-x-1/run.json", "results/runs.csv", ".env",
    ):  # fmt: skip
        (here / name).parent.mkdir(parents=True, exist_ok=True)
        (here / name).write_text("x")
    (here / "link").symlink_to("data")
    assert app_in(here) == [".env", "link", "mine.py", "data/big.bin", "data/small.txt", "results/runs.csv"]
    assert app_in(here, exclude=("*.bin", "results", "link")) == [".env", "mine.py", "data/small.txt"]


def test_far_too_much_is_refused(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(own_target, "MAX_FILES", 2)
    for number in range(3):
        (here / f"{number}.py").write_text("")
    with pytest.raises(UsageError, match=r"--app-dir, or leave some out with \[app\] exclude"):
        app_in(here)


def test_requirements_are_read_with_what_they_include(here: Path) -> None:
    (here / "requirements.txt").write_text(
        "-r base.txt\n-c limits.txt\nFlask==3.1.0 \\\n  --hash=sha256:aa  # pinned\nGunicorn>=20\n--pre\n"
    )
    (here / "base.txt").write_text("# base\nrequests\n\npyuWSGI ; python_version < '4'\n")
    (here / "limits.txt").write_text("urllib3<2\n")
    found = requirements.read(here / "requirements.txt")
    assert found is not None
    assert found.lines == ("requests", "Flask==3.1.0 --hash=sha256:aa", "--pre")
    assert found.constraints == ("urllib3<2",)
    assert found.left_out == ("pyuWSGI", "Gunicorn")
    before = found.digest("x")
    (here / "limits.txt").write_text("urllib3<3\n")
    again = requirements.read(here / "requirements.txt")
    assert again is not None
    assert again.digest("x") != before


@pytest.mark.parametrize("text", ["", "# nothing\n", "gunicorn\n", "--pre\n"])
def test_requirements_that_ask_for_nothing_install_nothing(here: Path, text: str) -> None:
    (here / "requirements.txt").write_text(text)
    assert requirements.read(here / "requirements.txt") is None


@pytest.mark.parametrize(
    "line", ["-e .", "--editable=.", "./lib", ".", "/srv/lib", "lib @ file:///srv/lib", "-r requirements.txt"]
)
def test_requirements_that_cannot_be_installed_apart_are_refused(here: Path, line: str) -> None:
    (here / "requirements.txt").write_text(f"flask\n{line}\n")
    with pytest.raises(UsageError, match=r"requirements\.txt"):
        requirements.read(here / "requirements.txt")
