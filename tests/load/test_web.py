"""Locust's web app with our tab, pages and fields, asked as a browser would ask it; nothing listens."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from locust.env import Environment
from locust.runners import STATE_INIT, STATE_RUNNING
from werkzeug.test import TestResponse

from floodmark.errors import UsageError
from floodmark.load.plugin import RampInstaller
from floodmark.load.start_form import Form
from floodmark.protocol.load_settings import LoadSettings
from floodmark.records.timeline import Timeline
from floodmark.results.run import read_run
from floodmark.results.schema import Second
from floodmark.search.order import Order
from floodmark.search.settings import SearchSettings, Span
from floodmark.verdict.enums import End
from floodmark.verdict.outcome import Outcome
from floodmark.webui import page as web
from floodmark.webui.state import TABLE, Live
from tests.support.stored import KEPT

RUN = read_run(KEPT[0])
WINDOW = Timeline().window(0, 10, 0.0)


def feed(live: Live, visits: int) -> None:
    """A search's first visits, two seconds each."""
    live.start(0.0)
    for visit in RUN.visits[:visits]:
        live.order(
            Order(
                phase=visit.phase, users=visit.users, think=True, settle_s=1, span=Span.fixed(3), most_s=3, left_s=60
            ),
            visit.number,
        )
        for half in range(2):
            live.second(Second(t_s=2 * visit.number + half, time="", good=round(visit.goodput_rps), users=visit.users))
        live.visit(visit, WINDOW)


def told(answer: TestResponse) -> Any:
    """The JSON of an answer."""
    return answer.json


class WebUI:
    """As much of Locust's as ours is added to."""

    def __init__(self) -> None:
        self.app = Flask("locust")
        self.template_args: dict[str, Any] = {}
        self.auth_required_if_enabled = lambda view: view
        self.app.add_url_rule("/", "locust.index", lambda: "<html><body>x</body></html>")
        self.app.add_url_rule("/stats/requests", "locust.stats", lambda: {"stats": [], "state": "running"})
        self.app.add_url_rule("/swarm", "locust.swarm", lambda: {"success": True}, methods=["POST"])


@pytest.fixture
def ui() -> WebUI:
    return WebUI()


@pytest.fixture
def live(ui: WebUI) -> Live:
    return web.install(ui, "gthread", 0.0, None)


@pytest.fixture
def client(ui: WebUI, live: Live) -> Iterator[FlaskClient]:
    with ui.app.test_client() as client:
        yield client


def test_the_tab_has_a_row_for_each_visit_in_locust_s_own_answer(client: FlaskClient, live: Live) -> None:
    feed(live, 5)
    answer = told(client.get("/stats/requests"))
    assert answer["state"] == "running"
    (table,) = answer["extended_stats"]
    assert [row["name"] for row in table["data"]] == [1, 2, 3, 4, 5]
    assert all(set(row) == set(TABLE) for row in table["data"])


def test_the_csv_is_that_of_a_run(client: FlaskClient, live: Live) -> None:
    feed(live, 7)
    answer = client.get("/saturation/steps.csv")
    assert "attachment" in answer.headers["Content-Disposition"]
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert [row["visit"] for row in rows] == [str(n) for n in range(1, 8)]
    with (KEPT[0] / "steps.csv").open() as file:
        assert set(next(csv.reader(file))) <= set(rows[0])


def test_the_page_asks_only_its_own_server_and_is_linked(client: FlaskClient) -> None:
    page = client.get("/saturation")
    assert "default-src 'none'" in page.headers["Content-Security-Policy"]
    assert "connect-src 'self'" in page.headers["Content-Security-Policy"]
    assert "no search has been started" in page.text
    assert "vegaEmbed" in client.get("/saturation/library.js").text
    assert 'href="./saturation"' in client.get("/").text


def test_a_page_is_told_only_what_it_does_not_know_yet(client: FlaskClient, live: Live) -> None:
    feed(live, 6)
    first = told(client.get("/saturation/state.json"))
    assert (first["run"], first["visits"], first["seconds"]) == (1, 6, 12)
    assert [point["visit"] for point in first["charts"]["data"]["points"]] == [4, 5, 6]
    known = f"run={first['run']}&visits={first['visits']}&seconds={first['seconds']}"
    again = told(client.get(f"/saturation/state.json?{known}"))
    assert again["charts"] is None
    assert again["new_seconds"] == []
    feed(live, 2)
    other = told(client.get(f"/saturation/state.json?{known}"))
    assert (other["run"], other["visits"], len(other["new_seconds"])) == (2, 2, 4)


def test_the_search_is_told_in_words_from_start_to_verdict(live: Live) -> None:
    assert live.facts()["estimate"] == "none yet"
    feed(live, 6)
    assert live.facts()["phase"].startswith("bracketing the knee: 16 users, about ")
    assert live.facts()["bracket"] == "0 to 16 users"
    feed(live, len(RUN.visits))
    (held,) = live.snapshot(0, 0, 0)["charts"]["data"]["marks"]
    assert held["label"].startswith("gthread: so far 153.4 good/s [150.4, 156.5]")
    live.end(Outcome(end=End.FOUND, reason="", hold_users=32))
    assert live.facts()["phase"].startswith("ended: confirmed")
    state = live.snapshot(0, 0, 0)
    assert not state["running"]
    assert [mark["kind"] for mark in state["charts"]["data"]["marks"]] == ["ceiling", "knee"]


def test_a_form_that_cannot_be_used_says_why(tmp_path: Path) -> None:
    choices = {"gthread": SearchSettings(), "sync": SearchSettings(think_time_s=0.5)}
    form = Form(LoadSettings(scenario="gthread", choices=choices, switch=tmp_path))
    assert form.read({"slo": "5x"}).search.slo is not None
    assert form.read({"slo": ""}).search == SearchSettings()
    with pytest.raises(UsageError, match="five"):
        form.read({"slo": "five"})
    with pytest.raises(UsageError, match="there is no scenario 'other'"):
        form.read({"scenario": "other"})


def test_a_ramp_under_way_is_not_edited_and_a_bad_form_starts_nothing() -> None:
    ui = WebUI()
    environment = Environment(user_classes=[])
    environment.parsed_options = SimpleNamespace(headless=False, ramp="search", slo="", web_base_path="", csv_prefix="")
    runner = environment.create_local_runner()
    RampInstaller(environment, runner, ui)
    shape = environment.shape_class
    with ui.app.test_client() as client:
        runner.state = STATE_RUNNING
        answer = told(client.post("/swarm", data={"user_count": "5", "ramp": "search"}))
        assert not answer["success"]
        assert "stop it first" in answer["message"]
        assert environment.shape_class is shape
        runner.state = STATE_INIT
        answer = told(client.post("/swarm", data={"ramp": "search", "slo": "soon"}))
        assert not answer["success"]
        assert "soon" in answer["message"]
        assert told(client.post("/swarm", data={"ramp": "none"})) == {"success": True}
        assert environment.shape_class is None
    runner.quit()
