"""Server declarations: the ones we ship, and faulty ones."""

from __future__ import annotations

import signal
import sys
from pathlib import Path

import pytest

from target_apps import catalog
from target_apps.probe import find_object
from target_apps.serve import ROOT
from target_apps.server import CatalogError, Place, Reading

DECLARATION = """
title = "x"
distribution = "x"
needs = []
fix = "pip install x"
command = ["x", "{bind}", "--workers", "{workers}"]
stop_signal = "TERM"
slots = "workers"
processes = "workers"
connections = "unlimited"
keepalive = true
[settings.workers]
default = 2
min = 1
max = 8
help = "workers"
[read_back]
object = "x:Y"
[read_back.read]
workers = "a.b"
[read_back.expect]
workers = "{workers}"
"""


def write(folder: Path, text: str) -> Path:
    path = folder / "x.toml"
    path.write_text(text)
    return path


@pytest.mark.parametrize("name", catalog.names())
def test_every_shipped_server_loads_and_makes_a_command(name: str) -> None:
    server = catalog.load(name)
    settings = server.resolve({})
    assert server.expectations(settings).keys() <= server.read_back.read.keys()
    slots = server.nominal_slots(settings)
    assert slots is None if name == "flask-threaded" else slots in {1, 8, 1024, 4096}
    assert server.stop_signal in {signal.SIGTERM, signal.SIGINT, signal.SIGQUIT, signal.SIGWINCH}
    assert server.notes


@pytest.mark.parametrize("name", catalog.names())
def test_every_server_has_a_compose_service_with_its_stop_signal(name: str) -> None:
    services = (ROOT / "compose" / "compose.yaml").read_text().partition("services:")[2]
    assert services.count(f"\n  {name}:\n") == 1
    block = services.partition(f"\n  {name}:\n")[2]
    assert block.startswith("    <<: *target\n")
    assert f"python -m target_apps.serve {name} --bind" in block.splitlines()[1]
    assert f"stop_signal: {catalog.load(name).stop_signal.name}" in block.splitlines()[2]


def test_defaults_are_equal_budgets_of_eight_slots_where_the_server_has_slots() -> None:
    for name in (
        "gunicorn-sync",
        "gunicorn-gthread",
        "gunicorn-gthread-reuseport",
        "uwsgi",
        "uwsgi-http",
        "waitress",
        "mod-wsgi",
        "granian",
        "cheroot",
        "uvicorn-a2wsgi",
        "flask-processes",
    ):
        server = catalog.load(name)
        assert server.nominal_slots(server.resolve({})) == 8, name


def test_a_good_declaration(tmp_path: Path) -> None:
    server = catalog.read(write(tmp_path, DECLARATION))
    assert server.resolve({}) == {"workers": 2}
    assert server.resolve({"workers": 5}) == {"workers": 5}
    assert server.nominal_slots({"workers": 5}) == 5
    assert server.connection_cap({"workers": 5}) is None
    assert server.expectations({"workers": 5}) == {"workers": 5}
    with pytest.raises(CatalogError, match=r"x: x is not installed; pip install x"):
        server.argv({"workers": 2}, Place(host="h", port=1, app="a:b", root=tmp_path, scratch=tmp_path))


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        ('title = "x"', "", "x.toml: title must be text"),
        ('title = "x"', 'titel = "x"\ntitle = "x"', "x.toml: unknown key titel"),
        ('stop_signal = "TERM"', 'stop_signal = "STOPIT"', "'STOPIT' is not a signal"),
        ('slots = "workers"', 'slots = "threads"', "slots: 'threads' uses 'threads'"),
        ("keepalive = true", 'keepalive = "yes"', "keepalive must be true or false"),
        ("{bind}", "{bimd}", "{bimd} in '{bimd}' is not a setting"),
        ("default = 2", "default = 9", "out of range"),
        ("default = 2", "default = 2.5", "must be a whole number or text"),
        ('workers = "a.b"', 'threads = "a.b"', "read_back.expect.workers is never read"),
        ("[settings.workers]", "[settings.workers", "x.toml:"),
    ],
)
def test_a_faulty_declaration_names_file_and_key(tmp_path: Path, before: str, after: str, message: str) -> None:
    assert before in DECLARATION
    with pytest.raises(CatalogError) as caught:
        catalog.read(write(tmp_path, DECLARATION.replace(before, after, 1)))
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("chosen", "message"),
    [
        ({"worker": 2}, "no setting 'worker' (did you mean 'workers'?)"),
        ({"workers": 0}, "workers = 0 is out of range; allowed is 1 to 256"),
        ({"workers": -1}, "out of range"),
        ({"workers": True}, "not a whole number"),
        ({"workers": "four"}, "not a whole number"),
        ({"workers": 1.5}, "not a whole number"),
    ],
)
def test_impossible_settings_are_refused(chosen: dict[str, object], message: str) -> None:
    with pytest.raises(CatalogError) as caught:
        catalog.load("gunicorn-gthread").resolve(chosen)
    assert message in str(caught.value)


def test_an_unknown_server_is_named_with_the_nearest() -> None:
    with pytest.raises(CatalogError, match=r"did you mean 'gunicorn-gthread'"):
        catalog.load("gunicorn-gthreads")


class Box:
    """Something for the read-back to find."""


class Unmade:
    """Nothing of this kind lives."""


def test_a_read_back_finds_an_instance_a_call_under_way_and_a_module() -> None:
    box, inside = Box(), "seen"
    here = f"{__name__}:test_a_read_back_finds_an_instance_a_call_under_way_and_a_module()"
    assert find_object(f"{__name__}:Box") is box
    found = find_object(here)
    assert isinstance(found, dict)
    assert found["inside"] == inside
    assert find_object(__name__) is sys.modules[__name__]


@pytest.mark.parametrize("name", [f"{__name__}:Unmade", f"{__name__}:write()", "nowhere_at_all:Box"])
def test_a_read_back_that_finds_nothing_says_so(name: str) -> None:
    with pytest.raises(LookupError):
        find_object(name)


def test_a_fact_may_stand_on_another_object(tmp_path: Path) -> None:
    elsewhere = DECLARATION.replace('workers = "a.b"', 'workers = { object = "z:Z", path = "c" }')
    assert catalog.read(write(tmp_path, elsewhere)).read_back.read["workers"] == Reading(object="z:Z", path="c")
    with pytest.raises(CatalogError, match=r"unknown key read_back.read.workers.pth"):
        catalog.read(write(tmp_path, elsewhere.replace("path =", 'path = "c", pth =')))


def test_environment_and_scratch_are_filled_in(tmp_path: Path) -> None:
    text = DECLARATION.replace("[read_back]", '[environment]\nX = "{workers} {scratch} {module}"\n[read_back]', 1)
    place = Place(host="h", port=1, app="a:b", root=tmp_path, scratch=tmp_path)
    assert catalog.read(write(tmp_path, text)).variables({"workers": 3}, place) == {"X": f"3 {tmp_path} a"}


def test_a_folder_of_ones_own_adds_servers_and_takes_no_name_of_ours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(catalog.OWN, str(tmp_path))
    write(tmp_path, DECLARATION)
    assert "x" in catalog.names()
    assert catalog.load("x").title == "x"
    assert catalog.is_own("x")
    assert not catalog.is_own("waitress")
    (tmp_path / "waitress.toml").write_text(DECLARATION)
    with pytest.raises(CatalogError, match=r"waitress.toml has the name of a built-in server"):
        catalog.names()
    monkeypatch.setenv(catalog.OWN, str(tmp_path / "nowhere"))
    with pytest.raises(CatalogError, match=r"there is no such folder"):
        catalog.names()


def test_a_server_that_leaves_root_is_unavailable_where_others_cannot_read_python(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    python = tmp_path / "home" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.touch()
    tmp_path.joinpath("home").chmod(0o700)
    server = catalog.read(write(tmp_path, DECLARATION.replace("needs = []", 'needs = ["readable-by-all"]')))
    monkeypatch.setattr("sys.executable", str(python))
    monkeypatch.setattr("os.geteuid", lambda: 0)
    reason = server.missing()
    assert reason is not None
    assert "started by root it becomes another user" in reason
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    assert server.missing() is None
