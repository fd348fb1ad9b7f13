"""The web UI's wish for another target, and its answer."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from floodmark.protocol.load_settings import VARIABLE, LoadSettings, read_settings, to_json
from floodmark.protocol.target_switch import Wish, Wishes
from floodmark.search.settings import QUICK, SearchSettings, SloSettings


def test_a_wish_is_seen_once_answered_and_comes_back_with_its_answer(tmp_path: Path) -> None:
    asking, holding = Wishes(tmp_path), Wishes(tmp_path)
    assert holding.pending() is None
    answers: list[str] = []

    def ask() -> None:
        answers.extend([asking.ask("sync"), asking.ask("gevent")])

    thread = threading.Thread(target=ask)
    thread.start()
    for number, (name, error) in enumerate([("sync", ""), ("gevent", "it is not installed")], 1):
        while (wish := holding.pending()) is None:
            pass
        assert wish == Wish(number, name)
        holding.answer(wish, error)
        assert holding.pending() is None or number == 1
    thread.join(10)
    assert answers == ["", "it is not installed"]


def test_choices_cross_to_the_load_side(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = LoadSettings(
        scenario="gthread",
        choices={"sync": SearchSettings(think_time_s=0.5, pace=QUICK, slo=SloSettings(times_r0=5.0))},
        wishes=tmp_path,
    )
    (tmp_path / "load.json").write_text(to_json(settings))
    monkeypatch.setenv(VARIABLE, str(tmp_path / "load.json"))
    assert read_settings() == settings
