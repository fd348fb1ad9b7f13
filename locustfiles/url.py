"""GET any path. A good answer has a status below 400 and contains the marker, if one is given.

In plain Locust, set them with FLOODMARK_PATH and FLOODMARK_MARKER.
"""

from floodmark.load import HttpStep, ScenarioUser
from floodmark.protocol.load_settings import read_settings

SETTINGS = read_settings()


class UrlUser(ScenarioUser):
    get = HttpStep("GET", SETTINGS.path, expect=SETTINGS.marker.encode() or None)
