"""The user's own app, from another folder than ours: what is brought up, what is refused, and what is left."""

from __future__ import annotations

import contextlib
import csv
import json
import sqlite3
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from floodmark.errors import TargetError
from floodmark.plan.app_scenarios import from_own_table, read_scenarios
from floodmark.plan.planned_run import plan_run
from floodmark.targets.process import ProcessBackend
from floodmark.targets.ready import ask
from floodmark.targets.target import Check, Target
from target_apps.serve import ROOT
from tests.support.processes import Command, free_port, only_run
from tests.support.targets import ALLOTMENT, INSTALLED
from tests.support.verdicts import settled

TUTORIAL = ROOT / "examples" / "tutorial"

APP = """
import os, sys
from pathlib import Path

Path("written").write_text("by the app")

def app(environ, start_response):
    status, body = {
        "/": ("204 No Content", b""),
        "/where": ("200 OK", f"{os.getcwd()} {sys.path[0]}".encode()),
        "/moved": ("302 Found", b"elsewhere"),
        "/broken": ("500 Internal Server Error", b"broken"),
    }.get(environ["PATH_INFO"], ("404 Not Found", b"nothing here"))
    start_response(status, [("Content-Length", str(len(body)))])
    return [body]
"""


def target(folder: Path, server: str, module: str = "mine:app", **section: object) -> Target:
    table = {"app": {"module": module, "servers": [server], **section}}
    (scenario,) = from_own_table(table, where="test", home=folder, name="floodmark")
    planned = plan_run(scenario, bind=("127.0.0.1", free_port()), quick=False, repeat=1, seed=1)
    assert planned.target is not None
    return planned.target


def refusal(wanted: Target, folder: Path) -> TargetError:
    with pytest.raises(TargetError) as caught:
        ProcessBackend().up(wanted, ALLOTMENT, folder)
    assert sorted(path.name for path in folder.iterdir()) == ["target.log"]
    return caught.value


@pytest.fixture
def app(tmp_path: Path) -> Path:
    folder = tmp_path / "app"
    folder.mkdir()
    (folder / "mine.py").write_text(APP)
    return folder


@pytest.fixture
def run(tmp_path: Path) -> Path:
    folder = tmp_path / "run"
    folder.mkdir()
    return folder


@contextlib.contextmanager
def serving(wanted: Target, folder: Path) -> Iterator[None]:
    running = ProcessBackend().up(wanted, ALLOTMENT, folder)
    try:
        yield
    finally:
        running.down()


@pytest.mark.parametrize("server", [n for n in INSTALLED if n in {"flask-processes", "gunicorn-gevent", "uwsgi"}])
def test_a_server_serves_a_copy_from_its_own_folder_and_leaves_the_users(app: Path, run: Path, server: str) -> None:
    wanted = target(app, server)
    before = sorted(app.iterdir())
    with serving(wanted, run):
        status, body = ask(wanted.host, wanted.port, Check(path="/where", marker=None))
        copy = str(run / "app")
        assert (status, body.decode()) == (200, f"{copy} {copy}")
        assert (run / "app" / "written").read_text() == "by the app"
    assert sorted(app.iterdir()) == before
    assert sorted(path.name for path in run.iterdir()) == ["target.log"]


@pytest.mark.parametrize("server", ["gunicorn-gthread", "uwsgi"])
def test_a_factory_with_its_database_prepared(run: Path, server: str) -> None:
    if server not in INSTALLED:
        pytest.skip(f"no {server} here")
    found = {s.target: s for s in read_scenarios(TUTORIAL / "floodmark.toml")}
    wanted = plan_run(found[server], bind=("127.0.0.1", free_port()), quick=False, repeat=1, seed=1).target
    assert wanted is not None
    with serving(wanted, run):
        database = sqlite3.connect(run / "app" / "instance" / "flaskr.sqlite")
        assert database.execute("SELECT count(*) FROM post").fetchone() == (20,)
        database.close()
        assert ask(wanted.host, wanted.port, Check(path="/hello", marker=None)) == (200, b"Hello, World!")
    assert not (TUTORIAL / "instance").exists()


@pytest.mark.parametrize(
    ("server", "source", "message", "log"),
    [
        (
            "gunicorn-gthread",
            "import no_such",
            "No module named 'no_such'; list the package it comes",
            "import no_such",
        ),
        ("gunicorn-gthread", "raise RuntimeError('no settings')", "RuntimeError: no settings", "raise RuntimeError("),
        ("waitress", "def app(: pass", "SyntaxError", "def app(: pass"),
        ("waitress", "import sys; sys.exit('not today')", "SystemExit: not today", "sys.exit"),
        ("waitress", "app = 3", "NotAnApp: mine:app is an object of type int, not a WSGI app", "NotAnApp"),
        ("uwsgi", "def app(config): pass", "a function with the arguments (config), not a WSGI app", "NotAnApp"),
    ],
)
def test_an_app_that_cannot_be_loaded_says_why(
    app: Path, run: Path, server: str, source: str, message: str, log: str
) -> None:
    if server not in INSTALLED:
        pytest.skip(f"no {server} here")
    (app / "mine.py").write_text(source)
    error = refusal(target(app, server), run)
    assert "mine:app cannot be loaded: " in str(error)
    assert message in str(error)
    assert log in error.log


def test_an_app_that_does_not_come_to_an_end_of_its_import_says_where_it_stands(app: Path, run: Path) -> None:
    (app / "mine.py").write_text("import time\n\n\ndef wait():\n    time.sleep(600)\n\n\nwait()\n")
    error = refusal(target(app, "waitress", start_timeout_s=1), run)
    assert "not ready after 1 s" in str(error)
    assert "importing mine:app takes too long" in str(error)
    assert 'mine.py", line 5 in wait' in error.log


@pytest.mark.parametrize(
    ("section", "message"),
    [
        ({"path": "/nowhere"}, "/nowhere answered 404: nothing here; use --path"),
        ({"path": "/where", "marker": "Welcome"}, "without the marker 'Welcome'"),
        ({"prepare": "python -c 'import sys; sys.exit(7)'"}, "ended before it was ready: exit code 4"),
        ({"prepare": "no-such-program"}, "ended before it was ready: exit code 4"),
    ],
)
def test_what_does_not_answer_as_it_should_is_refused_before_any_load(
    app: Path, run: Path, section: dict[str, str], message: str
) -> None:
    error = refusal(target(app, "waitress", **section), run)
    assert message in str(error)


def test_a_locustfile_asks_for_what_it_likes_so_that_any_answer_will_do(app: Path, run: Path) -> None:
    (app / "locustfile.py").write_text("")
    wanted = target(app, "waitress", locustfile="locustfile.py")
    (app / "mine.py").write_text(APP.replace('"/": ("204 No Content", b""),', ""))
    with serving(wanted, run):
        assert ask(wanted.host, wanted.port, Check(path="/", marker=None))[0] == 404


def test_packages_of_its_own_come_first_and_the_servers_stay_ours(
    app: Path, run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = tmp_path / "cache"
    monkeypatch.setenv("XDG_CACHE_HOME", str(cache))
    wheels = tmp_path / "wheels"
    wheels.mkdir()
    make_wheel(wheels)
    (app / "requirements.txt").write_text(f"--no-index\n--find-links {wheels}\ngunicorn==1.0\n-r more.txt\n")
    (app / "more.txt").write_text("# what greets\ngreeting \\\n  ==1.0  # here\n")
    (app / "mine.py").write_text(
        "import greeting\n\n\ndef app(environ, start_response):\n"
        "    start_response('200 OK', [])\n    return [greeting.WORD.encode()]\n"
    )
    said: list[str] = []
    wanted = target(app, "gunicorn-gthread", marker="welcome")
    for _ in range(2):
        running = ProcessBackend(say=said.append).up(wanted, ALLOTMENT, run)
        assert str(running.effective.version).split(".")[0] != "1"
        running.down()
    assert [("ignoring gunicorn" in text, "installing the packages" in text) for text in said] == [
        (True, False),
        (False, True),
    ]
    (app / "more.txt").write_text("greeting==2.0\n")
    with pytest.raises(TargetError, match="cannot be installed") as caught:
        ProcessBackend(say=said.append).up(wanted, ALLOTMENT, run)
    assert "No matching distribution found for greeting==2.0" in caught.value.log
    assert len(list((cache / "floodmark").iterdir())) == 1


def make_wheel(folder: Path) -> None:
    """A package of one module, made by hand so that nothing is downloaded."""
    with zipfile.ZipFile(folder / "greeting-1.0-py3-none-any.whl", "w") as wheel:
        wheel.writestr("greeting.py", "WORD = 'welcome'\n")
        wheel.writestr("greeting-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: greeting\nVersion: 1.0\n")
        wheel.writestr("greeting-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr("greeting-1.0.dist-info/RECORD", "")


def test_floodmark_toml_is_run_from_the_users_folder(app: Path) -> None:
    (app / "floodmark.toml").write_text('[app]\nmodule = "mine:app"\nservers = ["waitress"]\n')
    bind = f"127.0.0.1:{free_port()}"
    words = ["run", "--backend", "process", "--bind", bind, "--json"]
    rate = ["--set", "load.model=open", "--set", "load.rate_rps=20", "--set", "load.seconds=2"]
    done = Command([*words, *rate], cwd=app).run(120)
    settled(done.returncode, only_run(app / "results"), done.stderr)
    assert done.returncode == 0, done.stderr
    assert sorted(path.name for path in app.iterdir()) == ["floodmark.toml", "mine.py", "results"]
    (document,) = json.loads(done.stdout)["runs"]
    folder = only_run(app / "results")
    assert document["folder"] == str(folder)
    facts = json.loads((folder / "run.json").read_text())
    assert facts["scenario"]["name"] == "mine-waitress"
    assert facts["scenario"]["app"]["module"] == "mine:app"
    assert facts["app"]["dir"] == str(app)
    with (folder / "steps.csv").open() as file:
        assert sum(int(row["good"]) for row in csv.DictReader(file)) > 0
    assert (folder / "locust_stats.csv").is_file()


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["run", "--app", "mine", "--server", "uwsgi"], 2, "must be MODULE:CALLABLE"),
        (
            ["run", "--app", "nine:app", "--server", "waitress", "--backend", "process"],
            3,
            "set its folder with --app-dir",
        ),
    ],
)
def test_bad_input_is_one_clear_error(app: Path, words: list[str], code: int, message: str) -> None:
    done = Command([*words, "--bind", f"127.0.0.1:{free_port()}"], cwd=app).run(60)
    assert done.returncode == code, done.stderr
    assert done.stderr.count("floodmark:") == 1
    assert message in " ".join(done.stderr.split())
    assert (app / "results").exists() == (code == 3)
