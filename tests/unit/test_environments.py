"""Environments with other versions of a server, and options that older versions do not have."""

from __future__ import annotations

from importlib.metadata import version

import pytest

from floodmark.errors import UsageError
from floodmark.plan.scenario import from_table
from floodmark.targets import environments
from target_apps import catalog

TABLE = {"target": "gunicorn-sync", "workload": "io"}


def test_everything_but_the_wanted_packages_is_as_locked() -> None:
    constraints = environments._constraints(["Gunicorn==23.0.0"])
    assert any(line.startswith("flask==") for line in constraints)
    assert not any(line.startswith("gunicorn==") for line in constraints)
    assert any(line.startswith("gunicorn==") for line in environments._constraints(["flask"]))


def test_an_environment_is_found_again_by_its_content() -> None:
    assert environments._key(["a==1", "b==2"]) == environments._key(["b==2", "a==1"])
    assert environments._key(["gunicorn==23.0.0"]) != environments._key(["gunicorn==27.0.1"])


def test_a_new_option_is_left_out_for_a_version_that_lacks_it(monkeypatch: pytest.MonkeyPatch) -> None:
    server = catalog.load("gunicorn-sync")
    words = ["gunicorn", "--no-control-socket", "--bind", "x"]
    for installed, known in (("23.0.0", False), ("25.0.3", False), ("25.1.0", True), ("27.0.1", True)):
        monkeypatch.setattr("importlib.metadata.version", lambda _, installed=installed: installed)
        assert ("--no-control-socket" in server.known_options(words)) is known


def test_the_installed_gunicorn_gets_every_option() -> None:
    assert int(version("gunicorn").split(".")[0]) >= 26
    server = catalog.load("gunicorn-gthread")
    assert server.known_options(server.command) == list(server.command)


@pytest.mark.parametrize("packages", [[], "gunicorn==23.0.0", [1], ["--index-url=http://x"]])
def test_packages_are_requirements(packages: object) -> None:
    with pytest.raises(UsageError, match="packages = "):
        from_table({**TABLE, "packages": packages}, name="s", where="s.toml")


def test_packages_and_a_late_close_are_read() -> None:
    scenario = from_table(
        {**TABLE, "packages": ["gunicorn==23.0.0"], "load": {"close_delay_ms": 20}}, name="s", where="s"
    )
    assert scenario.packages == ("gunicorn==23.0.0",)
    assert scenario.load.close_delay_ms == 20
