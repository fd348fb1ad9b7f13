"""Any URL: GET one path. A good answer has a status below 400 and, where a marker is given, contains it.

In plain Locust, the environment says which: FLOODMARK_PATH and FLOODMARK_MARKER.
"""

from floodmark.load import HttpStep, ScenarioUser
from floodmark.protocol.load_settings import read_settings

SETTINGS = read_settings()


class UrlUser(ScenarioUser):
    get = HttpStep("GET", SETTINGS.path, expect=SETTINGS.marker.encode() or None)
