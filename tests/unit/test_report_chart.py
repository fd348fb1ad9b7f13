"""The chart's specification, on made-up runs."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from typing import Any

import pytest

from floodmark.report.chart import COLOURS, FAINT, Curve, curve, goodput
from floodmark.report.vega_lite import SHAPES, Spec
from floodmark.results.record import Load
from floodmark.results.run import Run
from floodmark.verdict.enums import End, Phase
from tests.support.runs import made_up


def drawn(*runs: Run) -> list[Curve]:
    return [curve(run, list(run.results.values())) for run in runs]


def layers(spec: Spec, kind: str) -> list[Spec]:
    """All layers with this mark, outside the grey ones."""
    return [layer for layer in _layers(spec) if layer["mark"]["type"] == kind and layer["mark"].get("color") != FAINT]


def _layers(spec: Spec) -> Iterator[Spec]:
    for panel in spec.get("concat", [spec]):
        yield from panel["layer"]


def values(layer: Spec) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = layer["data"]["values"]
    return found


def test_a_curve_leaves_the_warm_up_out() -> None:
    (one,) = drawn(made_up())
    assert Phase.WARM not in {visit.phase for visit in one.visits}
    assert one.line == [(1, 20.0), (8, 150.0), (16, 160.0), (32, 158.4)]


def test_visits_without_think_time_have_other_users_and_are_not_drawn() -> None:
    thinking = made_up(scenario={"load": Load(think_time_ms=500.0)})
    assert {visit.phase for visit in drawn(thinking)[0].visits} == {Phase.HOLD, Phase.VERIFY, Phase.RECOVERY}


def test_valid_visits_are_filled_and_the_others_hollow_with_their_reason() -> None:
    filled, hollow = layers(goodput(drawn(made_up())), "point")
    assert "fill" in filled["encoding"]
    assert len(values(filled)) == 7
    assert hollow["mark"]["fill"] == "white"
    assert "fill" not in hollow["encoding"]
    assert [(v["visit"], v["left out"]) for v in values(hollow)] == [(7, "goodput drifted")]
    assert "left out" in {channel["field"] for channel in hollow["encoding"]["tooltip"]}


def test_a_confirmed_ceiling_is_a_rule_in_a_band_and_the_knee_stands_below_it() -> None:
    (one,) = drawn(made_up())
    spec = goodput([one])
    (band,) = layers(spec, "rect")
    assert one.ceiling is not None
    assert one.knee is not None
    assert (band["encoding"]["y"]["datum"], band["encoding"]["y2"]["datum"]) == (one.ceiling.lo, one.ceiling.hi)
    ceiling, knee = (rule for rule in layers(spec, "rule") if "tooltip" in rule["mark"])
    assert ceiling["encoding"]["y"]["datum"] == one.ceiling.value
    assert "strokeDash" not in ceiling["mark"]
    assert knee["encoding"]["x"]["datum"] == one.knee.value
    assert knee["encoding"]["y2"]["datum"] == one.ceiling.value


def test_a_bound_is_a_dashed_rule_without_band_or_knee() -> None:
    spec = goodput(drawn(made_up(end=End.TIMED_OUT)), columns=1)
    assert not layers(spec, "rect")
    (bound,) = (rule for rule in layers(spec, "rule") if "tooltip" in rule["mark"])
    assert "strokeDash" in bound["mark"]
    assert spec["concat"][0]["title"]["subtitle"].startswith("at least 15")


def test_a_run_without_a_ceiling_is_still_drawn() -> None:
    spec = goodput(drawn(made_up(end=End.ALL_ERRORS)), columns=1)
    assert spec["concat"][0]["title"]["subtitle"] == "no ceiling"
    assert layers(spec, "point")


def test_every_curve_has_its_own_colour_and_shape() -> None:
    curves = [Curve(name=str(number), visits=()) for number in range(20)]
    spec = goodput(curves)
    encoding = layers(spec, "point")[-1]["encoding"]
    pairs = set(zip(encoding["stroke"]["scale"]["range"], encoding["shape"]["scale"]["range"], strict=True))
    assert len(pairs) == 20
    assert len(COLOURS) == len(set(COLOURS)) == len(SHAPES) == len(set(SHAPES))


def test_panels_share_their_axes_and_show_the_others_in_grey() -> None:
    spec = goodput(drawn(made_up("slow"), made_up("fast", 20.0), made_up("other")), columns=2)
    panels = spec["concat"]
    assert [panel["title"]["text"] for panel in panels] == ["slow", "fast", "other"]
    domains = [panel["encoding"][axis]["scale"]["domain"] for panel in panels for axis in "xy"]
    assert domains[0::2] == [domains[0]] * 3
    assert domains[1::2] == [domains[1]] * 3
    grey = [sum(layer["mark"].get("color") == FAINT for layer in panel["layer"]) for panel in panels]
    assert grey == [2, 2, 2]
    titles = [(p["encoding"]["x"]["axis"]["title"], p["encoding"]["y"]["axis"]["title"]) for p in panels]
    assert titles == [(None, "good answers / s"), ("users", None), ("users", "good answers / s")]


@pytest.mark.parametrize("log_goodput", [True, False])
def test_everything_lies_within_the_axes_even_a_level_without_a_good_answer(log_goodput: bool) -> None:
    run = made_up()
    last = dataclasses.replace(run.visits[-1], goodput_rps=0.0, goodput_lo=0.0, goodput_hi=0.0)
    run = dataclasses.replace(run, visits=[*run.visits[:-1], last])
    spec = goodput(drawn(run), log_goodput=log_goodput)
    x, y = (spec["encoding"][axis]["scale"]["domain"] for axis in "xy")
    for layer in layers(spec, "point"):
        for value in values(layer):
            assert x[0] <= value["users"] <= x[1]
            assert y[0] <= value["goodput"] <= y[1]
    assert values(layers(spec, "point")[0])[-1]["good/s"] == "0"


def test_the_specification_is_plain_json_and_always_the_same() -> None:
    first, again = (json.dumps(goodput(drawn(made_up("a"), made_up("b")), columns=4)) for _ in range(2))
    assert first == again
    assert "NaN" not in first
    assert "Infinity" not in first
