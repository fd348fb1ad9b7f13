"""Any URL: GET the path in FLOODMARK_PATH; any status below 400 is good."""

import os

from floodmark.load import HttpStep, ScenarioUser


class UrlUser(ScenarioUser):
    get = HttpStep("GET", os.environ.get("FLOODMARK_PATH", "/"))
