"""`make ui-gthread` in a browser: form, tab, live charts; start, stop, another scenario, start again, quit."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import signal
import urllib.request

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.support.browser import Watched, watched
from tests.support.processes import Command, free_port, wait_for

pytestmark = pytest.mark.xdist_group("browser")

SLOW_MS = 40_000


def start(page: Page, scenario: str) -> None:
    page.get_by_role("button", name="Custom parameters").click()
    page.get_by_label("Scenario").select_option(scenario)
    page.get_by_role("button", name=re.compile("^start", re.IGNORECASE)).click()
    page.get_by_role("tab", name="Saturation").click(timeout=SLOW_MS)
    expect(page.locator("tbody tr").first).to_contain_text("warm", timeout=SLOW_MS)


def look_at_the_live_page(browser: Browser, web: str) -> None:
    with watched(browser) as seen:
        page = seen.page
        page.goto(f"{web}/saturation")
        point = page.get_by_test_id("goodput").locator("[aria-roledescription='point']")
        expect(point).not_to_have_count(0, timeout=SLOW_MS)
        label = point.first.get_attribute("aria-label") or ""
        assert label.startswith("gthread, visit ")
        expect(page.get_by_test_id("live-phase")).to_contain_text("left")
        expect(page.get_by_test_id("live-r0")).to_contain_text("ms")
        expect(page.get_by_test_id("live-generator")).to_contain_text("of a core")
        expect(page.get_by_test_id("pulse")).to_have_attribute("data-drawn", "yes")
        before = page.get_by_test_id("heard").get_attribute("data-seconds")
        expect(page.get_by_test_id("heard")).not_to_have_attribute("data-seconds", before or "")
        page.get_by_role("checkbox", name="logarithmic goodput").check()
        page.get_by_role("checkbox", name="gthread").uncheck()
        expect(point).to_have_count(0)
        page.get_by_role("checkbox", name="gthread").check()
        expect(point).not_to_have_count(0)
        seen.shoot("live", whole=True)
        seen.must_be_accessible()
        seen.must_have_said_nothing()
        seen.must_have_asked_only(web)


def test_the_search_is_started_watched_stopped_and_started_on_another_server(browser: Browser) -> None:
    port, web_port = free_port(), free_port()
    bind = f"127.0.0.1:{port}"
    words = f"--quick --bind {bind} --web-port {web_port}"
    make = ("make", "--no-print-directory", "ui-gthread")
    command = Command(["BACKEND=process", f"ARGS={words}"], program=make, leads=True)
    process = command.start()
    web = f"http://127.0.0.1:{web_port}"
    try:
        wait_for(lambda: up(web), 30, "the web UI")
        with watched(browser) as seen:
            use(seen, browser, web)
    finally:
        os.killpg(process.pid, signal.SIGINT)  # as Ctrl-C in a terminal does
        _, err = process.communicate(timeout=40)
    assert process.returncode != 0
    assert "interrupted by SIGINT; everything was stopped" in err
    assert "gunicorn-sync at" in err
    command.must_have_left_nothing()


def use(seen: Watched, browser: Browser, web: str) -> None:
    page = seen.page
    page.goto(web)
    start(page, "gthread")
    look_at_the_live_page(browser, web)
    seen.shoot("ui-tab")
    page.get_by_role("tab", name="Download Data").click()
    with page.expect_download() as download:
        page.get_by_role("link", name="Download saturation steps CSV").click()
    visits = list(csv.DictReader(io.StringIO(download.value.path().read_text())))
    assert [visit["phase"] for visit in visits[:1]] == ["warm"]
    expect(page.get_by_test_id("live-link")).to_have_attribute("href", "./saturation")

    page.get_by_role("button", name="Stop").click()
    wait_for(lambda: state(web) == "stopped", SLOW_MS / 1000, "the end of the search")
    page.reload()  # Locust's page asks no more once it has seen "cleanup", and then never offers a new test
    page.get_by_role("button", name="New").click(timeout=SLOW_MS)
    start(page, "sync")
    wait_for(lambda: visits_so_far(web, "sync") > 0, SLOW_MS / 1000, "a visit of the other server")
    seen.must_have_said_nothing()
    seen.must_have_asked_only(web)


def state(web: str) -> str:
    """What Locust says it is doing."""
    with urllib.request.urlopen(f"{web}/stats/requests", timeout=5) as answer:
        return str(json.loads(answer.read())["state"])


def visits_so_far(web: str, scenario: str) -> int:
    """Visits of the search under way, if it is of this scenario."""
    with urllib.request.urlopen(f"{web}/saturation/state.json", timeout=5) as answer:
        state = json.loads(answer.read())
    return int(state["visits"]) if state["facts"]["name"] == scenario else 0


def up(web: str) -> bool:
    try:
        with urllib.request.urlopen(web, timeout=5):
            return True
    except OSError:
        return False
