"""Switching targets from the web UI."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from floodmark.protocol.load_settings import VARIABLE, LoadSettings, read_settings, write_settings
from floodmark.protocol.target_switch import SwitchRequest, TargetSwitch
from floodmark.search.settings import QUICK, SearchSettings, SloSettings


def test_a_request_is_seen_once_and_comes_back_with_its_answer(tmp_path: Path) -> None:
    asking, holding = TargetSwitch(tmp_path), TargetSwitch(tmp_path)
    assert holding.pending() is None
    answers: list[str] = []

    def ask() -> None:
        answers.extend([asking.ask("sync"), asking.ask("gevent")])

    thread = threading.Thread(target=ask)
    thread.start()
    for number, (name, error) in enumerate([("sync", ""), ("gevent", "it is not installed")], 1):
        while (request := holding.pending()) is None:
            pass
        assert request == SwitchRequest(number, name)
        holding.answer(request, error)
    thread.join(10)
    assert holding.pending() is None
    assert answers == ["", "it is not installed"]


def test_choices_cross_to_the_load_side(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = LoadSettings(
        scenario="gthread",
        choices={"sync": SearchSettings(think_time_s=0.5, effort=QUICK, slo=SloSettings(times_r0=5.0))},
        switch=tmp_path,
    )
    (tmp_path / "load.json").write_bytes(write_settings(settings))
    monkeypatch.setenv(VARIABLE, str(tmp_path / "load.json"))
    assert read_settings() == settings
