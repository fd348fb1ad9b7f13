"""Any URL: GET the path in FLOODMARK_PATH; good is a status below 400 and, if given, FLOODMARK_MARKER in the body."""

import os

from floodmark.load import HttpStep, ScenarioUser


class UrlUser(ScenarioUser):
    get = HttpStep(
        "GET", os.environ.get("FLOODMARK_PATH", "/"), expect=os.environ.get("FLOODMARK_MARKER", "").encode() or None
    )
