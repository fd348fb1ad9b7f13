"""Chromium for the tests that look at pages: what a page said on its console, asked of others, and looks like."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, sync_playwright

from target_apps.serve import ROOT

SCREENSHOTS = Path(os.environ.get("FLOODMARK_SCREENSHOTS", ROOT / "build" / "screenshots"))
PROGRAMS = ("chromium", "chromium-browser", "google-chrome")
FLAGS = [
    *("--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update", "--disable-default-apps"),
]
SERIOUS = {"serious", "critical"}


@contextlib.contextmanager
def chromium() -> Iterator[Browser]:
    """The one that is installed; without it, the tests are skipped unless FLOODMARK_REQUIRE_BROWSER is set."""
    path = next(filter(None, map(shutil.which, PROGRAMS)), None)
    if path is None:
        if os.environ.get("FLOODMARK_REQUIRE_BROWSER"):
            pytest.fail("no chromium here, and FLOODMARK_REQUIRE_BROWSER is set")
        pytest.skip("no chromium here; apt-get install chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield browser
        browser.close()


@dataclass
class Watched:
    """A page with everything it said and asked for."""

    page: Page
    said: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)

    def shoot(self, name: str, *, whole: bool = False) -> None:
        """Keep a picture of it."""
        SCREENSHOTS.mkdir(parents=True, exist_ok=True)
        self.page.screenshot(path=SCREENSHOTS / f"{name}.png", full_page=whole)

    def must_be_accessible(self) -> None:
        found = Axe().run(self.page).response["violations"]
        serious = {rule["id"]: [node["html"] for node in rule["nodes"]] for rule in found if rule["impact"] in SERIOUS}
        assert not serious

    def must_have_asked_only(self, *origins: str) -> None:
        assert {f"{urlsplit(url).scheme}://{urlsplit(url).netloc}" for url in self.asked} <= set(origins)

    def must_have_said_nothing(self) -> None:
        assert not self.said


@contextlib.contextmanager
def watched(browser: Browser, *, scheme: str = "light", scripts: bool = True) -> Iterator[Watched]:
    context = browser.new_context(
        color_scheme="dark" if scheme == "dark" else "light",
        java_script_enabled=scripts,
        viewport={"width": 1280, "height": 900},
        accept_downloads=True,
    )
    page = context.new_page()
    found = Watched(page)
    page.on(
        "console", lambda message: found.said.append(message.text) if message.type in {"error", "warning"} else None
    )
    page.on("pageerror", lambda error: found.said.append(str(error)))
    page.on("request", lambda request: found.asked.append(request.url) if not request.url.startswith("data:") else None)
    try:
        yield found
    finally:
        context.close()
