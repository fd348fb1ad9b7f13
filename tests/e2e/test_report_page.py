"""The HTML report in a browser: opened from a file, used as a reader would, without a word or a request."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from floodmark.report.html.page import render
from floodmark.report.runs import collect
from tests.support.browser import watched
from tests.support.stored import KEPT, add_details, copy_run

pytestmark = pytest.mark.xdist_group("browser")


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of all runs in docs/runs, with timelines and histograms, and earlier runs of one."""
    folder = tmp_path_factory.mktemp("runs")
    for number, kept in enumerate(KEPT):
        add_details(copy_run(kept, folder, 10 + number))
    for number in range(3):
        copy_run(KEPT[0], folder, number)
    path = folder / "report.html"
    path.write_text(render(collect([folder])), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def short_report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of two runs; one of them with visits left out."""
    folder = tmp_path_factory.mktemp("short")
    for number, kept in enumerate(kept for kept in KEPT if "flask-processes" in kept.name or "gthread" in kept.name):
        add_details(copy_run(kept, folder, number))
    path = folder / "report.html"
    path.write_text(render(collect([folder])), encoding="utf-8")
    return path


def names() -> list[str]:
    return [str(json.loads((kept / "run.json").read_text())["scenario"]["name"]) for kept in KEPT]


def marks(chart: Locator, words: str) -> Locator:
    """A chart's marks by what a screen reader says of them."""
    return chart.locator(f"[role='graphics-symbol'][aria-label*={json.dumps(words)}]")


def chart_of(page: Page, name: str) -> Locator:
    chart = page.get_by_test_id(name).first
    expect(chart).to_have_attribute("data-drawn", "yes")
    return chart


def test_every_server_mark_and_reason_is_there_and_can_be_hidden(browser: Browser, report: Path) -> None:
    with watched(browser) as seen:
        page = seen.page
        page.goto(report.as_uri())
        chart = chart_of(page, "goodput")
        for name in names():
            assert marks(chart, f"{name}: ceiling").count() == 2
            assert marks(chart, f"{name}: knee").count() == 1
        visits = [row for kept in KEPT for row in csv.DictReader((kept / "steps.csv").read_text().splitlines())]
        drawn = [row for row in visits if row["phase"] != "warm"]
        assert marks(chart, ", visit ").count() == len(drawn)
        hollow = marks(chart, "left out: ")
        assert hollow.count() == sum(row["valid"] == "0" for row in drawn) > 0
        hollow.first.hover(force=True)
        expect(page.locator("#vg-tooltip-element")).to_contain_text("drifted")

        page.get_by_role("checkbox", name="gevent").focus()
        page.keyboard.press("Space")
        expect(marks(chart, "gevent")).to_have_count(0)
        expect(marks(chart_of(page, "latency"), "gevent")).to_have_count(0)
        assert marks(chart, "waitress: ceiling").count() == 2
        page.get_by_role("checkbox", name="all").click()
        page.get_by_role("checkbox", name="all").click()
        expect(marks(chart, "gevent: knee")).to_have_count(1)
        seen.must_have_said_nothing()
        seen.must_have_asked_only("file://")


def test_axes_and_quantiles_change_and_the_servers_own_charts_open(browser: Browser, report: Path) -> None:
    with watched(browser) as seen:
        page = seen.page
        page.goto(report.as_uri())
        chart = chart_of(page, "goodput")
        place = marks(chart, "gevent: knee").bounding_box()
        page.get_by_role("checkbox", name="logarithmic users").uncheck()
        knee = "document.querySelector(\"[data-testid=goodput] [aria-label^='gevent: knee']\")"
        page.wait_for_function(
            f"before => {knee} && {knee}.getBoundingClientRect().x !== before", arg=place["x"] if place else 0
        )
        page.get_by_role("checkbox", name="logarithmic goodput").uncheck()
        latency = chart_of(page, "latency")
        before = marks(latency, "visit").count()
        page.get_by_role("radio", name="latency p50").check()
        expect(marks(latency, "visit")).not_to_have_count(before)
        expect(page.get_by_test_id("history").locator("[aria-roledescription='point']")).to_have_count(11)

        server = page.get_by_test_id("server").first
        server.locator("summary").focus()
        page.keyboard.press("Enter")
        for name in ("places", "cores", "histogram"):
            expect(server.get_by_test_id(name)).to_have_attribute("data-drawn", "yes")
        assert marks(server.get_by_test_id("places"), "visit ").count() > 5
        seen.shoot("report-linear", whole=True)
        seen.must_have_said_nothing()
        seen.must_have_asked_only("file://")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_is_accessible_in_light_and_dark(browser: Browser, short_report: Path, scheme: str) -> None:
    with watched(browser, scheme=scheme) as seen:
        seen.page.goto(short_report.as_uri())
        chart_of(seen.page, "latency")
        seen.page.get_by_test_id("left-out").locator("summary").click()
        seen.page.get_by_test_id("server").first.locator("summary").click()
        expect(seen.page.get_by_test_id("histogram").first).to_have_attribute("data-drawn", "yes")
        seen.must_be_accessible()
        seen.page.evaluate("window.scrollTo(0, 0)")
        seen.shoot(f"report-{scheme}")
        seen.must_have_said_nothing()


def test_without_scripts_pictures_and_tables_are_read_all_the_same(browser: Browser, report: Path) -> None:
    with watched(browser, scripts=False) as seen:
        page = seen.page
        page.goto(report.as_uri())
        for name in ("goodput", "latency"):
            assert marks(page.get_by_test_id(name), ", visit ").count() > 50
        expect(page.get_by_role("checkbox", name="gevent")).to_be_hidden()
        for name in names():
            expect(page.get_by_test_id("verdicts")).to_contain_text(name)
        page.get_by_test_id("left-out").locator("summary").click()
        expect(page.get_by_test_id("left-out")).to_contain_text("goodput drifted within the visit")
        page.emulate_media(media="print")
        seen.shoot("report-print", whole=True)
