"""Server declarations: the ones we ship, and faulty ones."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from target_apps import catalog
from target_apps.serve import ROOT
from target_apps.server import CatalogError, Place

DECLARATION = """
title = "x"
distribution = "x"
needs = []
mend = "pip install x"
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
    assert (server.nominal_slots(settings) or 1) >= 1
    assert server.stop_signal in {signal.SIGTERM, signal.SIGINT, signal.SIGQUIT, signal.SIGWINCH}
    assert server.notes


@pytest.mark.parametrize("name", catalog.names())
def test_every_server_has_a_compose_service_with_its_stop_signal(name: str) -> None:
    services = (ROOT / "compose" / "compose.yaml").read_text().partition("services:")[2]
    service = services.partition(f"\n  {name}:\n")[2].split("\n  ")[0]
    assert services.count(f"\n  {name}:\n") == 1
    block = services.partition(f"\n  {name}:\n")[2]
    assert f"python -m target_apps.serve {name} --bind" in block.splitlines()[1]
    assert f"stop_signal: {catalog.load(name).stop_signal.name}" in block.splitlines()[2]
    assert service.strip().startswith("<<: *target") or "<<: *target" in block.splitlines()[0]


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
        ('stop_signal = "TERM"', 'stop_signal = "STOPIT"', "'STOPIT' is no signal"),
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
