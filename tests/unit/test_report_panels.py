"""The goodput chart as a panel for each server, on made-up runs: its specification, and what is drawn of it."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import pytest

from docs.build import curves
from floodmark.report.html.pictures import standalone
from floodmark.report.html.series import against_users
from floodmark.report.vega_lite import Spec
from floodmark.results.record import Load
from floodmark.results.run import Run
from floodmark.verdict.enums import End
from tests.support.runs import made_up


def drawn(*runs: Run) -> str:
    picture = standalone(curves(runs), "test")
    assert picture is not None
    return picture


def named(count: int) -> list[Run]:
    return [made_up(f"server-{number}", 1 + number / 10) for number in range(count)]


def titles(spec: Spec, axis: str) -> list[Any]:
    """Of each panel's line of its own."""
    lines = [next(one for one in panel["layer"] if one["mark"]["type"] == "point") for panel in spec["concat"]]
    return [line["encoding"][axis]["title"] for line in lines]


def test_a_panel_has_its_servers_name_and_ceiling() -> None:
    spec = curves([made_up(), made_up("lost", end=End.TIMED_OUT), made_up("broken", end=End.ALL_ERRORS)])
    found = [(panel["title"]["text"], panel["title"]["subtitle"]) for panel in spec["concat"]]
    assert [name for name, _ in found] == ["gthread", "lost", "broken"]
    assert found[0][1].startswith("160.0 [")
    assert found[1][1].startswith("at least 15")
    assert found[2][1] == "no ceiling"


def test_only_outer_panels_name_their_axes() -> None:
    spec = curves(named(6))
    assert spec["columns"] == 4
    assert titles(spec, "x") == [None, None, "users", "users", "users", "users"]
    rates = ["good answers / s", None, None, None, "good answers / s", None]
    assert titles(spec, "y") == rates


def test_every_panel_shows_its_own_visits_and_the_others_only_as_grey_lines() -> None:
    picture = drawn(*named(2))
    for number in range(2):
        # Eight visits without the warm-up, one of them void and its reason told.
        assert picture.count(f'aria-label="server-{number}, visit ') == 8
        assert picture.count(f"server-{number}, visit 7 (verify): 32 users, ") == 1
    assert picture.count("left out: goodput drifted") == 2
    assert picture.count("#c9ced4") == 2  # a grey line in each panel
    assert picture.count(">knee 8.0<") == 2


def test_a_bound_has_no_band_and_no_knee() -> None:
    picture = drawn(made_up(end=End.TIMED_OUT))
    assert "not confirmed" in picture
    assert "knee" not in picture


def test_visits_without_think_time_have_other_users_and_are_not_drawn() -> None:
    thinking = made_up(scenario={"load": Load(think_time_ms=500.0)})
    phases = [row["phase"] for row in against_users("x", thinking)["points"]]
    assert sorted(set(phases)) == ["hold", "recovery", "verify"]


@pytest.mark.parametrize("rate", [0.0, 1e-6])
def test_a_level_without_a_good_answer_is_drawn_all_the_same(rate: float) -> None:
    run = made_up()
    last = dataclasses.replace(run.visits[-1], goodput_rps=rate, goodput_lo=0.0, goodput_hi=rate)
    picture = drawn(dataclasses.replace(run, visits=[*run.visits[:-1], last]))
    assert "NaN" not in picture
    assert "Infinity" not in picture


def test_the_same_runs_give_the_same_picture_without_a_variable_left_in_it() -> None:
    assert drawn(*named(3)) == drawn(*named(3))
    assert "var(" not in drawn(*named(1))
    assert json.dumps(curves(named(3))) == json.dumps(curves(named(3)))
